# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""
Whether a camera was never calibrated: nearly every frame exceeds a threshold from the start.

The rule: of all observations since the start at least SHARE exceed a threshold, for START_S or
longer. Once the share is below it, the camera counts as calibrated for good. So fog that begins
later than (1 - SHARE) START_S after the start, half a second, is never taken for another camera.
A calibrated camera that starts in fog cannot be distinguished; the reason says "probably".
"""
START_S = 5.
SHARE = .9
MIN_OBSERVATIONS = 10  # slower cameras take longer
MAX_GAP_NS = 10**9  # of the time between two observations that counts
NOT_CALIBRATED = 'this camera was probably never calibrated'  # searched for by the demo


class UncalibratedCamera:
    """Counts the observations since the start, and those that exceed a threshold."""

    def __init__(self) -> None:
        """Start before the first observation."""
        self._count = self._exceeding = self._elapsed_ns = 0
        self._last_ns: int | None = None
        self._known = False  # calibrated, as far as this rule can tell

    def add(self, stamp_ns: int, exceeds: bool) -> None:
        """Add an observation; its stamp may jump back."""
        if self._last_ns is not None:
            self._elapsed_ns += min(max(0, stamp_ns - self._last_ns), MAX_GAP_NS)
        self._last_ns = stamp_ns
        self._count += 1
        self._exceeding += exceeds
        self._known = self._known or (self._has_started and self._share < SHARE)

    @property
    def reason(self) -> str:
        """Return what to do if the camera was never calibrated; empty: it was, or not known."""
        if self._known or not self._has_started:
            return ''
        return (f'{NOT_CALIBRATED} ({self._share:.0%} of the frames of the first '
                f'{self._elapsed_ns / 1e9:.0f} s exceed a threshold): drive with '
                f'learn:=my_camera.json, or use `bdl calibrate`')

    @property
    def _has_started(self) -> bool:
        return self._elapsed_ns >= START_S * 1e9 and self._count >= MIN_OBSERVATIONS

    @property
    def _share(self) -> float:
        return self._exceeding / self._count
