# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""Evaluation results and calibrations as HTML page, Markdown tables, text and plots."""
