# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""
The numbers that the alarm watches: each one picture, pooled to one number, higher is stranger.

A number of the network that is not finite makes every score of its picture NaN: an average over
what is left would look like a good picture. Pixels that have no depth (the sky) are left out.
"""
from typing import Mapping, NamedTuple

from bdl_perception.perception.values import Epistemic
from bdl_perception.perception.values import Floats
from bdl_perception.perception.values import Prediction
from bdl_perception.perception.values import Scores
import numpy as np
from numpy.typing import NDArray


class Meaning(NamedTuple):
    """What a score says, in which unit."""

    meaning: str
    unit: str


FRAME_SCORES: Mapping[str, Meaning] = {
    'softmax': Meaning('one minus the probability of the most likely class, mean', '1'),
    'entropy': Meaning('entropy of the class probabilities, mean', 'nat'),
    'energy': Meaning('minus logsumexp of the class logits, mean (Liu et al. 2020)', 'nat'),
    'aleatoric': Meaning('predicted standard deviation of log-depth, mean', '1'),
    'feature': Meaning('Mahalanobis distance of the encoder features from training', '1'),
}
CYCLE_SCORES: Mapping[str, Meaning] = {
    'epistemic_depth': Meaning('Monte Carlo standard deviation of log-depth, mean', '1'),
    'mutual_information': Meaning('what the samples disagree on about the classes, mean', 'nat'),
}
SCORE_NAMES: Mapping[str, Meaning] = {**FRAME_SCORES, **CYCLE_SCORES}
EPISTEMIC_SCORES = frozenset(CYCLE_SCORES)


def frame_scores(prediction: Prediction) -> Scores:
    """Pool what the single pass says of a frame."""
    values = {
        'softmax': 1 - pooled(prediction.max_probability),
        'entropy': pooled(prediction.entropy),
        'energy': pooled(prediction.energy),
        'aleatoric': pooled(prediction.log_depth_std),
        'feature': float(prediction.feature_distance),
    }
    return Scores(prediction.stamp_ns, prediction.frame_id,
                  _spoiled(values, prediction.non_finite))


def cycle_scores(epistemic: Epistemic, cycle: int) -> Scores:
    """Pool what the Monte Carlo cycle of this number, from 1 on, says of its held frame."""
    if cycle < 1:
        raise ValueError(f'cycle is {cycle}, the first is 1; 0 stands for the single pass')
    log_std = epistemic.log_depth_std  # (h, w)
    values = {
        'epistemic_depth': pooled(log_std, np.isfinite(log_std)),
        'mutual_information': pooled(epistemic.mutual_information),
    }
    return Scores(epistemic.stamp_ns, epistemic.frame_id,
                  _spoiled(values, epistemic.non_finite), cycle)


def pooled(values: Floats, valid: NDArray[np.bool_] | None = None) -> float:
    """
    Average a map (h, w) over the pixels where valid (h, w) is true, all by default.

    NaN when no pixel is valid or a valid one is NaN. Four pixels 1, 2, 3 and an invalid NaN: 2.
    """
    chosen = values if valid is None else values[valid]
    return float(np.mean(chosen, dtype=np.float64)) if chosen.size else float('nan')


def _spoiled(values: dict[str, float], non_finite: int) -> dict[str, float]:
    return dict.fromkeys(values, float('nan')) if non_finite else values
