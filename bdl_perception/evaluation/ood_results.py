# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""
OOD detection results: how well each score separates each group of frames from the nominal set.

Scores are compared as they are, and as p-values of the calibration (alarm.conformal), 1 - p of one
or of two tails. One-tailed: few calibration scores are as high. Two-tailed: few are as far out at
the nearer end, so a score below all nominal ones is anomalous too. Of calibration scores 1, 2, 3:
a score of 0 has p = 1 and 2 * 1/4, so 1 - p is 0 and 1/2; a score of 9 has 3/4 and 1/2.
"""
from dataclasses import dataclass, replace
from typing import Iterable, Mapping, NamedTuple, Sequence

from bdl_perception.alarm.calibration import Calibration
from bdl_perception.alarm.conformal import p_value, round_score, two_sided_p_value
from bdl_perception.drives.description import is_fading
from bdl_perception.evaluation.drive_record import ALARM_SET, DriveRecord
from bdl_perception.evaluation.set_results import group_names, is_held_out, NotMeasured
from bdl_perception.metrics.ood import (
    auroc,
    bootstrap_separation,
    BootstrapReplicates,
    Histogram,
    histograms,
    MIN_BOOTSTRAP_DRIVES,
    percentile_interval,
    resample_weights,
    roc_curve_points,
    separation,
)
from bdl_perception.perception.scores import IMAGE_VALUES, score_descriptions
import numpy as np

BOOTSTRAP_SEED = 0
MAX_PLOTTED_SCORES = 9  # more lines cannot be distinguished
FRAME_MEANS = {*score_descriptions(())} - {'local_feature'}  # that one is an upper decile
NO_NOMINAL = 'no set of nominal drives was given to compare with'
NO_OOD_DRIVES = 'only nominal drives were given'
NOMINAL_NOT_MEASURED = 'no drive of {} could be measured, and all others are compared with it'

ScoresByDrive = dict[str, list[list[float]]]  # score -> of each drive, of each of its frames


@dataclass(frozen=True)
class ScoreSeparation:
    """Separation by one score, of one group or as the mean over groups."""

    auroc: float
    aupr: float
    fpr_95: float
    mean_ratio: float | None = None  # None: of a mean over groups
    interval: Mapping[str, tuple[float, float]] | None = None  # 95 %; None: one drive on a side


class PValueScores(NamedTuple):
    """1 - p of each frame."""

    one_tailed: list[float]
    two_tailed: list[float]


class TailAuroc(NamedTuple):
    """AUROC of 1 - p."""

    one_tailed: float
    two_tailed: float


Separations = Mapping[str, ScoreSeparation]  # by score


@dataclass(frozen=True)
class OodResults:
    """Separation of each group from the nominal set, by score."""

    groups: Mapping[str, Separations]
    mean: Separations  # over mean_over
    mean_over: tuple[str, ...]  # groups of held-out conditions
    fading_frames: int  # frames that are neither nominal nor OOD
    tails: Mapping[str, Mapping[str, TailAuroc]] | None  # None: no calibration
    histograms: Mapping[str, Histogram]  # by score
    roc: Mapping[str, Mapping[str, list[list[float]]]]  # group -> score -> points


def ood_results(records: Sequence[DriveRecord], nominal: str | None,
                calibration: Calibration | None) -> OodResults | NotMeasured:
    """Compare every other group with the nominal set."""
    names = group_names(records, nominal)
    groups = [name for name in names if name != nominal]
    if nominal is None or nominal not in names:
        return NotMeasured(NOMINAL_NOT_MEASURED.format(nominal) if nominal else NO_NOMINAL)
    if not groups:
        return NotMeasured(NO_OOD_DRIVES)
    held_out = [name for name in groups if is_held_out(records, name)]
    found, mean = separations(records, nominal, groups, held_out)
    scores = {name: _frame_scores(records, name) for name in (nominal, *groups)}
    watched = calibration.distribution.watched if calibration else ()
    keys = _plotted_scores(scores[nominal], watched)
    return OodResults(
        found, mean, tuple(held_out), _count_fading_frames(records),
        tail_aurocs(records, nominal, groups, calibration) if calibration else None,
        {key: histograms({name: own[key] for name, own in scores.items()}) for key in keys},
        {name: {key: roc_curve_points(scores[nominal][key], scores[name][key]) for key in keys}
         for name in groups})


def with_alarm_set_score(record: DriveRecord, calibration: Calibration) -> DriveRecord:
    """Add the score on which the alarm acts: 1 - the p-value of all watched scores together."""
    joint = tuple(1 - calibration.test.p_value(record.values(index))
                  for index in range(len(record.stamps_ns)))
    return replace(record, scores={**record.scores, ALARM_SET: joint})


def scores_by_drive(records: Iterable[DriveRecord], group: str) -> ScoresByDrive:
    """Collect the scores of a group; drives without a frame of it are left out."""
    parts = [record.group_scores(group) for record in records if group in record.groups]
    if not parts:
        return {}
    known = [name for name in parts[0]
             if name not in IMAGE_VALUES and all(name in part for part in parts)]
    return {name: [part[name] for part in parts] for name in sorted(known, key=_score_order)}


def separations(records: Sequence[DriveRecord], nominal: str, groups: Sequence[str],
                mean_over: Sequence[str]) -> tuple[dict[str, Separations], Separations]:
    """Compare every score of every group with the nominal set; then average some groups."""
    base = scores_by_drive(records, nominal)
    found: dict[str, dict[str, ScoreSeparation]] = {}
    replicates: dict[str, dict[str, BootstrapReplicates]] = {}
    for group in groups:
        ood = scores_by_drive(records, group)
        replicates[group] = _bootstrap_scores(base, ood, nominal, group)
        found[group] = {name: ScoreSeparation(
            *separation(_flatten(base[name]), _flatten(ood[name])),
            _percentile_intervals(replicates[group].get(name))) for name in base}
    mean = _mean_separation([found[group] for group in mean_over],
                            [replicates[group] for group in mean_over])
    return dict(found), mean


def tail_aurocs(records: Sequence[DriveRecord], nominal: str, groups: Iterable[str],
                calibration: Calibration) -> dict[str, dict[str, TailAuroc]]:
    """Return the AUROC of 1 - p by group and score."""
    base = scores_by_drive(records, nominal)
    result: dict[str, dict[str, TailAuroc]] = {}
    for group in groups:
        ood = scores_by_drive(records, group)
        result[group] = {}
        for name in filter(base.__contains__, calibration.distribution.scores):
            sides = [p_value_scores(calibration.distribution.scores[name], _flatten(part[name]))
                     for part in (base, ood)]
            result[group][name] = TailAuroc(*map(auroc, *sides))
    return result


def p_value_scores(calibration_scores: Sequence[float], scores: Sequence[float]) -> PValueScores:
    """Return 1 - p of each score among ascending calibration scores."""
    rounded = [round_score(score) for score in scores]
    return PValueScores([1 - p_value(calibration_scores, score) for score in rounded],
                        [1 - two_sided_p_value(calibration_scores, score) for score in rounded])


def _score_order(name: str) -> tuple[bool, str]:
    """Sort means over the frame first, then scores of a part of it."""
    return name not in FRAME_MEANS and name != ALARM_SET, name


def _bootstrap_scores(base: ScoresByDrive, ood: ScoresByDrive, nominal: str,
                      group: str) -> dict[str, BootstrapReplicates]:
    """Draw the drives of both sides; one drive on either side gives no interval."""
    counts = [len(next(iter(part.values()))) for part in (base, ood)]
    if min(counts) < MIN_BOOTSTRAP_DRIVES:
        return {}
    weights = [resample_weights(name, count, BOOTSTRAP_SEED)
               for name, count in zip((nominal, group), counts, strict=True)]
    return {name: bootstrap_separation(base[name], ood[name], *weights) for name in base}


def _mean_separation(found: Sequence[Separations],
                     replicates: Sequence[Mapping[str, BootstrapReplicates]]) -> Separations:
    """Average over groups, replicate by replicate: all groups share the nominal drives."""
    result: dict[str, ScoreSeparation] = {}
    for name in found[0] if found else ():
        auroc_, aupr, fpr_95 = (float(np.mean([getattr(one[name], metric) for one in found]))
                                for metric in BootstrapReplicates._fields)
        mean = None
        if all(name in one for one in replicates):
            mean = BootstrapReplicates(*np.mean([one[name] for one in replicates], axis=0))
        result[name] = ScoreSeparation(auroc_, aupr, fpr_95,
                                       interval=_percentile_intervals(mean))
    return result


def _percentile_intervals(
        replicates: BootstrapReplicates | None) -> dict[str, tuple[float, float]] | None:
    return replicates and {metric: percentile_interval(values)
                           for metric, values in replicates._asdict().items()}


def _frame_scores(records: Sequence[DriveRecord], group: str) -> dict[str, list[float]]:
    return {name: _flatten(drives) for name, drives in scores_by_drive(records, group).items()}


def _plotted_scores(scores: Mapping[str, object], watched: Sequence[str]) -> list[str]:
    """Return the alarm set, the watched scores, and others up to MAX_PLOTTED_SCORES."""
    preferred = dict.fromkeys([ALARM_SET, *watched, *scores])
    return [name for name in preferred if name in scores][:MAX_PLOTTED_SCORES]


def _count_fading_frames(records: Iterable[DriveRecord]) -> int:
    return sum(is_fading(record.origin.segments, time_s)
               for record in records for time_s in record.times_s())


def _flatten(drives: Iterable[Iterable[float]]) -> list[float]:
    return [score for drive in drives for score in drive]
