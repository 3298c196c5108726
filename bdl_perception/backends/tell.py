# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""What happens to engines, said where a node's log goes too."""
import sys


def tell(text: str) -> None:
    """Say on stderr."""
    print(text, file=sys.stderr, flush=True)
