# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""
Moments of Monte Carlo samples that arrive in chunks.

Chan, Golub and LeVeque (1979), "Updating formulae and a pairwise algorithm for computing sample
variances": for parts a and b with n = n_a + n_b and delta = mean_b - mean_a,

    mean = mean_a + delta n_b / n        M2 = M2_a + M2_b + delta^2 n_a n_b / n

Samples {1, 3} have mean 2 and M2 2; with {6}, delta = 4: mean 10/3, M2 = 2 + 0 + 16 * 2/3 = 12.67.

Chunks that a backend gives in float32 merge to one batch of the same samples within 1e-5 of a
map's largest value, and of its norm. A pixel on its own may be further off where it hardly
spreads, as its mean was rounded: its M2 by 6e-5 of itself was seen.
"""
from functools import reduce
from typing import Iterable

from bdl_perception.perception.values import Moments
from bdl_perception.perception.values import Reals
import numpy as np


def merge(first: Moments, second: Moments) -> Moments:
    """Join two parts; the maps become float64, or the means' rounding would show in M2."""
    count = first.count + second.count
    mean = _wide(first.log_depth_mean)
    delta = second.log_depth_mean - mean  # (h, w)
    between = delta**2 * (first.count * second.count / count)
    return Moments(
        count,
        mean + delta * (second.count / count),
        _wide(first.log_depth_m2) + second.log_depth_m2 + between,
        _wide(first.probability_sum) + second.probability_sum,
        _wide(first.entropy_sum) + second.entropy_sum)


def total(chunks: Iterable[Moments]) -> Moments:
    """Merge all chunks, in their order; there must be at least one."""
    parts = list(chunks)
    if not parts:
        raise ValueError('no chunk of samples to merge')
    return reduce(merge, parts)


def _wide(values: Reals) -> Reals:
    return np.asarray(values, np.float64)
