# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""From uncertainty to an alert that a planner can rely on. Knows numpy only."""
