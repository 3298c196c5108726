# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""A drive through the real processes, and the record it leaves."""
