# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""The evidence of an alarm: scores joined by frame, tested, and accumulated over time."""
import math
from typing import Mapping

from bdl_perception.alarm.alert_types import AlertLevel, Reason
from bdl_perception.alarm.calibration import Calibration
from bdl_perception.alarm.conformal import ConformalTest
from bdl_perception.alarm.cusum import ConformalCusum, MixtureCusum, WindowMedian
from bdl_perception.alarm.image_range import ImageRangeMonitor
from bdl_perception.alarm.observations import Joiner, Thinning
from bdl_perception.alarm.uncalibrated_camera import UncalibratedCamera
from bdl_perception.perception.data_types import Scores
from bdl_perception.perception.scores import BRIGHTNESS, has_no_pixel


class Evidence:
    """
    Tests scores by a calibration, if there is one, and accumulates the p-values.

    It does so whether or not the alarm is armed, so that no evidence is lost meanwhile.
    """

    def __init__(self, calibration: Calibration | None, max_wait_s: float,
                 clear_fraction: float = .5) -> None:
        """
        Start without evidence.

        max_wait_s: how long the scores of a frame wait for those of its Monte Carlo cycle.
        clear_fraction: of both limits; evidence must fall below it before the alarm clears.
        """
        self.calibration = calibration
        self.p_value: float | None = None  # of the last complete observation
        self.cusum, self.drift = _new_cusum(calibration), _new_drift(calibration)
        self._images = ImageRangeMonitor(calibration.image_range if calibration else None)
        self._start = UncalibratedCamera()
        self._max_wait_s = max_wait_s
        self._clear_fraction = clear_fraction
        self._drift_uncleared = False  # slow evidence exceeded its limit and has not fallen since
        self.reset()

    def reset(self) -> None:
        """Discard scores whose stamps are no longer in order; the evidence stays."""
        self.p_value = None
        self._images.reset()
        self.missing: tuple[str, ...] = ()  # watched scores that the last observation lacks
        self._frame: Mapping[str, float] = {}  # newest scores of a frame
        self._cycle: Mapping[str, float] = {}  # newest scores of a Monte Carlo cycle
        self._cycle_brightness: Mapping[str, float] = {}  # of the frame of that cycle
        self._joiner = Joiner(self._max_wait_s)
        limits = self.calibration.limits if self.calibration else None
        self._thinning = Thinning(limits.step_s if limits else 1)
        self._windows = WindowMedian(limits.slow_step_s if limits else 1)

    def add(self, scores: Scores) -> int | None:
        """Add scores; returns the stamp, ns, of the observation that they complete, if any."""
        observation = self._joiner.add(scores)
        if scores.cycle > 0:
            frame = observation.values if observation else {}
            self._cycle = scores.values
            self._cycle_brightness = {name: frame[name] for name in (BRIGHTNESS,) if name in frame}
        else:
            self._frame = scores.values
            self._images.add(scores.stamp_ns, scores.values)
        if observation is None or not self.calibration:
            return None
        values = {**observation.values,
                  **dict.fromkeys(self._scores_without_pixels(observation.values), math.nan)}
        watched = self.calibration.distribution.watched
        self.missing = tuple(name for name in watched if name not in values)
        if self.missing:
            return None
        self.p_value = self.calibration.test.p_value(values)
        if all(map(math.isfinite, observation.values.values())):
            self._start.add(observation.stamp_ns, bool(self.calibration.test.exceedances(values)))
        if self._thinning.due(observation.stamp_ns):
            self._update_evidence(observation.stamp_ns, self.p_value)
        return observation.stamp_ns

    def _scores_without_pixels(self, values: Mapping[str, float]) -> list[str]:
        """Return the watched scores without a pixel; they count as the highest score."""
        watched = self.calibration.distribution.watched if self.calibration else ()
        return [name for name in watched if has_no_pixel(name, values)]

    def _update_evidence(self, stamp_ns: int, p: float) -> None:
        self.cusum.step(p)
        median = self._windows.add(stamp_ns, p)
        if median is not None:
            slow = self.drift.step(median)
            uncleared = slow >= self._clear_fraction * self.drift.limit
            self._drift_uncleared = self.drift.alarmed or (self._drift_uncleared and uncleared)

    @property
    def statistics(self) -> dict[str, float]:
        """Return the newest value of each score."""
        return {**self._frame, **self._cycle}

    @property
    def errors(self) -> list[Reason]:
        """Return the present reasons for an ERROR."""
        broken = [name for name, value in self.statistics.items() if not math.isfinite(value)]
        texts = []
        if broken:
            texts.append(f'not a finite number: {", ".join(broken)}; the network is broken on '
                         f'this frame')
        without_pixels = self._scores_without_pixels(self.statistics)
        if without_pixels:
            texts.append(f'no pixel has a depth where {", ".join(without_pixels)} is measured, so '
                         f'the scene cannot be assessed; slow down or stop')
        if self.cusum.alarmed:
            texts.append(f'the scene is unlike the calibration drives: evidence '
                         f'{self.cusum.value:.1f} above {self.cusum.limit:.1f}; slow down or stop')
        if self.drift.alarmed:
            texts.append(f'the scene has drifted away from the calibration drives: slow evidence '
                         f'{self.drift.value:.1f} above {self.drift.limit:.1f}; slow down or stop')
        return [Reason(AlertLevel.ERROR, text) for text in texts]

    @property
    def uncalibrated_reason(self) -> str:
        """Return that this camera was never calibrated, and what to do; empty: it was."""
        return self._start.reason

    @property
    def image_reasons(self) -> list[Reason]:
        """Return why the images are unlike those of the calibration drives, as WARN."""
        return self._images.reasons

    @property
    def alarmed(self) -> bool:
        """Return whether the fast or the slow evidence exceeds its limit."""
        return self.cusum.alarmed or self.drift.alarmed

    @property
    def exceedances(self) -> dict[str, str]:
        """Return 'too high' or 'too low' for the newest scores beyond their thresholds."""
        if not self.calibration:
            return {}
        # The frame of a cycle may be of another group than the newest frame.
        cycle = {**self._cycle_brightness, **self._cycle}
        test_for = self.calibration.test.test_for
        return {name: tail for values in (self._frame, cycle)
                for name, tail in test_for(values).exceedances(values).items()}

    @property
    def test(self) -> ConformalTest | None:
        """Return the test of the newest scores; None: no calibration."""
        return self.calibration.test.test_for(self.statistics) if self.calibration else None

    @property
    def fallback_reason(self) -> str | None:
        """Return why the newest scores are not compared with their own group, if so."""
        if self.calibration is None or not self.statistics:
            return None
        return self.calibration.fallback_reason(self.statistics)

    @property
    def uncleared_evidence(self) -> list[str]:
        """
        Return the conditions on the evidence that are not met yet.

        Slow evidence that never exceeded its limit does not prolong the alarm of the fast one.
        """
        fast, slow = (self._clear_fraction * alarm.limit for alarm in (self.cusum, self.drift))
        conditions = []
        if self.cusum.value >= fast:
            conditions.append(f'evidence {self.cusum.value:.1f} is below {fast:.1f}')
        if self._drift_uncleared:
            conditions.append(f'slow evidence {self.drift.value:.1f} is below {slow:.1f}')
        return conditions


def _new_cusum(calibration: Calibration | None) -> ConformalCusum:
    """Return the fast alarm; without a calibration it never gets a p-value."""
    if calibration is None:
        return ConformalCusum(math.inf, .5)
    return ConformalCusum(calibration.limits.cusum, calibration.limits.exponent)


def _new_drift(calibration: Calibration | None) -> MixtureCusum:
    """Return the slow alarm, with an infinite limit if there is none."""
    if calibration is None or calibration.limits.slow is None:
        return MixtureCusum(math.inf)
    return MixtureCusum(calibration.limits.slow)
