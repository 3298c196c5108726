# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""An alarm that holds, and an OK that must be earned."""


class Latch:
    """
    Set by an error; let go when three things hold at one moment.

    The last error is hold_s ago, the last strange score is clear_s ago, and the evidence has
    fallen. What was true is taken to stay true until the next call, so that the answer depends on
    what happened and not on how often somebody asks.
    """

    def __init__(self, hold_s: float, clear_s: float) -> None:
        """Start released, with nothing strange seen."""
        self.held = False
        self._hold_s, self._clear_s = hold_s, clear_s
        self._error_at_s: float | None = None
        self._strange_at_s: float | None = None

    def advance(self, now_s: float, error: bool, strange: bool, fallen: bool) -> None:
        """Let time pass up to now_s, in which error, strange and fallen were as given."""
        if error:
            self.held, self._error_at_s = True, now_s
        if strange:
            self._strange_at_s = now_s
        if fallen and self.quiet(now_s) and self._over(now_s, self._error_at_s, self._hold_s):
            self.held = self.held and error

    def quiet(self, now_s: float) -> bool:
        """Tell whether nothing strange was seen for clear_s."""
        return self._over(now_s, self._strange_at_s, self._clear_s)

    @staticmethod
    def _over(now_s: float, since_s: float | None, wait_s: float) -> bool:
        return since_s is None or now_s - since_s >= wait_s
