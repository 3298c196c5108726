# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""Metrics of depth, classes, uncertainty and out-of-distribution detection."""
