# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""Calibrated alarm: from uncertainty scores to an alert for a planner; needs numpy only."""
