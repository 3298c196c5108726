# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""The procedural driving world: streets with exact depth and classes, made from a seed."""
