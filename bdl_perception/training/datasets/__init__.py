# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""One reader for each layout of labelled driving data."""
