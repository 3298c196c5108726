# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""The page that shows an evaluation: one file per section, each from plain values to blocks."""
