# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""What `bdl NAME` does, one file for each name; sources.py reads for two of them."""
