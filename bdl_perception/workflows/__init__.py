# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""Jobs over many drives: calibrate, evaluate, score."""
