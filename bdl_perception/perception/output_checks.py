# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""
Faults of the network's output that no anomaly score shows: only a high score is an anomaly.

A buffer that is not written any more, a wrong graph or a broken engine gives finite numbers. They
are impossible for one frame (outside of the physical range, without any contrast), or they stay
the same while the frames change, or the Monte Carlo samples do not differ.
"""
import math
from typing import Iterable, Mapping

from bdl_perception.perception.data_types import Epistemic, Prediction, SKY
import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.floating]
ROUNDING = .01  # of probabilities and entropies; half precision stays below it
STUCK_AFTER = 4  # outputs in a row that are the same for different frames; chance gives no two
# The largest spread in the image. Rounding gives 1e-6; the shipped model has at least .03.
MIN_SPREAD = 1e-4
MIN_MEDIAN_M = .05  # no camera of a vehicle has half of its image nearer than that
MAX_BEYOND = .5  # share of pixels beyond the trained depth; the shipped model has at most .001
STUCK_MAPS = ('depth', 'aleatoric_std', 'entropy', 'max_probability', 'energy', 'log_depth_std',
              'cell_distance')


class OutputChecks:
    """Checks each prediction and each Monte Carlo result in turn."""

    def __init__(self, class_count: int) -> None:
        """Start before the first frame of a network with this number of classes."""
        self._class_count = class_count
        self._predictions, self._cycles = _StuckMaps(), _StuckMaps()

    def detect_prediction_faults(self, prediction: Prediction) -> tuple[str, ...]:
        """Return the faults of a prediction, given the ones before it."""
        stuck = self._predictions.update(
            {name: getattr(prediction, name) for name in STUCK_MAPS}, prediction.brightness)
        if prediction.non_finite:
            return _non_finite_faults(prediction.non_finite)  # comparisons have no meaning
        return (*_range_faults(prediction, self._class_count), *_depth_faults(prediction),
                *(f'the {name} of the network does not change: restart perception_node'
                  for name in stuck))

    def detect_epistemic_faults(self, epistemic: Epistemic) -> tuple[str, ...]:
        """Return the faults of a Monte Carlo result, given the predictions before it."""
        maps = {'log_depth_std': epistemic.log_depth_std,
                'mutual_information': epistemic.mutual_information}
        stuck = self._cycles.update(maps, self._predictions.brightness)
        if epistemic.non_finite:
            return _non_finite_faults(epistemic.non_finite)
        return (*_probability_faults(epistemic),
                *(f'the Monte Carlo samples do not differ in {name}: check the sample graph'
                  for name, values in maps.items() if _has_no_spread(values)),
                *(f'the Monte Carlo {name} does not change: restart perception_node'
                  for name in stuck))


def _non_finite_faults(count: int) -> tuple[str, ...]:
    return (f'{count} numbers of the network are not finite',)


class _StuckMaps:
    """Counts how often each map was the same for another frame."""

    def __init__(self) -> None:
        self.brightness = math.nan  # of the last frame: frames of different brightness differ
        self._last: Mapping[str, Numbers] = {}
        self._same: dict[str, int] = {}

    def update(self, maps: Mapping[str, Numbers], brightness: float) -> Iterable[str]:
        """Return the names of maps that were the same for STUCK_AFTER different frames."""
        changed = brightness != self.brightness  # NaN: unknown, so it counts as different
        for name, values in maps.items():
            same = name in self._last and _are_equal(values, self._last[name])
            self._same[name] = self._same.get(name, 0) + changed if same else 0
        self.brightness, self._last = brightness, maps
        return [name for name, count in self._same.items() if count >= STUCK_AFTER - 1]


def _are_equal(values: Numbers, others: Numbers) -> bool:
    """Compare two maps, NaN included; a part of them goes first, to save time."""
    return (np.array_equal(values[:1], others[:1], equal_nan=True)
            and np.array_equal(values, others, equal_nan=True))


def _range_faults(prediction: Prediction, class_count: int) -> Iterable[str]:
    limits = {'depth': (0, math.inf), 'aleatoric_std': (0, math.inf),
              'entropy': (-ROUNDING, math.log(class_count) + ROUNDING),
              'max_probability': (1 / class_count - ROUNDING, 1 + ROUNDING),
              'log_depth_std': (0, math.inf), 'cell_distance': (-ROUNDING, math.inf)}
    for name, (low, high) in limits.items():
        values = getattr(prediction, name)
        wrong = values[(values <= low) | (values > high)]  # NaN stands for no depth
        if wrong.size:
            yield (f'{name} of the network is {wrong.flat[0]:.3g}, must lie between {low:.3g} and '
                   f'{high:.3g}: check the model')
    if prediction.classes.max() >= class_count:
        yield (f'the network predicts class {prediction.classes.max()} of {class_count}: '
               f'check the model')


def _depth_faults(prediction: Prediction) -> Iterable[str]:
    measured = prediction.depth[np.isfinite(prediction.depth)]
    beyond = np.isinf(prediction.depth) & (prediction.classes != SKY)
    if not measured.size:
        yield 'no pixel has a depth within the range of training: check the model'
    elif beyond.mean() > MAX_BEYOND:
        yield (f'depth of {beyond.mean():.0%} of the pixels is beyond the range of training: '
               f'check the model')
    if 2 * np.count_nonzero((measured > 0) & (measured < MIN_MEDIAN_M)) > measured.size:
        yield (f'half of the pixels are nearer than {MIN_MEDIAN_M} m, which is impossible: '
               f'check the model')
    if measured.size > 1 and np.ptp(measured) == 0:
        yield f'depth is {measured[0]:.3g} m in every pixel: check the model'
    if np.ptp(prediction.energy) == 0:
        yield 'the class scores are the same in every pixel: check the model'


def _probability_faults(epistemic: Epistemic) -> Iterable[str]:
    if epistemic.probability is None:
        return
    error = np.abs(epistemic.probability.sum(axis=0) - 1).max()
    if error > ROUNDING or epistemic.probability.min() < -ROUNDING:
        yield (f'class probabilities of the Monte Carlo samples differ from a sum of 1 by '
               f'{error:.3g}: check the sample graph')


def _has_no_spread(values: Numbers) -> bool:
    finite = values[np.isfinite(values)]
    return finite.size > 0 and float(finite.max()) < MIN_SPREAD
