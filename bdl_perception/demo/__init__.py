# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""Demonstration: a drive is played through the ROS 2 nodes and recorded."""
