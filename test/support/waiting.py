# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""Wait for what another thread or process does."""
import time
from typing import Callable


def wait_for(condition: Callable[[], object]) -> bool:
    """Return whether a condition becomes true within a minute: the machine may be busy."""
    for _ in range(3000):
        if condition():
            return True
        time.sleep(.02)
    return False
