# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""Reproducible experiments: many small trainings, tables, plots and a report."""
