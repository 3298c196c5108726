# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""How good the network is on pictures that it was not taught."""
import math
from typing import Iterable, NamedTuple

from bdl_perception.network.model import Network
from bdl_perception.perception.classes import IGNORE
from bdl_perception.training.batches import Batch
import torch
from torch import Tensor


class Quality(NamedTuple):
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
def measure(network: Network, batches: Iterable[Batch]) -> Quality:
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
    return Quality(error / whole, mean_iou(confusion), inside / whole)


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
