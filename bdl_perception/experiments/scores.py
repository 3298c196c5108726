# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""
The numbers that might tell a strange picture: one each, higher is stranger.

To try another score, add what it must fit to `Fitted` and its formula to `frame_scores`.
"""
from typing import Iterable, NamedTuple

from bdl_perception.alarm.regions import DEFAULT_TEXT
from bdl_perception.alarm.regions import parse_regions
from bdl_perception.alarm.regions import region_mask
from bdl_perception.experiments.last_layer import decoder_maps
from bdl_perception.experiments.last_layer import fit_last_layer
from bdl_perception.experiments.last_layer import LastLayer
from bdl_perception.experiments.last_layer import mean_variance
from bdl_perception.experiments.random_features import fit_random_features
from bdl_perception.experiments.random_features import RandomFeatures
from bdl_perception.experiments.seen import entropy
from bdl_perception.experiments.seen import Seen
from bdl_perception.network.feature_statistics import pool_features
from bdl_perception.network.feature_statistics import SHRINKAGE
from bdl_perception.network.model import Network
from bdl_perception.network.whitening import Whitening
from bdl_perception.network.whitening import whitening_of
from bdl_perception.perception.classes import SKY
import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import roc_auc_score
import torch
from torch import Tensor

CORRIDOR, = parse_regions(DEFAULT_TEXT)  # as the shipped alarm has it
SAMPLED = ('epistemic_log_depth', 'epistemic_inverse_depth', 'mutual_information')
IN_CORRIDOR = tuple(f'{name}_corridor' for name in SAMPLED)  # of the lane ahead alone
LINEAR = ('analytic_first', 'analytic_last')  # variance of a Bayesian linear layer, no samples
ANALYTIC = (*LINEAR, 'analytic_random_features')  # and of a Gaussian process
NAMES = (*SAMPLED, *IN_CORRIDOR, *ANALYTIC, 'entropy', 'energy', 'softmax', 'aleatoric', 'feature')

Floats = NDArray[np.float64]


class Fitted(NamedTuple):
    """What scores know of the run's own training frames."""

    features: Whitening
    last_layer: LastLayer
    random_features: RandomFeatures


def fit(network: Network, pictures: Iterable[Tensor]) -> Fitted:
    """Fit all that scores need, on batches (B, 3, H, W) of the training frames."""
    batches = list(pictures)
    return Fitted(whitening_of(pool_features(network, batches), SHRINKAGE),
                  fit_last_layer(network, batches), fit_random_features(network, batches))


@torch.no_grad()
def frame_scores(network: Network, seen: Seen, fitted: Fitted) -> dict[str, Tensor]:
    """Give all scores that this network has, (B,) each."""
    single = seen.single
    deviation = (seen.encoded.pooled - fitted.features.mean) @ fitted.features.matrix  # (B, C)
    scores = {
        'entropy': entropy(single.probabilities).mean((1, 2)),
        'energy': -single.logits.logsumexp(1).mean((1, 2)),
        'softmax': 1 - single.probabilities.amax(1).mean((1, 2)),
        'feature': deviation.square().sum(1).sqrt(),
        'analytic_random_features': fitted.random_features.variance(
            network, seen.encoded.features),
    }
    for name, map_, whitening in zip(
            LINEAR, decoder_maps(network, seen.encoded.features), fitted.last_layer,
            strict=True):
        scores[name] = mean_variance(map_, whitening)
    ground = single.logits.argmax(1) != SKY  # (B, h, w): the sky has no depth
    whole = torch.ones_like(ground)
    ahead = torch.from_numpy(region_mask(CORRIDOR, *ground.shape[1:]).copy())  # (h, w)
    maps = {'aleatoric': (single.variance, ground),
            'epistemic_log_depth': (seen.epistemic, ground),
            'epistemic_inverse_depth': (seen.epistemic_inverse, ground),
            'mutual_information': (seen.mutual_information, whole)}
    for name, (values, valid) in maps.items():
        if values is not None:
            scores[name] = pooled(values, valid)
        if values is not None and name in SAMPLED:
            scores[f'{name}_corridor'] = pooled(values, valid & ahead)
    return scores


def pooled(values: Tensor, valid: Tensor) -> Tensor:
    """Average maps (B, h, w) where valid; over all of a picture where nothing of it is; (B,)."""
    counted = valid.any(2, keepdim=True).any(1, keepdim=True)  # (B, 1, 1)
    weights = (valid | ~counted).float()
    return (values * weights).sum((1, 2)) / weights.sum((1, 2))


def auroc(strange: Floats, nominal: Floats) -> float:
    """
    Give the probability that a strange frame scores above a nominal one; ties count half.

    A score that is not finite is the strangest. By hand: 2, 4 against 1, 3: 3 of 4 pairs.
    """
    scores = np.concatenate([strange, nominal])
    scores[~np.isfinite(scores)] = np.finfo(np.float64).max
    labels = np.repeat([1, 0], [len(strange), len(nominal)])
    return float(roc_auc_score(labels, scores))


def compare(strange: Floats, nominal: Floats) -> dict[str, float | None]:
    """Give mean, ratio to the nominal mean (None where it has no meaning) and AUROC."""
    mean, usual = float(strange.mean()), float(nominal.mean())
    return {'mean': mean, 'ratio': mean / usual if nominal.min() >= 0 and usual > 0 else None,
            'auroc': auroc(strange, nominal)}
