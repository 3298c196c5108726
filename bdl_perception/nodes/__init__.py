# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""The ROS 2 nodes: they convert messages to values, call the core and publish its results."""
