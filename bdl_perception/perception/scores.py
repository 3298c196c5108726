# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""
Anomaly scores: maps of one frame, pooled over the frame and over each region.

FRAME_SCORES and CYCLE_SCORES list all scores; a new score of an existing map is one row. Each map
is pooled by its mean ('entropy', 'entropy_corridor'), the feature distance of cells by its upper
decile ('local_feature', 'local_feature_corridor'). Higher is more anomalous.

A non-finite number in the network's output makes every score of the frame NaN: a mean over the
finite rest would look nominal. Pixels without depth (the sky) are left out of the depth scores. A
region without any depth has no depth score, which is no fault of the network.
"""
from dataclasses import asdict, dataclass, fields
import math
from typing import Any, Callable, Generic, Mapping, NamedTuple, TypeVar

from bdl_perception.perception.data_types import (
    CELL_PX,
    Epistemic,
    Floats,
    ImageStatistics,
    Prediction,
    Scores,
)
from bdl_perception.perception.regions import DEFAULT_REGIONS, region_mask, Regions
import numpy as np
from numpy.typing import NDArray

UPPER_QUANTILE = .9
BRIGHTNESS = 'brightness'  # sent with the scores of a frame, but no score: no alarm watches it
IMAGE_PREFIX = 'image_'  # of the image statistics, which are sent likewise
IMAGE_VALUES = (BRIGHTNESS, *(IMAGE_PREFIX + item.name for item in fields(ImageStatistics)))
EPISTEMIC_DEPTH, MUTUAL_INFORMATION = 'epistemic_depth', 'mutual_information'
Result = TypeVar('Result', Prediction, Epistemic)


def pool_means(values: Floats, valid: NDArray[np.bool_] | None = None,
               regions: Regions = ()) -> Mapping[str, float]:
    """
    Average a map (h, w) over its valid pixels (h, w), all by default, and over each region.

    Returns mean by name suffix, '' for the whole frame; a part without a valid pixel is left out.
    The mean is NaN if a valid pixel is. By hand: pixels 1, 2, 3 and an invalid NaN give 2.
    """
    found = {'': _mean_or_none(values if valid is None else values[valid])}
    for region in regions:
        mask = region_mask(region, *values.shape)
        found[f'_{region.name}'] = _mean_or_none(values[mask if valid is None else mask & valid])
    return {name: value for name, value in found.items() if value is not None}


def upper_decile(values: Floats, regions: Regions = ()) -> Mapping[str, float]:
    """
    Return the 90th percentile of the cells (h, w), of the whole frame and of each region.

    An unknown object fills a part of a region: the mean hides it, and the maximum of many cells is
    dominated by noise. NaN if a cell is. By hand: of 0, 1, ..., 10 it is 9.
    """
    found = {'': float(np.quantile(values, UPPER_QUANTILE))}
    for region in regions:
        mask = region_mask(region, *values.shape)
        found[f'_{region.name}'] = float(np.quantile(values[mask], UPPER_QUANTILE))
    return found


def region_suffixes(regions: Regions) -> tuple[str, ...]:
    """Return the suffixes of a pooled score's names, '' for the whole frame first."""
    return ('', *(f'_{region.name}' for region in regions))


def precompute_region_masks(regions: Regions, height: int, width: int) -> None:
    """Fill the cache of masks for a frame size in px; ValueError: a region contains no cell."""
    for region in regions:
        region_mask(region, height, width)
        region_mask(region, height // CELL_PX, width // CELL_PX)


def _mean_or_none(values: Floats) -> float | None:
    return float(values.mean(dtype=np.float64)) if values.size else None


class Pooling(NamedTuple):
    """A function from a map to numbers by name suffix, and its name in descriptions."""

    label: str
    apply: Callable[[Any, Regions], Mapping[str, float]]
    by_region: bool = True


MEAN = Pooling('mean', lambda values, regions: pool_means(values, None, regions))
MEAN_WITH_DEPTH = Pooling('mean', lambda values, regions: pool_means(
    values, np.isfinite(values), regions))
UPPER_DECILE = Pooling('upper decile', upper_decile)
NO_POOLING = Pooling('', lambda value, regions: {'': float(value)}, by_region=False)


@dataclass(frozen=True)
class Score(Generic[Result]):
    """A score by name: its values in the result of a frame, and how they are pooled."""

    name: str
    description: str
    unit: str
    values: Callable[[Result], Any]  # map (h, w), or a number
    pooling: Pooling = MEAN


FRAME_SCORES: tuple[Score[Prediction], ...] = (  # of the single pass
    Score('softmax', 'one minus the probability of the most likely class', '1',
          lambda result: 1 - result.max_probability),
    Score('entropy', 'entropy of the class probabilities', 'nat', lambda result: result.entropy),
    Score('energy', 'minus logsumexp of the class logits (Liu et al. 2020)', 'nat',
          lambda result: result.energy),
    Score('aleatoric', 'predicted standard deviation of log-depth', '1',
          lambda result: result.log_depth_std),
    Score('feature', 'Mahalanobis distance of the encoder features from training', '1',
          lambda result: result.feature_distance, NO_POOLING),
    Score('local_feature', 'Mahalanobis distance of the decoder features from the nearest class',
          '1', lambda result: result.cell_distance, UPPER_DECILE),
)
CYCLE_SCORES: tuple[Score[Epistemic], ...] = (  # of a Monte Carlo cycle
    Score(EPISTEMIC_DEPTH, 'Monte Carlo standard deviation of log-depth', '1',
          lambda result: result.log_depth_std, MEAN_WITH_DEPTH),
    Score(MUTUAL_INFORMATION, 'mutual information of the class and the sampled network', 'nat',
          lambda result: result.mutual_information),
)


class ScoreDescription(NamedTuple):
    """The meaning and the unit of one pooled score."""

    description: str
    unit: str


def frame_scores(prediction: Prediction, regions: Regions = DEFAULT_REGIONS) -> Scores:
    """
    Compute the anomaly scores of the single pass, of the frame and of each region.

    Returns name -> value (score_descriptions has meaning and unit), the stamp of the frame, and
    cycle 0. All values are NaN if a raw output was not finite.
    """
    values = _compute_scores(FRAME_SCORES, prediction, regions)
    if math.isfinite(prediction.brightness):
        values[BRIGHTNESS] = float(prediction.brightness)
    if prediction.image is not None:
        values.update({IMAGE_PREFIX + name: value
                       for name, value in asdict(prediction.image).items()})
    return Scores(prediction.stamp_ns, prediction.frame_id, values)


def cycle_scores(epistemic: Epistemic, cycle: int, regions: Regions = DEFAULT_REGIONS) -> Scores:
    """
    Compute the anomaly scores of the Monte Carlo cycle with this number, from 1 on.

    Returns name -> value with the stamp of the frame that was sampled. ValueError: cycle < 1.
    """
    if cycle < 1:
        raise ValueError(f'cycle is {cycle}, the first is 1; 0 stands for the single pass')
    values = _compute_scores(CYCLE_SCORES, epistemic, regions)
    return Scores(epistemic.stamp_ns, epistemic.frame_id, values, cycle)


def score_descriptions(regions: Regions = DEFAULT_REGIONS) -> Mapping[str, ScoreDescription]:
    """Describe every score that these regions give, by name."""
    return {**frame_score_descriptions(regions), **cycle_score_descriptions(regions)}


def frame_score_descriptions(regions: Regions = DEFAULT_REGIONS) -> Mapping[str, ScoreDescription]:
    """Describe the scores of the single pass, by name."""
    return _describe_scores(FRAME_SCORES, regions)


def cycle_score_descriptions(regions: Regions = DEFAULT_REGIONS) -> Mapping[str, ScoreDescription]:
    """Describe the scores of a Monte Carlo cycle, by name."""
    return _describe_scores(CYCLE_SCORES, regions)


def is_epistemic(name: str) -> bool:
    """Return whether a score measures epistemic uncertainty."""
    return name.startswith(tuple(score.name for score in CYCLE_SCORES))


def has_no_pixel(name: str, values: Mapping[str, float]) -> bool:
    """
    Return whether a depth score was left out because its region contains no pixel with depth.

    The class score of the same region is present then. If it is missing too, the region was not
    scored at all.
    """
    return name not in values and _matching_class_score(name) in values


def drop_empty_scores(values: Mapping[str, float]) -> dict[str, float]:
    """Remove the depth scores of regions without depth: a record has NaN, a node sends none."""
    return {name: value for name, value in values.items() if not (
        math.isnan(value) and math.isfinite(values.get(_matching_class_score(name), math.nan)))}


def check_watched(watched: tuple[str, ...], known: Mapping[str, Any]) -> None:
    """Check the scores that an alarm watches; ValueError: unknown, repeated or none epistemic."""
    unknown = sorted(set(watched) - set(known))
    if unknown:
        raise ValueError(f'watched scores {unknown} are not known, choose from {sorted(known)}')
    if len(set(watched)) != len(watched):
        raise ValueError(f'watched scores {watched} name one twice; name each once')
    if not any(map(is_epistemic, watched)):
        raise ValueError(f'watched scores are {watched}: at least one of '
                         f'{sorted(filter(is_epistemic, known))} must be among them')


def _compute_scores(scores: tuple[Score[Result], ...], result: Result,
                    regions: Regions) -> dict[str, float]:
    if result.non_finite:
        return dict.fromkeys(_describe_scores(scores, regions), math.nan)
    return {score.name + suffix: value for score in scores
            for suffix, value in score.pooling.apply(score.values(result), regions).items()}


def _describe_scores(scores: tuple[Score[Result], ...],
                     regions: Regions) -> Mapping[str, ScoreDescription]:
    described = {}
    for score in scores:
        label = f', {score.pooling.label}' if score.pooling.by_region else ''
        described[score.name] = ScoreDescription(score.description + label, score.unit)
        for region in regions if score.pooling.by_region else ():
            described[f'{score.name}_{region.name}'] = ScoreDescription(
                f'{score.description}{label} in {region.name}', score.unit)
    return described


def _matching_class_score(name: str) -> str:
    """Return the class score of the same region as a depth score; '' for other scores."""
    if not name.startswith(EPISTEMIC_DEPTH):
        return ''
    return MUTUAL_INFORMATION + name[len(EPISTEMIC_DEPTH):]


SCORE_NAMES = score_descriptions()  # of the default regions
