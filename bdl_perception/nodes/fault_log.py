# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""Faults in the log: each kind now and then, however often it happens."""
import re
import time
from typing import Callable

REPEAT_S = 10.0


class FaultLog:
    """Two texts that differ in numbers only are of one kind."""

    def __init__(self, log: Callable[[str], object],
                 now_s: Callable[[], float] = time.monotonic) -> None:
        """Log with this; the clock is for tests to replace."""
        self._log = log
        self._now_s = now_s
        self._said_s: dict[str, float] = {}

    def tell(self, text: str) -> None:
        """Log a fault, unless one of its kind was logged a moment ago."""
        kind, now_s = re.sub(r'\d+', '#', text), self._now_s()
        if now_s - self._said_s.get(kind, -REPEAT_S) >= REPEAT_S:
            self._said_s[kind] = now_s
            self._log(text)
