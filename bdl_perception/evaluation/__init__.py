# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""Evaluation of a model on recorded drives: accuracy, OOD detection and the alarm."""
