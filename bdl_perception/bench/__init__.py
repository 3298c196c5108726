# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""Benchmarks of the package against goals and against a baseline node."""
