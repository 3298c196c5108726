# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""Things that run the two graphs of a model, one file each, and a dict of their names."""
