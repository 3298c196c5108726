# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""Experiments that a user can run again: many small trainings, tables, plots and a report."""
