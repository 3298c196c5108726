# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""The network, its losses and its two graphs (PyTorch)."""
