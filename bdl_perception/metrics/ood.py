# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""
Out-of-distribution (OOD) detection: how well a score separates OOD frames from nominal ones.

Nominal 1, 2, 3 and OOD 2.5, 4: five of six pairs are in order, AUROC 5/6. From the top, 4 is OOD
(precision 1), 3 is nominal, 2.5 is OOD (precision 2/3): AUPR (1 + 2/3) / 2 = 5/6. A threshold that
finds both OOD frames also exceeds one of three nominal frames: FPR at 95 % recall 1/3.

The bootstrap shows how far a separation would move with other drives (Efron 1979, percentile
interval). Frames of one drive are alike, so whole drives are drawn with replacement, nominal and
OOD drives separately. A drive that is drawn twice has weight 2: all replicates are computed at
once by weights, over frames that are sorted once.
"""
import math
from typing import Mapping, NamedTuple, Sequence
import zlib

from bdl_perception.perception.data_types import Reals
import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import average_precision_score, roc_auc_score, roc_curve

TARGET_RECALL = .95  # share of the OOD frames that must be found
HISTOGRAM_BINS = 30
ROC_POINTS = 60
N_REPLICATES = 1000
REPLICATE_BATCH = 100  # replicates that are in memory at a time
INTERVAL_QUANTILES = (.025, .975)  # of a 95 % interval
MIN_BOOTSTRAP_DRIVES = 2  # one drive does not show how drives differ

DriveScores = Sequence[Sequence[float]]  # a score: of each drive, of each of its frames


class Separation(NamedTuple):
    """Separation by one score."""

    auroc: float  # probability that an OOD frame scores above a nominal one; .5 is chance
    aupr: float  # average precision with OOD as positive; chance is the share of OOD frames
    fpr_95: float  # share of nominal frames above a threshold that finds 95 % of the OOD ones
    mean_ratio: float  # OOD mean / nominal mean; NaN where the latter is not positive


class BootstrapReplicates(NamedTuple):
    """Separation in each replicate, (B,)."""

    auroc: Reals
    aupr: Reals
    fpr_95: Reals


class Histogram(NamedTuple):
    """Frames of each group in shared bins."""

    edges: list[float]
    counts: dict[str, list[int]]


def separation(nominal: Sequence[float], ood: Sequence[float]) -> Separation:
    """Compare scores of frames; a score that is not finite is the highest."""
    values = replace_non_finite([*nominal, *ood])  # (N,)
    truth = [0] * len(nominal) + [1] * len(ood)
    false_rate, recall, _ = roc_curve(truth, values, drop_intermediate=False)
    first = int(np.argmax(recall >= TARGET_RECALL))
    return Separation(auroc(nominal, ood), float(average_precision_score(truth, values)),
                      float(false_rate[first]), mean_ratio(nominal, ood))


def auroc(nominal: Sequence[float] | Reals, ood: Sequence[float] | Reals) -> float:
    """
    Return the probability that an OOD frame scores above a nominal one; ties count half.

    A score that is not finite is the highest. OOD 2, 4 against nominal 1, 3: 3 of 4 pairs.
    """
    truth = [0] * len(nominal) + [1] * len(ood)
    return float(roc_auc_score(truth, replace_non_finite([*nominal, *ood])))


def replace_non_finite(scores: Sequence[float]) -> Reals:
    """Replace scores that are not finite by one above all others, as the alarm ranks them."""
    values = np.asarray(scores, np.float64)
    finite = np.isfinite(values)
    return np.where(finite, values, values[finite].max() + 1 if finite.any() else 0.)


def mean_ratio(nominal: Sequence[float], ood: Sequence[float]) -> float:
    """Return the ratio of means; NaN where the nominal mean, as of energy, is not positive."""
    below = float(np.mean(nominal))
    return float(np.mean(ood)) / below if below > 0 else math.nan


def histograms(groups: Mapping[str, Sequence[float]]) -> Histogram:
    """Count the frames of each group in shared bins, between the .5 and 99.5 % quantiles."""
    every = replace_non_finite([score for scores in groups.values() for score in scores])
    low, high = np.quantile(every, [.005, .995])
    edges = np.linspace(low, high if high > low else low + 1, HISTOGRAM_BINS + 1)
    clipped = {name: np.clip(replace_non_finite(scores), edges[0], edges[-1])
               for name, scores in groups.items()}
    return Histogram(edges.tolist(), {name: np.histogram(scores, edges)[0].tolist()
                                      for name, scores in clipped.items()})


def roc_curve_points(nominal: Sequence[float], ood: Sequence[float]) -> list[list[float]]:
    """Return [false positive rate, true positive rate] at no more than ROC_POINTS thresholds."""
    truth = [0] * len(nominal) + [1] * len(ood)
    false_rate, recall, _ = roc_curve(truth, replace_non_finite([*nominal, *ood]))
    chosen = np.unique(np.linspace(0, len(recall) - 1, ROC_POINTS).round().astype(int))
    return [[float(false_rate[i]), float(recall[i])] for i in chosen]


def resample_weights(name: str, drives: int, seed: int, replicates: int = N_REPLICATES) -> Reals:
    """Return how often each drive of a set is drawn, (B, D); depends on name and seed alone."""
    rng = np.random.default_rng([seed, zlib.crc32(name.encode())])
    return rng.multinomial(drives, np.full(drives, 1 / drives), replicates).astype(np.float64)


def bootstrap_separation(nominal: DriveScores, ood: DriveScores, nominal_weights: Reals,
                         ood_weights: Reals) -> BootstrapReplicates:
    """Compute the separation of every replicate; weights are (B, D) of the drives."""
    values = replace_non_finite([score for drive in (*nominal, *ood) for score in drive])  # (N,)
    order = np.argsort(-values, kind='stable')
    last = np.flatnonzero(np.diff(values[order], append=-np.inf))  # of each distinct value
    lengths = [len(drive) for drive in (*nominal, *ood)]
    drive_index = np.repeat(np.arange(len(lengths)), lengths)[order]  # (N,)
    positive = drive_index >= len(nominal)
    weights = np.concatenate([nominal_weights, ood_weights], axis=1)  # (B, D)
    parts = [_weighted_separation(weights[start:start + REPLICATE_BATCH, drive_index], positive,
                                  last) for start in range(0, len(weights), REPLICATE_BATCH)]
    return BootstrapReplicates(*(np.concatenate(part) for part in zip(*parts, strict=True)))


def percentile_interval(replicates: Reals) -> tuple[float, float]:
    """Return the ends of the central 95 % of replicates."""
    low, high = np.quantile(replicates, INTERVAL_QUANTILES)
    return float(low), float(high)


def _weighted_separation(weights: Reals, positive: NDArray[np.bool_],
                         last: NDArray[np.intp]) -> BootstrapReplicates:
    """Compute replicates of weights (B, N), frames in descending order of the score."""
    hits = np.cumsum(weights * positive, axis=1)[:, last]  # (B, M) OOD frames so far
    false = np.cumsum(weights * ~positive, axis=1)[:, last]
    recall, false_rate = hits / hits[:, -1:], false / false[:, -1:]
    gained = np.diff(recall, axis=1, prepend=0)
    precision = hits / np.maximum(hits + false, 1)
    before = recall - gained
    area = (np.diff(false_rate, axis=1, prepend=0) * (recall + before) / 2).sum(axis=1)
    first = np.argmax(recall >= TARGET_RECALL, axis=1)
    return BootstrapReplicates(area, (gained * precision).sum(axis=1),
                               false_rate[np.arange(len(weights)), first])
