# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""The benchmark: what the package costs, beside goals and beside the obvious way to do it."""
