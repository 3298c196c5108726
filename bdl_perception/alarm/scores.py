# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""
The numbers that the alarm watches: each one picture, pooled to a few numbers, higher is stranger.

Each map is pooled over the frame and over each region, by its mean (pooling.py): entropy,
entropy_corridor; the distance of features, which comes in cells, by what its strangest tenth
exceeds: local_feature, local_feature_corridor. A number of the network that is not finite makes
every score of its picture NaN: an average over what is left would look like a good picture. Pixels
that have no depth (the sky) are left out, and so is the score of a part of the picture where none
has: no network is broken then, and only who watches it need be alarmed.
"""
import math
from typing import Mapping, NamedTuple

from bdl_perception.alarm.pooling import high
from bdl_perception.alarm.pooling import pooled
from bdl_perception.alarm.pooling import suffixes
from bdl_perception.alarm.regions import DEFAULT
from bdl_perception.alarm.regions import Regions
from bdl_perception.perception.values import Epistemic
from bdl_perception.perception.values import Prediction
from bdl_perception.perception.values import Scores
import numpy as np


class Meaning(NamedTuple):
    """What a score says, in which unit."""

    meaning: str
    unit: str


FRAME_MAPS: Mapping[str, Meaning] = {
    'softmax': Meaning('one minus the probability of the most likely class', '1'),
    'entropy': Meaning('entropy of the class probabilities', 'nat'),
    'energy': Meaning('minus logsumexp of the class logits (Liu et al. 2020)', 'nat'),
    'aleatoric': Meaning('predicted standard deviation of log-depth', '1'),
}
FEATURE: Mapping[str, Meaning] = {
    'feature': Meaning('Mahalanobis distance of the encoder features from training', '1'),
}
CYCLE_MAPS: Mapping[str, Meaning] = {
    'epistemic_depth': Meaning('Monte Carlo standard deviation of log-depth', '1'),
    'mutual_information': Meaning('what the samples disagree on about the classes', 'nat'),
}
DEPTH, CLASSES = CYCLE_MAPS  # the scores of both come for every part of a picture
LOCAL = 'local_feature'
CELL_MAPS: Mapping[str, Meaning] = {
    LOCAL: Meaning('Mahalanobis distance of the decoder features from the nearest class', '1'),
}
BRIGHTNESS = 'brightness'  # travels with the scores of a frame and is none: nothing watches it


def frame_meanings(regions: Regions = DEFAULT) -> Mapping[str, Meaning]:
    """Name the scores of the single pass, with what they say."""
    return {**_meanings(FRAME_MAPS, regions), **FEATURE, **_cell_meanings(regions)}


def cycle_meanings(regions: Regions = DEFAULT) -> Mapping[str, Meaning]:
    """Name the scores of a Monte Carlo cycle, with what they say."""
    return _meanings(CYCLE_MAPS, regions)


def score_meanings(regions: Regions = DEFAULT) -> Mapping[str, Meaning]:
    """Name every score that these regions give."""
    return {**frame_meanings(regions), **cycle_meanings(regions)}


def is_epistemic(name: str) -> bool:
    """Tell whether a score speaks of the model's own ignorance."""
    return name.startswith(tuple(CYCLE_MAPS))


def has_no_pixel(name: str, values: Mapping[str, float]) -> bool:
    """
    Tell whether a score was left out because nothing in its part of the picture has a depth.

    That of the classes is there then. If that is missing too, this part was never scored.
    """
    return name not in values and _of_classes(name) in values


def as_sent(values: Mapping[str, float]) -> dict[str, float]:
    """Leave out what a record has as NaN and a node would not send: scores without a pixel."""
    return {name: value for name, value in values.items() if not (
        math.isnan(value) and math.isfinite(values.get(_of_classes(name), math.nan)))}


def frame_scores(prediction: Prediction, regions: Regions = DEFAULT) -> Scores:
    """Pool what the single pass says of a frame."""
    maps = {
        'softmax': 1 - prediction.max_probability,
        'entropy': prediction.entropy,
        'energy': prediction.energy,
        'aleatoric': prediction.log_depth_std,
    }
    values = {name + end: value for name, values in maps.items()
              for end, value in pooled(values, None, regions).items()}
    values['feature'] = float(prediction.feature_distance)
    values.update({LOCAL + end: value
                   for end, value in high(prediction.cell_distance, regions).items()})
    if prediction.non_finite:
        values = dict.fromkeys(values, math.nan)
    if math.isfinite(prediction.brightness):
        values[BRIGHTNESS] = float(prediction.brightness)
    return Scores(prediction.stamp_ns, prediction.frame_id, values)


def cycle_scores(epistemic: Epistemic, cycle: int, regions: Regions = DEFAULT) -> Scores:
    """Pool what the Monte Carlo cycle of this number, from 1 on, says of its held frame."""
    if cycle < 1:
        raise ValueError(f'cycle is {cycle}, the first is 1; 0 stands for the single pass')
    log_std = epistemic.log_depth_std  # (h, w)
    depth = pooled(log_std, np.isfinite(log_std), regions)
    information = pooled(epistemic.mutual_information, None, regions)
    values = {**{DEPTH + end: value for end, value in depth.items()},
              **{CLASSES + end: value for end, value in information.items()}}
    if epistemic.non_finite:
        values = dict.fromkeys(cycle_meanings(regions), math.nan)
    return Scores(epistemic.stamp_ns, epistemic.frame_id, values, cycle)


def _cell_meanings(regions: Regions) -> Mapping[str, Meaning]:
    where = {'': '', **{f'_{region.name}': f' in {region.name}' for region in regions}}
    return {name + end: Meaning(f'{one.meaning}, that of the strangest tenth{place}', one.unit)
            for name, one in CELL_MAPS.items() for end, place in where.items()}


def _meanings(maps: Mapping[str, Meaning], regions: Regions) -> Mapping[str, Meaning]:
    where = {'': 'mean', **{f'_{region.name}': f'mean in {region.name}' for region in regions}}
    return {name + end: Meaning(f'{one.meaning}, {where[end]}', one.unit)
            for name, one in maps.items() for end in suffixes(regions)}


def _of_classes(name: str) -> str:
    """Name the score of the classes that belongs to one of depth; empty: it is none of depth."""
    return CLASSES + name[len(DEPTH):] if name.startswith(DEPTH) else ''


SCORE_NAMES = score_meanings()  # of the default regions
