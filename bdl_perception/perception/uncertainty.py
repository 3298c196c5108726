# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""
From the moments of Monte Carlo samples to what the model does not know.

Depth, by the delta method on samples x = log d:  std(d) = d std(x), with the unbiased variance
M2 / (n - 1). At d = 20 m, M2 = 0.15 of 16 samples: std(x) = 0.1, std(d) = 2 m.

Classes: mutual information I = H[mean p] - mean H[p] >= 0 (Houlsby et al. 2011; Kendall & Gal
2017). Two samples, sure of different classes: I = log 2 - 0 = 0.69 nat.
"""
from typing import cast

from bdl_perception.perception.values import Epistemic
from bdl_perception.perception.values import Floats
from bdl_perception.perception.values import Moments
from bdl_perception.perception.values import Prediction
from bdl_perception.perception.values import Reals
import cv2
import numpy as np

ROUNDING_NAT = 1e-3  # float32 sums miss zero by 1e-6 or so; more than this is a wrong graph


def epistemic_of(moments: Moments, prediction: Prediction) -> Epistemic:
    """
    Say what the samples of one frame mean, at the size of its prediction's maps.

    Depth maps are NaN where the depth of the prediction is not finite. A number of the moments
    that is not finite is counted and stays NaN or infinite in the maps.
    """
    depth = prediction.depth  # (H, W) m
    log_std = _enlarge(log_depth_std(moments), depth.shape)
    log_std = np.where(np.isfinite(depth), log_std, np.float32(np.nan))
    return Epistemic(
        stamp_ns=prediction.stamp_ns,
        frame_id=prediction.frame_id,
        samples=moments.count,
        depth_std=depth * log_std,  # m
        log_depth_std=log_std,
        mutual_information=_enlarge(mutual_information(moments), depth.shape),  # nat
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
    if (information < -ROUNDING_NAT).any():
        raise ValueError(f'mutual information is {np.nanmin(information):.3g} nat, cannot be '
                         f'below zero; probability_sum and entropy_sum do not belong together')
    return np.maximum(information, 0)  # NaN stays NaN


def _entropy(probability: Reals) -> Reals:
    safe = np.maximum(probability, np.finfo(np.float32).tiny)  # 0 log 0 = 0
    return cast(Reals, -(probability * np.log(safe)).sum(axis=0))


def _enlarge(values: Reals, shape: tuple[int, ...]) -> Floats:
    size = (shape[1], shape[0])
    narrow = np.ascontiguousarray(values, np.float32)
    return cast(Floats, cv2.resize(narrow, size, interpolation=cv2.INTER_LINEAR))


def _count_non_finite(moments: Moments) -> int:
    maps = (moments.log_depth_mean, moments.log_depth_m2, moments.probability_sum,
            moments.entropy_sum)
    return sum(values.size - int(np.isfinite(values).sum()) for values in maps)
