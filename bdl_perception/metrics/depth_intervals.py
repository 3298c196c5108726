# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""
Calibrated prediction intervals of depth.

d exp(-m f s) .. d exp(m f s):  d the predicted depth, s the total standard deviation of log-depth,
f one factor, m a multiplier that depends on the level and on the range bin of d. d = 10 m, s = .1,
f = 1.5, m = 2: 7.41 .. 13.50 m. The range bin is that of the prediction, since the truth is not
known when the interval is used.
"""
from dataclasses import asdict, dataclass
import math
from typing import Any, Mapping

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

EDGES_M = (5., 10., 20., 40.)  # between the range bins; the last one is open
BIN_NAMES = ('0-5 m', '5-10 m', '10-20 m', '20-40 m', '40- m')
LEVELS = (.5, .8, .9, .95)


@dataclass(frozen=True)
class DepthIntervals:
    """Fitted parameters; the number of drives counts, since frames of one drive are alike."""

    factor: float  # of the total standard deviation of log-depth
    aleatoric_factor: float  # of the aleatoric standard deviation alone
    temperature: float  # T of p^(1/T), renormalised, of the class probabilities
    edges_m: tuple[float, ...]
    levels: tuple[float, ...]
    multipliers: tuple[tuple[float, ...], ...]  # [bin][level], of factor x sigma
    pooled: tuple[bool, ...]  # bins with too few pixels: they use the multipliers of all pixels
    pixels: tuple[int, ...]  # in each bin
    drives: int

    def __post_init__(self) -> None:
        """Raise ValueError for numbers that make no interval."""
        for name in ('factor', 'aleatoric_factor', 'temperature'):
            value = getattr(self, name)
            if not 0 < value < math.inf:
                raise ValueError(f'{name} is {value}, must be positive and finite; '
                                 f'calibrate again')
        if self.drives < 1:
            raise ValueError(f'drives is {self.drives}, must be at least 1; calibrate again')
        if self.edges_m != EDGES_M or self.levels != LEVELS:
            raise ValueError(f'range bins {self.edges_m} m and levels {self.levels}: this version '
                             f'has {EDGES_M} and {LEVELS}; calibrate again')
        if {len(self.multipliers), len(self.pooled), len(self.pixels)} != {len(BIN_NAMES)}:
            raise ValueError(f'multipliers, pooled and pixels must have {len(BIN_NAMES)} range '
                             f'bins; calibrate again')
        for name, row in zip(BIN_NAMES, self.multipliers, strict=True):
            if (len(row) != len(LEVELS) or list(row) != sorted(row)
                    or not all(0 < value < math.inf for value in row)):
                raise ValueError(f'multipliers of {name} are {row}, must be {len(LEVELS)} '
                                 f'positive, finite, ascending numbers; calibrate again')

    def half_widths(self, depth: Array, log_std: Array) -> Array:
        """Return half the width of each interval of log-depth, (N, levels), of pixels (N,)."""
        return np.asarray(self.multipliers)[range_bin(depth)] * self.factor * log_std[:, None]

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return asdict(self)

    @staticmethod
    def from_dict(values: Mapping[str, Any]) -> 'DepthIntervals':
        """Read the output of to_dict, also through JSON; ValueError names what is wrong."""
        known = set(DepthIntervals.__dataclass_fields__)
        if known != set(values):
            raise ValueError(f'depth intervals: missing {sorted(known - set(values))}, unknown '
                             f'{sorted(set(values) - known)}; calibrate again')
        try:
            rows = tuple(tuple(map(float, row)) for row in values['multipliers'])
            return DepthIntervals(**{
                **values, 'multipliers': rows, 'edges_m': tuple(values['edges_m']),
                'levels': tuple(values['levels']), 'pooled': tuple(values['pooled']),
                'pixels': tuple(values['pixels'])})
        except TypeError as error:
            raise ValueError(f'depth intervals hold values of wrong types ({error}); '
                             f'calibrate again') from error


def range_bin(depth: Array) -> NDArray[np.intp]:
    """Return the index of the range bin of each predicted depth, m; 5 m is in the second bin."""
    return np.digitize(depth, EDGES_M)
