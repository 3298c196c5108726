# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""
Monte Carlo dropout: masks, moments of the samples, and epistemic uncertainty.

The network takes its dropout masks as inputs, so that a sample is the same number on every
machine, in export, replay and operation. The bits come from Philox, a counter-based generator
(Salmon et al. 2011), key (seed, layer), counter (sample). Sample t does not depend on the number
of samples, and numpy guarantees that the raw stream never changes.

Samples arrive in chunks, whose moments are merged (see merge). epistemic_from_moments turns the
moments of a whole cycle into the epistemic uncertainty of depth and class.
"""
from functools import reduce
from typing import cast, Iterable, Sequence

from bdl_perception.perception.backend import (
    check_seed,
    count_non_finite,
    each_probability,
    SAMPLE_OUTPUTS,
)
from bdl_perception.perception.data_types import Epistemic, Floats, Moments, Prediction, Reals
from bdl_perception.perception.image_geometry import resize_map
import numpy as np

# float32 sums differ from zero by about 1e-6; a larger difference means a wrong graph
ROUNDING_TOLERANCE_NAT = 1e-3


def draw_masks(seed: int, count: int, channels: Sequence[int],
               probability: float | Sequence[float]) -> list[Floats]:
    """
    Draw masks for each dropout layer: one (T, C_k) array of 0 and 1 / (1 - probability).

    count: T; probability: of all layers, or one for each. A mask that would drop every channel of
    a layer is drawn again.
    """
    check_seed(seed)
    each = each_probability(probability, len(channels))
    if count < 1 or not channels or min(channels) < 1:
        raise ValueError(f'{count} masks for layers of {tuple(channels)} channels; '
                         f'there must be at least one of each')
    return [np.float32(1 / (1 - p)) * np.stack([_draw_mask(seed, layer, sample, width, p)
                                                for sample in range(count)])
            for layer, (width, p) in enumerate(zip(channels, each, strict=True))]  # (T, C_k) each


def _draw_mask(seed: int, layer: int, sample: int, width: int, probability: float) -> Floats:
    key = np.array([seed, layer], np.uint64)
    counter = np.array([0, sample, 0, 0], np.uint64)  # word 0 counts within the sample
    bits = np.random.Philox(key=key, counter=counter)
    while True:
        uniform = (bits.random_raw(width) >> np.uint64(11)) * 2.**-53  # (C_k,) in [0, 1)
        active = uniform >= probability
        if active.any():
            return np.asarray(active, np.float32)


def merge(first: Moments, second: Moments) -> Moments:
    """
    Merge the moments of two sets of samples.

    Chan, Golub and LeVeque (1979), "Updating formulae and a pairwise algorithm for computing
    sample variances": for parts a and b with n = n_a + n_b and delta = mean_b - mean_a,

        mean = mean_a + delta n_b / n        M2 = M2_a + M2_b + delta^2 n_a n_b / n

    Samples {1, 3} have mean 2 and M2 2; with {6}, delta = 4: mean 10/3, M2 = 2 + 0 + 16 * 2/3 =
    12.67. The maps become float64. Chunks in float32 merge to one batch of the same samples within
    1e-5 of a map's largest value and of its norm; the M2 of a single pixel with a small variance
    differed by up to 6e-5 of itself.
    """
    count = first.count + second.count
    mean = _as_float64(first.log_depth_mean)
    delta = second.log_depth_mean - mean  # (h, w)
    between = delta**2 * (first.count * second.count / count)
    return Moments(
        count,
        mean + delta * (second.count / count),
        _as_float64(first.log_depth_m2) + second.log_depth_m2 + between,
        _as_float64(first.probability_sum) + second.probability_sum,
        _as_float64(first.entropy_sum) + second.entropy_sum)


def merge_all(chunks: Iterable[Moments]) -> Moments:
    """Merge chunks in their order; ValueError if there is none."""
    parts = list(chunks)
    if not parts:
        raise ValueError('no chunk of samples to merge')
    return reduce(merge, parts)


def _as_float64(values: Reals) -> Reals:
    return np.asarray(values, np.float64)


def epistemic_from_moments(moments: Moments, prediction: Prediction) -> Epistemic:
    """
    Compute the epistemic maps of a frame, at the size of its prediction's depth (H, W).

    Depth by the delta method on x = log d: std(d) = d std(x). At d = 20 m, M2 = 0.15 of 16
    samples: std(x) = 0.1, std(d) = 2 m. Depth maps are NaN where the predicted depth is not
    finite. Non-finite numbers in the moments are counted and remain in the maps.
    """
    depth = prediction.depth  # (H, W) m
    log_std = resize_map(log_depth_std(moments), depth.shape)
    log_std = np.where(np.isfinite(depth), log_std, np.float32(np.nan))
    return Epistemic(
        stamp_ns=prediction.stamp_ns,
        frame_id=prediction.frame_id,
        samples=moments.count,
        depth_std=depth * log_std,  # m
        log_depth_std=log_std,
        mutual_information=resize_map(mutual_information(moments), depth.shape),  # nat
        non_finite=count_non_finite(moments, SAMPLE_OUTPUTS),
        probability=np.asarray(moments.probability_sum / moments.count, np.float32))


def log_depth_std(moments: Moments) -> Reals:
    """Return the standard deviation of log-depth (h, w), from the unbiased M2 / (n - 1)."""
    if moments.count < 2:
        raise ValueError(f'{moments.count} sample has no standard deviation; take at least 2')
    return cast(Reals, np.sqrt(moments.log_depth_m2 / (moments.count - 1)))


def mutual_information(moments: Moments) -> Reals:
    """
    Return the mutual information I = H[mean p] - mean H[p] >= 0 (h, w) nat.

    Houlsby et al. 2011; Kendall & Gal 2017. By hand: two samples, each certain of another class,
    give log 2 - 0 = 0.69 nat. Values that rounding puts below zero are set to zero.
    """
    mean = np.asarray(moments.probability_sum, np.float64) / moments.count  # (K, h, w)
    information = _entropy(mean) - moments.entropy_sum / moments.count
    if (information < -ROUNDING_TOLERANCE_NAT).any():
        raise ValueError(f'mutual information is {np.nanmin(information):.3g} nat, cannot be '
                         f'below zero; probability_sum and entropy_sum do not belong together')
    return np.maximum(information, 0)  # NaN stays NaN


def _entropy(probability: Reals) -> Reals:
    safe = np.maximum(probability, np.finfo(np.float32).tiny)  # 0 log 0 = 0
    return cast(Reals, -(probability * np.log(safe)).sum(axis=0))
