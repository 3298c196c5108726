# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""How good the network is on pictures that it was not taught."""
import math
from typing import Iterable, Mapping, NamedTuple, Sequence

from bdl_perception.datasets.base import Dataset
from bdl_perception.network.model import Network
from bdl_perception.perception.types import IGNORE
from bdl_perception.training.batches import Batch, evenly_spaced
import numpy as np
import torch
from torch import Tensor


class ValidationMetrics(NamedTuple):
    """Of the deterministic pass, at the decoder's resolution."""

    abs_rel: float  # mean of |depth - truth| / truth over finite truth; NaN without any
    mean_iou: float  # mean over the classes that occur; NaN without any
    inside_90: float  # share of log-depths within 1.645 predicted standard deviations

    @property
    def score(self) -> float:
        """
        One number to choose an epoch by, lower is better: mean of abs_rel and 1 - mean_iou.

        A part that is NaN is left out; NaN when both are. Worked: .2 and .6 give .3.
        """
        parts = [part for part in (self.abs_rel, 1 - self.mean_iou) if not math.isnan(part)]
        return sum(parts) / len(parts) if parts else math.nan


@torch.no_grad()
def compute_metrics(network: Network, batches: Iterable[Batch]) -> ValidationMetrics:
    """Run the network in evaluation mode over the batches, which lie where it does."""
    network.eval()
    confusion = torch.zeros(network.config.classes, network.config.classes, dtype=torch.float64)
    error, inside, pixels = 0.0, 0, 0
    for batch in batches:
        maps = network(batch.rgb)
        confusion += confusion_matrix(
            maps.logits.argmax(1), batch.classes, len(confusion)).cpu()
        known = torch.isfinite(batch.log_depth)
        deviation = (maps.log_depth - batch.log_depth)[known]  # (N,)
        sigma = (0.5 * maps.depth_log_variance[known]).exp()
        error += float(deviation.exp().sub(1).abs().sum())
        inside += int((deviation.abs() <= 1.645 * sigma).sum())
        pixels += int(known.sum())
    whole = float('nan') if pixels == 0 else pixels
    return ValidationMetrics(error / whole, mean_iou(confusion), inside / whole)


def confusion_matrix(predicted: Tensor, truth: Tensor, classes: int) -> Tensor:
    """Count pixels by true (row) and predicted (column) class, without IGNORE; (K, K)."""
    labelled = truth != IGNORE
    pairs = truth[labelled].long() * classes + predicted[labelled].long()
    return torch.bincount(pairs, minlength=classes * classes).reshape(classes, classes).float()


def mean_iou(confusion: Tensor) -> float:
    """
    Average intersection over union of the classes that occur in truth or prediction.

    IoU_k = n_kk / (row_k + column_k - n_kk). Worked: [[3, 1], [0, 4]] gives (3/4 + 4/5) / 2.
    """
    hits = confusion.diagonal()
    union = confusion.sum(0) + confusion.sum(1) - hits
    return float((hits / union)[union > 0].mean())


TASK_LOSSES = {'depth': 'regression', 'classes': 'classification'}  # columns of the history
PROBE_SAMPLES = 5  # samples of a set: what these do not know, none does


def untrained_tasks(history: Sequence[Mapping[str, float]]) -> list[str]:
    """Name the tasks whose loss was 0 in every epoch, as it is only where no pixel has truth."""
    return [task for task, loss in TASK_LOSSES.items()
            if history and all(row.get(loss) == 0 for row in history)]


def labelled_tasks(dataset: Dataset) -> set[str]:
    """Name the tasks that a set has truth of, as far as a few of its samples tell."""
    tasks = set()
    for index in evenly_spaced(len(dataset), PROBE_SAMPLES):
        sample = dataset[index]
        if np.isfinite(sample.depth).any():
            tasks.add('depth')
        if (sample.classes != IGNORE).any():
            tasks.add('classes')
    return tasks


def missing_tasks(sets: Iterable[Dataset]) -> list[str]:
    """Name the tasks that no set has truth of."""
    there = set().union(*map(labelled_tasks, sets))
    return [task for task in TASK_LOSSES if task not in there]


COVERAGE_LEVEL, HALF_WIDTH_SIGMA = 0.9, 1.6449  # of a Gaussian's central interval, in sigma


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
    return float(np.quantile(found, COVERAGE_LEVEL)) / HALF_WIDTH_SIGMA
