# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""
Which channels each Monte Carlo sample drops.

The network takes its dropout masks as inputs, so that a sample is the same number on every
machine, in training's export, in a replay and on the road. The bits come from Philox, a
counter-based generator (Salmon et al. 2011), key (seed, layer), counter (sample): sample t is the
same however many samples are drawn, and numpy promises never to change the raw stream.
"""
from functools import reduce
from typing import cast, Iterable, Sequence

from bdl_perception.perception.types import Epistemic, Floats, Moments, Prediction, Reals
import cv2
import numpy as np

SEED_LIMIT = 2**64  # a Philox key holds two words of 64 bits; the second is the layer


def check_seed(seed: int) -> None:
    """Raise ValueError for a seed that does not fit the 64-bit word of a Philox key."""
    if not 0 <= seed < SEED_LIMIT:
        raise ValueError(f'seed is {seed}, must be from 0 to 2**64 - 1')


def draw_masks(seed: int, count: int, channels: Sequence[int], probability: float) -> list[Floats]:
    """
    Draw count masks for each dropout layer: one (T, C_k) array of 0 and 1 / (1 - probability).

    A mask that would drop every channel of a layer is drawn again: it would say nothing.
    """
    check_seed(seed)
    if not 0 < probability < 1:
        raise ValueError(f'dropout probability is {probability}, must lie between 0 and 1')
    if count < 1 or not channels or min(channels) < 1:
        raise ValueError(f'{count} masks for layers of {tuple(channels)} channels; '
                         f'there must be at least one of each')
    scale = np.float32(1 / (1 - probability))
    return [np.stack([_draw_mask(seed, layer, sample, width, probability) for sample in range(count)])
            * scale for layer, width in enumerate(channels)]  # (T, C_k) each


def _draw_mask(seed: int, layer: int, sample: int, width: int, probability: float) -> Floats:
    key = np.array([seed, layer], np.uint64)
    counter = np.array([0, sample, 0, 0], np.uint64)  # word 0 counts within the sample
    bits = np.random.Philox(key=key, counter=counter)
    while True:
        uniform = (bits.random_raw(width) >> np.uint64(11)) * 2.**-53  # (C_k,) in [0, 1)
        kept = uniform >= probability
        if kept.any():
            return np.asarray(kept, np.float32)


def merge(first: Moments, second: Moments) -> Moments:
    """Join two parts; the maps become float64, or the means' rounding would show in M2."""
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
    """Merge all chunks, in their order; there must be at least one."""
    parts = list(chunks)
    if not parts:
        raise ValueError('no chunk of samples to merge')
    return reduce(merge, parts)


def _as_float64(values: Reals) -> Reals:
    return np.asarray(values, np.float64)


ROUNDING_TOLERANCE_NAT = 1e-3  # float32 sums miss zero by 1e-6 or so; more than this is a wrong graph


def epistemic_from_moments(moments: Moments, prediction: Prediction) -> Epistemic:
    """
    Say what the samples of one frame mean, at the size of its prediction's maps.

    Depth maps are NaN where the depth of the prediction is not finite. A number of the moments
    that is not finite is counted and stays NaN or infinite in the maps.
    """
    depth = prediction.depth  # (H, W) m
    log_std = _upsample(log_depth_std(moments), depth.shape)
    log_std = np.where(np.isfinite(depth), log_std, np.float32(np.nan))
    return Epistemic(
        stamp_ns=prediction.stamp_ns,
        frame_id=prediction.frame_id,
        samples=moments.count,
        depth_std=depth * log_std,  # m
        log_depth_std=log_std,
        mutual_information=_upsample(mutual_information(moments), depth.shape),  # nat
        non_finite=_count_non_finite(moments))


def log_depth_std(moments: Moments) -> Reals:
    """Give the standard deviation of log-depth (h, w), from the unbiased variance."""
    if moments.count < 2:
        raise ValueError(f'{moments.count} sample has no spread; take at least 2')
    return cast(Reals, np.sqrt(moments.log_depth_m2 / (moments.count - 1)))


def mutual_information(moments: Moments) -> Reals:
    """Give mutual information (h, w), nat; what rounding puts below zero is zero."""
    mean = np.asarray(moments.probability_sum, np.float64) / moments.count  # (K, h, w)
    information = _entropy(mean) - moments.entropy_sum / moments.count
    if (information < -ROUNDING_TOLERANCE_NAT).any():
        raise ValueError(f'mutual information is {np.nanmin(information):.3g} nat, cannot be '
                         f'below zero; probability_sum and entropy_sum do not belong together')
    return np.maximum(information, 0)  # NaN stays NaN


def _entropy(probability: Reals) -> Reals:
    safe = np.maximum(probability, np.finfo(np.float32).tiny)  # 0 log 0 = 0
    return cast(Reals, -(probability * np.log(safe)).sum(axis=0))


def _upsample(values: Reals, shape: tuple[int, ...]) -> Floats:
    size = (shape[1], shape[0])
    narrow = np.ascontiguousarray(values, np.float32)
    return cast(Floats, cv2.resize(narrow, size, interpolation=cv2.INTER_LINEAR))


def _count_non_finite(moments: Moments) -> int:
    maps = (moments.log_depth_mean, moments.log_depth_m2, moments.probability_sum,
            moments.entropy_sum)
    return sum(values.size - int(np.isfinite(values).sum()) for values in maps)
