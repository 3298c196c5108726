# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""What plots of scores are drawn from: counts in shared bins, and ROC curves of few points."""
from typing import Any, Mapping, Sequence

from bdl_perception.evaluation.ood import finite
import numpy as np
from sklearn.metrics import roc_curve

BINS = 30
ROC_POINTS = 60


def histograms(groups: Mapping[str, Sequence[float]]) -> dict[str, Any]:
    """Count the frames of each group in shared bins, between the .5 and 99.5 % quantiles."""
    every = finite([score for scores in groups.values() for score in scores])
    low, high = np.quantile(every, [.005, .995])
    edges = np.linspace(low, high if high > low else low + 1, BINS + 1)
    return {'edges': edges.tolist(),
            'counts': {name: np.histogram(np.clip(finite(scores), edges[0], edges[-1]), edges)[0]
                       .tolist() for name, scores in groups.items()}}


def roc(nominal: Sequence[float], strange: Sequence[float]) -> list[list[float]]:
    """Give [false positive rate, true positive rate] at no more than ROC_POINTS thresholds."""
    truth = [0] * len(nominal) + [1] * len(strange)
    false_rate, recall, _ = roc_curve(truth, finite([*nominal, *strange]))
    chosen = np.unique(np.linspace(0, len(recall) - 1, ROC_POINTS).round().astype(int))
    return [[float(false_rate[i]), float(recall[i])] for i in chosen]
