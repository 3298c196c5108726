# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""
One factor for the predicted sigma, so that intervals hold on drives that were not taught.

A network that has learned for long is too sure, one that has learned for short not sure enough.
One number, fitted on validation drives, mends the mean of it (Kuleshov et al. 2018 fit a curve).
"""
import math
from typing import Iterable

from bdl_perception.network.decoder import DEPTH_LOG_VARIANCE_CHANNEL
from bdl_perception.network.model import Network
from bdl_perception.training.batches import Batch
import numpy as np
import torch

LEVEL, HALF_WIDTH = 0.9, 1.6449  # of a Gaussian's central interval, in sigma


@torch.no_grad()
def fit_sigma_factor(network: Network, batches: Iterable[Batch]) -> float:
    """
    Give the factor with which 90 % of true log-depths lie within 1.645 predicted sigma.

    Errors of 1 and 3 sigma in equal parts: 90 % lie within 3 sigma, the factor is 3 / 1.645.
    ValueError when no pixel has a depth.
    """
    network.eval()
    ratios = []
    for batch in batches:
        maps = network(batch.rgb)
        known = torch.isfinite(batch.log_depth)
        error = (maps.log_depth - batch.log_depth)[known].abs()  # (N,)
        ratios.append((error * (-0.5 * maps.depth_log_variance[known]).exp()).numpy())
    found = np.concatenate(ratios) if ratios else np.empty(0)
    if not found.size:
        raise ValueError('the validation frames have no depth, so sigma cannot be scaled')
    return float(np.quantile(found, LEVEL)) / HALF_WIDTH


@torch.no_grad()
def scale_sigma(network: Network, factor: float) -> None:
    """Multiply predicted sigmas of log-depth by a factor, up to their bounds: s + 2 log factor."""
    if not factor > 0:
        raise ValueError(f'factor of sigma is {factor}, must be positive')
    bias = network.decoder.heads.get_parameter('bias')
    bias[DEPTH_LOG_VARIANCE_CHANNEL] += 2 * math.log(factor)
