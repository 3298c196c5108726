# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""Injection of faults into the running nodes, and the time until the alert reports them."""
