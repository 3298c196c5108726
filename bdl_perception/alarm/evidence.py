# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""What the scores say: each for itself, joined by picture, and summed over time."""
import math
from typing import Mapping

from bdl_perception.alarm.alert_types import AlertLevel, Reason
from bdl_perception.alarm.calibration import Calibration
from bdl_perception.alarm.cusum import ConformalCusum, MixtureCusum, WindowMedian
from bdl_perception.alarm.observations import Joiner, Thinning
from bdl_perception.alarm.score_distribution import ScoreDistribution
from bdl_perception.perception.scores import BRIGHTNESS, has_no_pixel
from bdl_perception.perception.types import Scores


class Evidence:
    """
    Weighs scores against a calibration, if there is one.

    It weighs them whether or not the alarm is armed: being armed decides only whether a mild
    result is believed, so nothing that happened meanwhile is lost.
    """

    def __init__(self, calibration: Calibration | None, max_wait_s: float,
                 clear_fraction: float = .5) -> None:
        """
        Start without any.

        keep_s bounds how long a frame waits for its cycle; clear_fraction says of both limits how
        far evidence that was above must fall.
        """
        self.calibration = calibration
        self.p_value: float | None = None  # of the last complete observation
        self.cusum = _new_cusum(calibration)
        self.drift = MixtureCusum(calibration and calibration.slow_limit or math.inf)
        self._max_wait_s = max_wait_s
        self._clear_fraction = clear_fraction
        self._drift_uncleared = False  # the slow alarm spoke, and its evidence has not fallen since
        self.reset()

    def reset(self) -> None:
        """Drop what belongs to stamps that are no longer in order; both sums stay."""
        self.p_value = None
        self._newest: dict[bool, Mapping[str, float]] = {}  # of a cycle? -> values
        self._newest_with_brightness: dict[bool, Mapping[str, float]] = {}  # the same, and the light of its picture
        self._joiner = Joiner(self._max_wait_s)
        self._thinning = Thinning(self.calibration.step_s if self.calibration else 1)
        self._windows = WindowMedian(self.calibration.slow_step_s if self.calibration else 1)

    def add(self, scores: Scores) -> int | None:
        """Weigh scores; gives the stamp when they complete an observation."""
        seen = self._joiner.add(scores)
        self._newest[scores.cycle > 0] = scores.values
        self._newest_with_brightness[scores.cycle > 0] = _with_brightness(scores.values, seen.values if seen else {})
        if seen is None or not self.calibration:
            return None
        values = {**seen.values, **dict.fromkeys(self._scores_without_pixels(seen.values), math.nan)}
        if not self.calibration.is_complete(values):
            return None
        self.p_value = self.calibration.p_value(values)
        if self._thinning.due(seen.stamp_ns):
            self._update_evidence(seen.stamp_ns, self.p_value)
        return seen.stamp_ns

    def _scores_without_pixels(self, values: Mapping[str, float]) -> list[str]:
        """Name watched scores that nothing could be averaged for; they weigh as the strangest."""
        watched = self.calibration.watched if self.calibration else ()
        return [name for name in watched if has_no_pixel(name, values)]

    def _update_evidence(self, stamp_ns: int, p: float) -> None:
        self.cusum.step(p)
        median = self._windows.add(stamp_ns, p)
        if median is not None:
            slow = self.drift.step(median)
            high = slow >= self._clear_fraction * self.drift.limit
            self._drift_uncleared = self.drift.alarmed or (self._drift_uncleared and high)

    @property
    def statistics(self) -> dict[str, float]:
        """Give the newest value of each score."""
        return {name: value for values in self._newest.values() for name, value in values.items()}

    @property
    def errors(self) -> list[Reason]:
        """Say what is wrong at this moment."""
        broken = [name for name, value in self.statistics.items() if not math.isfinite(value)]
        found = []
        if broken:
            found.append(f'not a finite number: {", ".join(broken)}; the network is broken on '
                         f'this picture')
        blind = self._scores_without_pixels(self.statistics)
        if blind:
            found.append(f'nothing has a depth where {", ".join(blind)} is measured, so nobody '
                         f'can tell how strange the scene is; slow down or stop')
        if self.cusum.alarmed:
            found.append(f'the scene is unlike the calibration drives: evidence '
                         f'{self.cusum.value:.1f} above {self.cusum.limit:.1f}; slow down or stop')
        if self.drift.alarmed:
            found.append(f'the scene has drifted away from the calibration drives: slow evidence '
                         f'{self.drift.value:.1f} above {self.drift.limit:.1f}; slow down or stop')
        return [Reason(AlertLevel.ERROR, text) for text in found]

    @property
    def alarmed(self) -> bool:
        """Tell whether the fast or the slow evidence is above its limit."""
        return self.cusum.alarmed or self.drift.alarmed

    @property
    def exceedances(self) -> dict[str, str]:
        """Say of the newest scores outside their thresholds: too high, or too low."""
        if not self.calibration:
            return {}
        return {name: how for values in self._newest_with_brightness.values()
                for name, how in self.calibration.distribution_for(values).exceedances(values).items()}

    @property
    def distribution(self) -> ScoreDistribution | None:
        """Give what the newest scores are compared with; None: no calibration."""
        return self.calibration.distribution_for(self.statistics) if self.calibration else None

    @property
    def fallback_reason(self) -> str | None:
        """Say why the newest scores are not compared with their own group, if that is so."""
        known = self.calibration is not None and bool(self._newest)
        return self.calibration.fallback_reason(self.statistics) if known and self.calibration else None

    @property
    def uncleared_evidence(self) -> list[str]:
        """
        Name the evidence that has not fallen as far as it must.

        Slow evidence that never reached its limit does not keep up an alarm that is not its own.
        """
        fast, slow = (self._clear_fraction * one.limit for one in (self.cusum, self.drift))
        found = []
        if self.cusum.value >= fast:
            found.append(f'evidence {self.cusum.value:.1f} is below {fast:.1f}')
        if self._drift_uncleared:
            found.append(f'slow evidence {self.drift.value:.1f} is below {slow:.1f}')
        return found


def _with_brightness(values: Mapping[str, float], frame_values: Mapping[str, float]) -> dict[str, float]:
    """Add how bright the picture of a cycle was: a newer one may be of another group."""
    return {**{name: frame_values[name] for name in (BRIGHTNESS,) if name in frame_values}, **values}


def _new_cusum(calibration: Calibration | None) -> ConformalCusum:
    """Begin a sum; without a calibration nothing is ever added to it."""
    if calibration is None:
        return ConformalCusum(math.inf, .5)
    return ConformalCusum(calibration.cusum_limit, calibration.exponent)
