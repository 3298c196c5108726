# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""How long a score remembers: pictures nearer than that are hardly two observations."""
import math
from typing import Sequence

import numpy as np
from numpy.typing import NDArray

FORGOTTEN = 1 / math.e


def decorrelation_s(drives: Sequence[Sequence[float]], step_s: float) -> float:
    """
    Give the lag, s, at which the autocorrelation of a score falls below 1/e.

    drives: values step_s apart, one row a drive, centred by its own mean; the autocorrelation is
    the mean product at a lag over all drives, divided by that at lag 0. Centring a short drive
    hides what changes slower than it, so that the answer is a lower bound. If it never falls so
    far within half of the longest drive: that half. By hand: 1, -1, 1, -1 has -1 at the first lag,
    so one step; constant drives remember nothing that could be measured: one step too.
    """
    centred = [np.asarray(row, float) - np.mean(row) for row in drives if len(row)]
    if not centred:
        raise ValueError('there is no value to measure how long a score remembers')
    variance, longest = _covariance(centred, 0), max(max(map(len, centred)) // 2, 1)
    for lag in range(1, longest):
        if not _covariance(centred, lag) >= FORGOTTEN * variance > 0:
            return lag * step_s
    return longest * step_s


def _covariance(centred: Sequence[NDArray[np.float64]], lag: int) -> float:
    pairs = [(row[:len(row) - lag], row[lag:]) for row in centred if len(row) > lag]
    count = sum(len(first) for first, _ in pairs)
    return sum(float(np.dot(first, later)) for first, later in pairs) / count
