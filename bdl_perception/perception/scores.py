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
from typing import Any, Mapping, NamedTuple

from bdl_perception.perception.regions import DEFAULT_REGIONS, region_mask, Regions
from bdl_perception.perception.types import CELL_PX, Epistemic, Floats, Prediction, Scores
import numpy as np
from numpy.typing import NDArray

UPPER_QUANTILE = .9  # quantile of cells


def region_suffixes(regions: Regions) -> tuple[str, ...]:
    """Give what is appended to a score's name, in the order of pooled()."""
    return ('', *(f'_{region.name}' for region in regions))


def pool_means(values: Floats, valid: NDArray[np.bool_] | None = None,
           regions: Regions = ()) -> Mapping[str, float]:
    """
    Average a map (h, w) over the pixels where valid (h, w) is true, all by default.

    The mean is NaN when a valid pixel is. Pixels 1, 2, 3 and an invalid NaN: 2. It comes for each
    region too. What has no valid pixel at all is left out: there is nothing to be right or wrong
    about.
    """
    kept = values if valid is None else values[valid]
    found = {'': _mean_or_none(kept)}
    for region in regions:
        mask = region_mask(region, *values.shape)
        found[f'_{region.name}'] = _mean_or_none(values[mask if valid is None else mask & valid])
    return {name: value for name, value in found.items() if value is not None}


def upper_decile(values: Floats, regions: Regions = ()) -> Mapping[str, float]:
    """
    Give the value that a tenth of the cells (h, w) exceed, of all and of each region.

    An unknown object fills a part of a region, and its mean hides it; the largest of many cells is
    a matter of chance. NaN when a cell is. By hand: of 0, 1, ..., 10 it is 9.
    """
    found = {'': float(np.quantile(values, UPPER_QUANTILE))}
    for region in regions:
        mask = region_mask(region, *values.shape)
        found[f'_{region.name}'] = float(np.quantile(values[mask], UPPER_QUANTILE))
    return found


def precompute_region_masks(regions: Regions, height: int, width: int) -> None:
    """Make what pooling maps of that picture takes; ValueError: a region holds no cell of them."""
    for region in regions:
        region_mask(region, height, width)
        region_mask(region, height // CELL_PX, width // CELL_PX)


def _mean_or_none(values: Floats) -> float | None:
    return float(values.mean(dtype=np.float64)) if values.size else None


class ScoreDescription(NamedTuple):
    """What a score says, in which unit."""

    description: str
    unit: str


FRAME_MAP_SCORES: Mapping[str, ScoreDescription] = {
    'softmax': ScoreDescription('one minus the probability of the most likely class', '1'),
    'entropy': ScoreDescription('entropy of the class probabilities', 'nat'),
    'energy': ScoreDescription('minus logsumexp of the class logits (Liu et al. 2020)', 'nat'),
    'aleatoric': ScoreDescription('predicted standard deviation of log-depth', '1'),
}
FEATURE_SCORES: Mapping[str, ScoreDescription] = {
    'feature': ScoreDescription('Mahalanobis distance of the encoder features from training', '1'),
}
CYCLE_MAP_SCORES: Mapping[str, ScoreDescription] = {
    'epistemic_depth': ScoreDescription('Monte Carlo standard deviation of log-depth', '1'),
    'mutual_information': ScoreDescription('what the samples disagree on about the classes', 'nat'),
}
EPISTEMIC_DEPTH, MUTUAL_INFORMATION = CYCLE_MAP_SCORES  # the scores of both come for every part of a picture
LOCAL_FEATURE = 'local_feature'
CELL_MAP_SCORES: Mapping[str, ScoreDescription] = {
    LOCAL_FEATURE: ScoreDescription('Mahalanobis distance of the decoder features from the nearest class', '1'),
}
BRIGHTNESS = 'brightness'  # travels with the scores of a frame and is none: nothing watches it


def frame_score_descriptions(regions: Regions = DEFAULT_REGIONS) -> Mapping[str, ScoreDescription]:
    """Name the scores of the single pass, with what they say."""
    return {**_map_descriptions(FRAME_MAP_SCORES, regions), **FEATURE_SCORES, **_cell_descriptions(regions)}


def cycle_score_descriptions(regions: Regions = DEFAULT_REGIONS) -> Mapping[str, ScoreDescription]:
    """Name the scores of a Monte Carlo cycle, with what they say."""
    return _map_descriptions(CYCLE_MAP_SCORES, regions)


def score_descriptions(regions: Regions = DEFAULT_REGIONS) -> Mapping[str, ScoreDescription]:
    """Name every score that these regions give."""
    return {**frame_score_descriptions(regions), **cycle_score_descriptions(regions)}


def is_epistemic(name: str) -> bool:
    """Tell whether a score speaks of the model's own ignorance."""
    return name.startswith(tuple(CYCLE_MAP_SCORES))


def has_no_pixel(name: str, values: Mapping[str, float]) -> bool:
    """
    Tell whether a score was left out because nothing in its part of the picture has a depth.

    That of the classes is there then. If that is missing too, this part was never scored.
    """
    return name not in values and _matching_class_score(name) in values


def drop_empty_scores(values: Mapping[str, float]) -> dict[str, float]:
    """Leave out what a record has as NaN and a node would not send: scores without a pixel."""
    return {name: value for name, value in values.items() if not (
        math.isnan(value) and math.isfinite(values.get(_matching_class_score(name), math.nan)))}


def frame_scores(prediction: Prediction, regions: Regions = DEFAULT_REGIONS) -> Scores:
    """Pool what the single pass says of a frame."""
    maps = {
        'softmax': 1 - prediction.max_probability,
        'entropy': prediction.entropy,
        'energy': prediction.energy,
        'aleatoric': prediction.log_depth_std,
    }
    values = {name + end: value for name, values in maps.items()
              for end, value in pool_means(values, None, regions).items()}
    values['feature'] = float(prediction.feature_distance)
    values.update({LOCAL_FEATURE + end: value
                   for end, value in upper_decile(prediction.cell_distance, regions).items()})
    if prediction.non_finite:
        values = dict.fromkeys(values, math.nan)
    if math.isfinite(prediction.brightness):
        values[BRIGHTNESS] = float(prediction.brightness)
    return Scores(prediction.stamp_ns, prediction.frame_id, values)


def cycle_scores(epistemic: Epistemic, cycle: int, regions: Regions = DEFAULT_REGIONS) -> Scores:
    """Pool what the Monte Carlo cycle of this number, from 1 on, says of its held frame."""
    if cycle < 1:
        raise ValueError(f'cycle is {cycle}, the first is 1; 0 stands for the single pass')
    log_std = epistemic.log_depth_std  # (h, w)
    depth = pool_means(log_std, np.isfinite(log_std), regions)
    information = pool_means(epistemic.mutual_information, None, regions)
    values = {**{EPISTEMIC_DEPTH + end: value for end, value in depth.items()},
              **{MUTUAL_INFORMATION + end: value for end, value in information.items()}}
    if epistemic.non_finite:
        values = dict.fromkeys(cycle_score_descriptions(regions), math.nan)
    return Scores(epistemic.stamp_ns, epistemic.frame_id, values, cycle)


def _cell_descriptions(regions: Regions) -> Mapping[str, ScoreDescription]:
    where = {'': '', **{f'_{region.name}': f' in {region.name}' for region in regions}}
    return {name + end: ScoreDescription(f'{one.description}, that of the strangest tenth{place}', one.unit)
            for name, one in CELL_MAP_SCORES.items() for end, place in where.items()}


def _map_descriptions(maps: Mapping[str, ScoreDescription], regions: Regions) -> Mapping[str, ScoreDescription]:
    where = {'': 'mean', **{f'_{region.name}': f'mean in {region.name}' for region in regions}}
    return {name + end: ScoreDescription(f'{one.description}, {where[end]}', one.unit)
            for name, one in maps.items() for end in region_suffixes(regions)}


def _matching_class_score(name: str) -> str:
    """Name the score of the classes that belongs to one of depth; empty: it is none of depth."""
    return MUTUAL_INFORMATION + name[len(EPISTEMIC_DEPTH):] if name.startswith(EPISTEMIC_DEPTH) else ''


SCORE_NAMES = score_descriptions()  # of the default regions


def check_watched(watched: tuple[str, ...], known: Mapping[str, Any]) -> None:
    """Refuse a set of scores that is unknown or knows nothing of the model's ignorance."""
    unknown = sorted(set(watched) - set(known))
    if unknown:
        raise ValueError(f'watched scores {unknown} are not known, choose from {sorted(known)}')
    if len(set(watched)) != len(watched):
        raise ValueError(f'watched scores {watched} name one twice; name each once')
    if not any(map(is_epistemic, watched)):
        raise ValueError(f'watched scores are {watched}: at least one of '
                         f'{sorted(filter(is_epistemic, known))} must be among them')
