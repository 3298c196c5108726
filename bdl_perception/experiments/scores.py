# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""
Out-of-distribution scores of a frame; higher means further from the training set.

To add a score, add what it must fit to `FittedScores` and its formula to `frame_scores`.
"""
from typing import Iterable, NamedTuple

from bdl_perception.experiments.analytic_variance import fit_last_layer, LastLayer
from bdl_perception.experiments.mc_sampling import entropy, McOutput
from bdl_perception.experiments.plan import CLASSES, DEPTH
from bdl_perception.metrics.ood import (
    bootstrap_separation,
    percentile_interval,
    resample_weights,
    separation,
)
from bdl_perception.network.class_distance import fit_whitening, Whitening
from bdl_perception.network.feature_statistics import pool_features, SHRINKAGE
from bdl_perception.network.model import Network
from bdl_perception.perception.data_types import SKY
import numpy as np
from numpy.typing import NDArray
import torch
from torch import Tensor

DEPTH_SCORES = ('epistemic_log_depth', 'epistemic_inverse_depth')
SAMPLED_SCORES = (*DEPTH_SCORES, 'mutual_information')
CLASS_SCORES = ('entropy', 'energy', 'softmax')
SCORE_NAMES = (*SAMPLED_SCORES, *CLASS_SCORES, 'aleatoric', 'laplace', 'feature')
SEPARATIONS = ('auroc', 'aupr', 'fpr_95')
BOOTSTRAP_SEED = 0

Floats = NDArray[np.float64]


class FittedScores(NamedTuple):
    """Parameters of scores, fitted on the training frames of the run."""

    features: Whitening
    last_layer: LastLayer


def fit_scores(network: Network, frames: Iterable[Tensor]) -> FittedScores:
    """Fit the parameters of all scores, on batches (B, 3, H, W) of the training frames."""
    batches = list(frames)
    return FittedScores(fit_whitening(pool_features(network, batches), SHRINKAGE),
                        fit_last_layer(network, batches))


@torch.no_grad()
def frame_scores(output: McOutput, task: str) -> dict[str, Tensor]:
    """Compute the scores of the heads that a task trains, (B,) each."""
    single = output.single
    scores = {}
    if task != DEPTH:
        scores = {'entropy': entropy(single.probabilities).mean((1, 2)),
                  'energy': -single.logits.logsumexp(1).mean((1, 2)),
                  'softmax': 1 - single.probabilities.amax(1).mean((1, 2))}
        if output.mutual_information is not None:
            scores['mutual_information'] = output.mutual_information.mean((1, 2))
    if task != CLASSES:
        ground = depth_region(single.logits, task)
        maps = {'aleatoric': single.variance, 'epistemic_log_depth': output.epistemic,
                'epistemic_inverse_depth': output.epistemic_inverse}
        scores.update({name: masked_mean(values, ground) for name, values in maps.items()
                       if values is not None})
    return scores


@torch.no_grad()
def fitted_scores(network: Network, output: McOutput, fitted: FittedScores) -> dict[str, Tensor]:
    """Compute the scores that were fitted on the training frames, (B,) each."""
    deviation = (output.encoded.pooled - fitted.features.mean) @ fitted.features.matrix  # (B, C)
    return {'feature': deviation.square().sum(1).sqrt(),
            'laplace': fitted.last_layer.variance(network, output.encoded.features)}


def depth_region(logits: Tensor, task: str) -> Tensor:
    """
    Return where depth is scored, (B, h, w): without the sky, which has no depth.

    logits: (B, K, h, w). A depth network does not know the sky: the lower half of the frame.
    """
    if task != DEPTH:
        return logits.argmax(1) != SKY
    ground = torch.zeros_like(logits[:, 0], dtype=torch.bool)
    ground[:, ground.shape[1] // 2:] = True
    return ground


def masked_mean(values: Tensor, valid: Tensor) -> Tensor:
    """Average maps (B, h, w) where valid; over the whole frame where no pixel is valid; (B,)."""
    any_valid = valid.any(2, keepdim=True).any(1, keepdim=True)  # (B, 1, 1)
    weights = (valid | ~any_valid).float()
    return (values * weights).sum((1, 2)) / weights.sum((1, 2))


class FrameScores(NamedTuple):
    """A score of each frame of a split."""

    split: str
    values: Floats  # (N,), drive by drive
    lengths: tuple[int, ...]  # frames of each drive

    def drives(self) -> list[list[float]]:
        """Return the values of each drive."""
        parts = np.split(self.values, np.cumsum(self.lengths)[:-1])
        return [part.tolist() for part in parts]


def compare_scores(ood: FrameScores, nominal: FrameScores) -> dict[str, object]:
    """
    Return mean, ratio to the nominal mean (None for a score with negative values), separation.

    auroc, aupr and fpr_95 have 95 % intervals over resampled drives, in NAME_interval.
    """
    mean, base = float(ood.values.mean()), float(nominal.values.mean())
    found = separation(nominal.values.tolist(), ood.values.tolist())
    replicates = bootstrap_separation(
        nominal.drives(), ood.drives(),
        resample_weights(nominal.split, len(nominal.lengths), BOOTSTRAP_SEED),
        resample_weights(ood.split, len(ood.lengths), BOOTSTRAP_SEED))
    quality = {name: getattr(found, name) for name in SEPARATIONS}
    intervals = {f'{name}_interval': percentile_interval(getattr(replicates, name))
                 for name in SEPARATIONS}
    positive = nominal.values.min() >= 0 and base > 0
    return {'mean': mean, 'ratio': mean / base if positive else None, **quality, **intervals}
