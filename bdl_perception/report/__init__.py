# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""Evaluation results as a page, tables and plots."""
