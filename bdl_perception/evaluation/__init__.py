# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""Running a model over recorded drives: scores, calibration."""
