# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""Recorded input, one reader for each kind: folder, video, bag."""
