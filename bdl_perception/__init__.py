# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""Camera perception for driving robots that says how sure it is, and raises an alarm."""
