# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""
Out-of-distribution scores of a frame; higher means further from the training set.

To add a score, add what it must fit to `FittedScores` and its formula to `frame_scores`.
"""
from typing import Iterable, NamedTuple

from bdl_perception.experiments.analytic_variance import (
    decoder_maps,
    fit_last_layer,
    fit_random_features,
    LastLayerWhitening,
    mean_variance,
    RandomFeatures,
)
from bdl_perception.experiments.mc_sampling import entropy, McOutput
from bdl_perception.metrics.ood import auroc
from bdl_perception.network.class_distance import fit_whitening, Whitening
from bdl_perception.network.feature_statistics import pool_features, SHRINKAGE
from bdl_perception.network.model import Network
from bdl_perception.perception.data_types import SKY
from bdl_perception.perception.regions import DEFAULT_REGIONS_TEXT, parse_regions, region_mask
import numpy as np
from numpy.typing import NDArray
import torch
from torch import Tensor

CORRIDOR, = parse_regions(DEFAULT_REGIONS_TEXT)  # that of the shipped alarm
SAMPLED_SCORES = ('epistemic_log_depth', 'epistemic_inverse_depth', 'mutual_information')
CORRIDOR_SCORES = tuple(f'{name}_corridor' for name in SAMPLED_SCORES)  # of the lane ahead only
LINEAR_SCORES = ('analytic_first', 'analytic_last')  # variance of a Bayesian linear layer
ANALYTIC_SCORES = (*LINEAR_SCORES, 'analytic_random_features')  # and of a Gaussian process
SCORE_NAMES = (*SAMPLED_SCORES, *CORRIDOR_SCORES, *ANALYTIC_SCORES,
               'entropy', 'energy', 'softmax', 'aleatoric', 'feature')

Floats = NDArray[np.float64]


class FittedScores(NamedTuple):
    """Parameters of scores, fitted on the training frames of the run."""

    features: Whitening
    last_layer: LastLayerWhitening
    random_features: RandomFeatures


def fit_scores(network: Network, frames: Iterable[Tensor]) -> FittedScores:
    """Fit the parameters of all scores, on batches (B, 3, H, W) of the training frames."""
    batches = list(frames)
    return FittedScores(fit_whitening(pool_features(network, batches), SHRINKAGE),
                        fit_last_layer(network, batches), fit_random_features(network, batches))


@torch.no_grad()
def frame_scores(network: Network, output: McOutput, fitted: FittedScores) -> dict[str, Tensor]:
    """Compute all scores that this network has, (B,) each."""
    single = output.single
    deviation = (output.encoded.pooled - fitted.features.mean) @ fitted.features.matrix  # (B, C)
    scores = {
        'entropy': entropy(single.probabilities).mean((1, 2)),
        'energy': -single.logits.logsumexp(1).mean((1, 2)),
        'softmax': 1 - single.probabilities.amax(1).mean((1, 2)),
        'feature': deviation.square().sum(1).sqrt(),
        'analytic_random_features': fitted.random_features.variance(
            network, output.encoded.features),
    }
    for name, map_, whitening in zip(
            LINEAR_SCORES, decoder_maps(network, output.encoded.features), fitted.last_layer,
            strict=True):
        scores[name] = mean_variance(map_, whitening)
    ground = single.logits.argmax(1) != SKY  # (B, h, w): the sky has no depth
    whole = torch.ones_like(ground)
    ahead = torch.from_numpy(region_mask(CORRIDOR, *ground.shape[1:]).copy())  # (h, w)
    maps = {'aleatoric': (single.variance, ground),
            'epistemic_log_depth': (output.epistemic, ground),
            'epistemic_inverse_depth': (output.epistemic_inverse, ground),
            'mutual_information': (output.mutual_information, whole)}
    for name, (values, valid) in maps.items():
        if values is not None:
            scores[name] = masked_mean(values, valid)
        if values is not None and name in SAMPLED_SCORES:
            scores[f'{name}_corridor'] = masked_mean(values, valid & ahead)
    return scores


def masked_mean(values: Tensor, valid: Tensor) -> Tensor:
    """Average maps (B, h, w) where valid; over the whole frame where no pixel is valid; (B,)."""
    any_valid = valid.any(2, keepdim=True).any(1, keepdim=True)  # (B, 1, 1)
    weights = (valid | ~any_valid).float()
    return (values * weights).sum((1, 2)) / weights.sum((1, 2))


def compare_scores(ood: Floats, nominal: Floats) -> dict[str, float | None]:
    """Return mean, ratio to the nominal mean (None for a score with negative values), AUROC."""
    mean, base = float(ood.mean()), float(nominal.mean())
    return {'mean': mean, 'ratio': mean / base if nominal.min() >= 0 and base > 0 else None,
            'auroc': auroc(nominal, ood)}
