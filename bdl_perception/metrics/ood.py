# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""
How well a score tells strange frames from nominal ones.

By hand, nominal 1, 2, 3 and strange 2.5, 4: of six pairs five are in order, AUROC 5/6. From the
top, 4 is strange (precision 1), 3 is not, 2.5 is (precision 2/3): AUPR (1 + 2/3) / 2 = 5/6. To
find both strange frames one of three nominal ones is found too: FPR at 95 % recall 1/3.
"""
import math
from typing import Any, Mapping, NamedTuple, Sequence
import zlib

from bdl_perception.perception.types import Reals
import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import average_precision_score, roc_auc_score, roc_curve

FrameScores = Mapping[str, Sequence[float]]  # name of a score -> its value in each frame
TARGET_RECALL = .95  # share of the strange frames that must be found


class Separation(NamedTuple):
    """Of one score."""

    auroc: float  # chance that a strange frame scores above a nominal one; .5 is a coin
    aupr: float  # average precision with strange as positive; a coin has the share of strange ones
    fpr_95: float  # share of nominal frames above a threshold that finds 95 % of the strange ones
    mean_ratio: float  # strange mean / nominal mean; NaN where the latter is not positive


def separation(nominal: Sequence[float], ood: Sequence[float]) -> Separation:
    """Compare by frames; a score that is not finite is the highest."""
    values = replace_non_finite([*nominal, *ood])  # (N,)
    truth = [0] * len(nominal) + [1] * len(ood)
    found_nominal, found_strange, _ = roc_curve(truth, values, drop_intermediate=False)
    enough = int(np.argmax(found_strange >= TARGET_RECALL))
    return Separation(float(roc_auc_score(truth, values)),
                      float(average_precision_score(truth, values)),
                      float(found_nominal[enough]), mean_ratio(nominal, ood))


def replace_non_finite(scores: Sequence[float]) -> Reals:
    """Put what is not finite above all that is: the alarm takes it for the worst."""
    values = np.asarray(scores, np.float64)
    fine = np.isfinite(values)
    return np.where(fine, values, values[fine].max() + 1 if fine.any() else 0.)


def mean_ratio(nominal: Sequence[float], ood: Sequence[float]) -> float:
    """Give the ratio of means; energy is mostly negative, and then a ratio says nothing."""
    below = float(np.mean(nominal))
    return float(np.mean(ood)) / below if below > 0 else math.nan


HISTOGRAM_BINS = 30
ROC_POINTS = 60


def histograms(groups: Mapping[str, Sequence[float]]) -> dict[str, Any]:
    """Count the frames of each group in shared bins, between the .5 and 99.5 % quantiles."""
    every = replace_non_finite([score for scores in groups.values() for score in scores])
    low, high = np.quantile(every, [.005, .995])
    edges = np.linspace(low, high if high > low else low + 1, HISTOGRAM_BINS + 1)
    return {'edges': edges.tolist(),
            'counts': {name: np.histogram(np.clip(replace_non_finite(scores), edges[0], edges[-1]), edges)[0]
                       .tolist() for name, scores in groups.items()}}


def roc_curve_points(nominal: Sequence[float], ood: Sequence[float]) -> list[list[float]]:
    """Give [false positive rate, true positive rate] at no more than ROC_POINTS thresholds."""
    truth = [0] * len(nominal) + [1] * len(ood)
    false_rate, recall, _ = roc_curve(truth, replace_non_finite([*nominal, *ood]))
    chosen = np.unique(np.linspace(0, len(recall) - 1, ROC_POINTS).round().astype(int))
    return [[float(false_rate[i]), float(recall[i])] for i in chosen]


N_REPLICATES = 1000
REPLICATE_BATCH = 100  # draws that are in memory at a time
INTERVAL_QUANTILES = (.025, .975)  # of a 95 % interval
MIN_BOOTSTRAP_DRIVES = 2  # one drive says nothing about others

DriveScores = Sequence[Sequence[float]]  # a score: of each drive, of each of its frames


class BootstrapReplicates(NamedTuple):
    """A measure of separation in each draw, (B,)."""

    auroc: Reals
    aupr: Reals
    fpr_95: Reals


def resample_weights(name: str, drives: int, seed: int, replicates: int = N_REPLICATES) -> Reals:
    """Tell how often each drive of a set is drawn, (B, D); by its name and the seed alone."""
    rng = np.random.default_rng([seed, zlib.crc32(name.encode())])
    return rng.multinomial(drives, np.full(drives, 1 / drives), replicates).astype(np.float64)


def bootstrap_separation(nominal: DriveScores, ood: DriveScores, nominal_weights: Reals,
         ood_weights: Reals) -> BootstrapReplicates:
    """Measure every draw; weights (B, D) of the drives on each side."""
    values = replace_non_finite([score for drive in (*nominal, *ood) for score in drive])  # (N,)
    order = np.argsort(-values, kind='stable')
    last = np.flatnonzero(np.diff(values[order], append=-np.inf))  # of each distinct value
    lengths = [len(drive) for drive in (*nominal, *ood)]
    of_drive = np.repeat(np.arange(len(lengths)), lengths)[order]  # (N,)
    positive = of_drive >= len(nominal)
    weights = np.concatenate([nominal_weights, ood_weights], axis=1)  # (B, D)
    parts = [_weighted_separation(weights[start:start + REPLICATE_BATCH, of_drive], positive, last)
             for start in range(0, len(weights), REPLICATE_BATCH)]
    return BootstrapReplicates(*(np.concatenate(part) for part in zip(*parts, strict=True)))


def percentile_interval(replicates: Reals) -> tuple[float, float]:
    """Give the middle 95 % of draws."""
    low, high = np.quantile(replicates, INTERVAL_QUANTILES)
    return float(low), float(high)


def _weighted_separation(weights: Reals, positive: NDArray[np.bool_], last: NDArray[np.intp]) -> BootstrapReplicates:
    """Measure draws of weights (B, N) in falling order of the score."""
    hits = np.cumsum(weights * positive, axis=1)[:, last]  # (B, M) strange frames so far
    false = np.cumsum(weights * ~positive, axis=1)[:, last]
    recall, false_rate = hits / hits[:, -1:], false / false[:, -1:]
    gained = np.diff(recall, axis=1, prepend=0)
    precision = hits / np.maximum(hits + false, 1)
    before = recall - gained
    auroc = (np.diff(false_rate, axis=1, prepend=0) * (recall + before) / 2).sum(axis=1)
    enough = np.argmax(recall >= TARGET_RECALL, axis=1)
    return BootstrapReplicates(auroc, (gained * precision).sum(axis=1),
                 false_rate[np.arange(len(weights)), enough])
