# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""Validation of a network during training, and the tasks that have ground truth."""
import math
from typing import Any, Iterable, Mapping, NamedTuple, Sequence

from bdl_perception.datasets.base import Dataset
from bdl_perception.metrics.accuracy import confusion_matrix, mean_iou
from bdl_perception.metrics.gaussian import inside_interval
from bdl_perception.metrics.recalibration import fit_sigma_factor
from bdl_perception.network.model import Network
from bdl_perception.perception.data_types import IGNORE
from bdl_perception.training.batches import Batch, evenly_spaced
import numpy as np
from numpy.typing import NDArray
import torch
from torch import Tensor

TASK_LOSSES = {'depth': 'regression', 'classes': 'classification'}  # columns of the history
PROBE_SAMPLES = 5  # of a data set; all its samples have truth of the same tasks


class ValidationMetrics(NamedTuple):
    """Metrics of the deterministic pass at the resolution of the decoder; NaN: not trained."""

    abs_rel: float  # mean of |depth - truth| / truth over finite truth; NaN without any
    mean_iou: float  # over the classes that occur; NaN without any
    inside_90: float  # share of log-depths within 1.645 predicted standard deviations

    @property
    def score(self) -> float:
        """
        Return the criterion of the best epoch, lower is better: mean of abs_rel and 1 - mean_iou.

        A NaN part is left out; NaN when both are. Example: .2 and .6 give .3.
        """
        parts = [part for part in (self.abs_rel, 1 - self.mean_iou) if not math.isnan(part)]
        return sum(parts) / len(parts) if parts else math.nan


@torch.no_grad()
def compute_metrics(network: Network, batches: Iterable[Batch],
                    tasks: str = 'both') -> ValidationMetrics:
    """Evaluate these tasks of the network on batches that are on its device."""
    network.eval()
    classes = network.config.classes
    confusion = np.zeros((classes, classes))
    error, inside, pixels = 0.0, 0, 0
    for batch in batches:
        maps = network(batch.rgb)
        if tasks != 'depth':
            confusion += confusion_matrix(*labelled_pairs(maps.logits.argmax(1), batch.classes),
                                          classes)
        if tasks == 'classes':
            continue
        known = torch.isfinite(batch.log_depth)
        deviation = (maps.log_depth - batch.log_depth)[known]  # (N,)
        sigma = (0.5 * maps.depth_log_variance[known]).exp()
        error += float(deviation.exp().sub(1).abs().sum())
        inside += int(inside_interval(deviation.cpu().numpy(), sigma.cpu().numpy()).sum())
        pixels += int(known.sum())
    whole = float('nan') if pixels == 0 else pixels
    return ValidationMetrics(error / whole, mean_iou(confusion), inside / whole)


def labelled_pairs(predicted: Tensor, truth: Tensor) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return the predicted and the true classes (N,) of the pixels that have a label."""
    labelled = truth != IGNORE
    return predicted[labelled].cpu().numpy(), truth[labelled].cpu().numpy()


def untrained_tasks(history: Sequence[Mapping[str, float]]) -> list[str]:
    """List the tasks whose loss was 0 in every epoch: left out, or without ground truth."""
    return [task for task, loss in TASK_LOSSES.items()
            if history and all(row.get(loss) == 0 for row in history)]


def labelled_tasks(dataset: Dataset) -> set[str]:
    """List the tasks with ground truth in a few samples of a data set."""
    tasks = set()
    for index in evenly_spaced(len(dataset), PROBE_SAMPLES):
        sample = dataset[index]
        if np.isfinite(sample.depth).any():
            tasks.add('depth')
        if (sample.classes != IGNORE).any():
            tasks.add('classes')
    return tasks


def missing_tasks(sets: Iterable[Dataset]) -> list[str]:
    """List the tasks without ground truth in any set; their heads keep their initial weights."""
    labelled = set().union(*map(labelled_tasks, sets))
    return [task for task in TASK_LOSSES if task not in labelled]


@torch.no_grad()
def measure_sigma_factor(network: Network, batches: Iterable[Batch]) -> float:
    """
    Return the factor of the predicted sigma at which the 90 % intervals of log-depth hold.

    ValueError when no pixel has a depth. See metrics.recalibration.fit_sigma_factor.
    """
    network.eval()
    errors, sigmas = [], []
    for batch in batches:
        maps = network(batch.rgb)
        known = torch.isfinite(batch.log_depth)
        errors.append((maps.log_depth - batch.log_depth)[known].cpu().numpy())  # (N,)
        sigmas.append((0.5 * maps.depth_log_variance[known]).exp().cpu().numpy())
    if not sum(map(len, errors)):
        raise ValueError('the validation frames have no depth, so sigma cannot be scaled')
    return fit_sigma_factor(np.concatenate(errors), np.concatenate(sigmas))
