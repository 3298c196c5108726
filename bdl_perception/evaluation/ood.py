# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""How well a score tells strange frames from nominal ones."""
import math
from typing import Mapping, NamedTuple, Sequence

import numpy as np
from sklearn.metrics import roc_auc_score

FrameScores = Mapping[str, Sequence[float]]  # name of a score -> its value in each frame


class Separation(NamedTuple):
    """Of one score."""

    auroc: float  # chance that a strange frame scores above a nominal one; .5 is a coin
    mean_ratio: float  # strange mean / nominal mean; NaN where the latter is not positive


def separations(nominal: FrameScores, strange: FrameScores) -> dict[str, Separation]:
    """Compare every score on the same frames."""
    return {name: Separation(auroc(nominal[name], strange[name]),
                             mean_ratio(nominal[name], strange[name])) for name in nominal}


def auroc(nominal: Sequence[float], strange: Sequence[float]) -> float:
    """Give the area under the ROC curve by frames; a score that is not finite is the highest."""
    values = np.array([*nominal, *strange])
    finite = values[np.isfinite(values)]
    above = finite.max() + 1 if finite.size else 0.
    truth = [0] * len(nominal) + [1] * len(strange)
    return float(roc_auc_score(truth, np.where(np.isfinite(values), values, above)))


def mean_ratio(nominal: Sequence[float], strange: Sequence[float]) -> float:
    """Give the ratio of means; energy is mostly negative, and then a ratio says nothing."""
    below = float(np.mean(nominal))
    return float(np.mean(strange)) / below if below > 0 else math.nan
