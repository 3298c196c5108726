# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""
How well a score tells strange frames from nominal ones.

By hand, nominal 1, 2, 3 and strange 2.5, 4: of six pairs five are in order, AUROC 5/6. From the
top, 4 is strange (precision 1), 3 is not, 2.5 is (precision 2/3): AUPR (1 + 2/3) / 2 = 5/6. To
find both strange frames one of three nominal ones is found too: FPR at 95 % recall 1/3.
"""
import math
from typing import Mapping, NamedTuple, Sequence

from bdl_perception.perception.values import Reals
import numpy as np
from sklearn.metrics import average_precision_score
from sklearn.metrics import roc_auc_score
from sklearn.metrics import roc_curve

FrameScores = Mapping[str, Sequence[float]]  # name of a score -> its value in each frame
RECALL = .95  # share of the strange frames that must be found


class Separation(NamedTuple):
    """Of one score."""

    auroc: float  # chance that a strange frame scores above a nominal one; .5 is a coin
    aupr: float  # average precision with strange as positive; a coin has the share of strange ones
    fpr_95: float  # share of nominal frames above a threshold that finds 95 % of the strange ones
    mean_ratio: float  # strange mean / nominal mean; NaN where the latter is not positive


def separation(nominal: Sequence[float], strange: Sequence[float]) -> Separation:
    """Compare by frames; a score that is not finite is the highest."""
    values = finite([*nominal, *strange])  # (N,)
    truth = [0] * len(nominal) + [1] * len(strange)
    found_nominal, found_strange, _ = roc_curve(truth, values, drop_intermediate=False)
    enough = int(np.argmax(found_strange >= RECALL))
    return Separation(float(roc_auc_score(truth, values)),
                      float(average_precision_score(truth, values)),
                      float(found_nominal[enough]), mean_ratio(nominal, strange))


def finite(scores: Sequence[float]) -> Reals:
    """Put what is not finite above all that is: the alarm takes it for the worst."""
    values = np.asarray(scores, np.float64)
    fine = np.isfinite(values)
    return np.where(fine, values, values[fine].max() + 1 if fine.any() else 0.)


def mean_ratio(nominal: Sequence[float], strange: Sequence[float]) -> float:
    """Give the ratio of means; energy is mostly negative, and then a ratio says nothing."""
    below = float(np.mean(nominal))
    return float(np.mean(strange)) / below if below > 0 else math.nan
