# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""From records to how well each score tells each group of frames from the nominal set."""
from dataclasses import replace
from typing import Any, Iterable, Mapping, Sequence

from bdl_perception.alarm.calibration import Calibration
from bdl_perception.alarm.conformal import p_value, round_score, two_sided_p_value
from bdl_perception.evaluation.drive_record import DriveRecord
from bdl_perception.metrics.ood import (
    bootstrap_separation,
    BootstrapReplicates,
    MIN_BOOTSTRAP_DRIVES,
    percentile_interval,
    resample_weights,
    separation,
)
from bdl_perception.perception.scores import (
    BRIGHTNESS,
    score_descriptions,
)
import numpy as np

ALARM_SET = 'alarm set'
ONE_TAILED, TWO_TAILED = 'one-sided', 'two-sided'


def one_tailed_score(calibration_scores: Sequence[float], score: float) -> float:
    """Give 1 - p; ordered are ascending calibration scores."""
    return 1 - p_value(calibration_scores, round_score(score))


def two_tailed_score(calibration_scores: Sequence[float], score: float) -> float:
    """Give 1 - p, p of both ends; the highest of all is as strange as the lowest."""
    return 1 - two_sided_p_value(calibration_scores, round_score(score))


def alarm_set_score(calibration: Calibration, values: Mapping[str, float]) -> float:
    """Give 1 - the p-value of all watched scores together: what the alarm acts on."""
    return 1 - calibration.p_value(values)


def p_value_scores(calibration: Calibration, name: str,
            scores: Sequence[float]) -> dict[str, list[float]]:
    """Give both kinds of strangeness of one score in each frame."""
    ordered = calibration.scores[name]
    return {ONE_TAILED: [one_tailed_score(ordered, score) for score in scores],
            TWO_TAILED: [two_tailed_score(ordered, score) for score in scores]}


BOOTSTRAP_SEED = 0  # of the draws
FRAME_MEANS = {*score_descriptions(())} - {'local_feature'}  # that one is an upper decile
ScoresByDrive = dict[str, list[list[float]]]  # score -> of each drive, of each of its frames
SeparationTable = dict[str, dict[str, Any]]  # score -> measure -> value; intervals as [low, high]


def with_alarm_set_score(record: DriveRecord, calibration: Calibration) -> DriveRecord:
    """Add what the alarm acts on as one more score."""
    joined = tuple(alarm_set_score(calibration, record.values(index))
                   for index in range(len(record.stamps_ns)))
    return replace(record, scores={**record.scores, ALARM_SET: joined})


def scores_by_drive(records: Iterable[DriveRecord], group: str) -> ScoresByDrive:
    """Collect the scores of a group; drives without a frame of it are left out."""
    parts = [record.group_scores(group) for record in records if group in record.groups]
    if not parts:
        return {}
    known = [name for name in parts[0]
             if name != BRIGHTNESS and all(name in part for part in parts)]
    return {name: [part[name] for part in parts] for name in sorted(known, key=_score_order)}


def _score_order(name: str) -> tuple[bool, str]:
    """Put means over the frame first, then what belongs to one beside it."""
    return name not in FRAME_MEANS and name != ALARM_SET, name


def separations(records: Sequence[DriveRecord], nominal: str, groups: Sequence[str],
                mean_over: Sequence[str]) -> tuple[dict[str, SeparationTable], SeparationTable]:
    """Compare every score of every group with the nominal set; then the mean over some groups."""
    base = scores_by_drive(records, nominal)
    found: dict[str, SeparationTable] = {}
    drawn: dict[str, dict[str, BootstrapReplicates]] = {}
    for group in groups:
        strange = scores_by_drive(records, group)
        found[group] = {name: separation(_flatten(base[name]), _flatten(strange[name]))._asdict()
                        for name in base}
        drawn[group] = _bootstrap_scores(base, strange, nominal, group)
        for name, draws in drawn[group].items():
            found[group][name]['interval'] = _percentile_intervals(draws)
    return found, _mean_separation({group: found[group] for group in mean_over},
                        [drawn[group] for group in mean_over])


def tail_aurocs(records: Sequence[DriveRecord], nominal: str, groups: Iterable[str],
          calibration: Calibration) -> dict[str, dict[str, dict[str, float]]]:
    """Give AUROC by rank among the calibration: group -> score -> one-sided, two-sided."""
    base = scores_by_drive(records, nominal)
    made: dict[str, dict[str, dict[str, float]]] = {}
    for group in groups:
        strange = scores_by_drive(records, group)
        made[group] = {}
        for name in filter(base.__contains__, calibration.scores):
            one, other = (p_value_scores(calibration, name, _flatten(part[name]))
                          for part in (base, strange))
            made[group][name] = {side: separation(one[side], other[side]).auroc
                                 for side in (ONE_TAILED, TWO_TAILED)}
    return made


def _bootstrap_scores(base: ScoresByDrive, strange: ScoresByDrive, nominal: str, group: str) -> dict[str, BootstrapReplicates]:
    """Draw drives of both sides; one drive on either side gives no interval."""
    counts = [len(next(iter(part.values()))) for part in (base, strange)]
    if min(counts) < MIN_BOOTSTRAP_DRIVES:
        return {}
    weights = [resample_weights(name, count, BOOTSTRAP_SEED)
               for name, count in zip((nominal, group), counts, strict=True)]
    return {name: bootstrap_separation(base[name], strange[name], *weights) for name in base}


def _mean_separation(found: Mapping[str, SeparationTable], drawn: Sequence[Mapping[str, BootstrapReplicates]]) -> SeparationTable:
    """Average over groups, draw by draw: the nominal drives of a draw are the same in all."""
    made: SeparationTable = {}
    for name in next(iter(found.values()), {}):
        made[name] = {measure: float(np.mean([group[name][measure] for group in found.values()]))
                      for measure in BootstrapReplicates._fields}
        if all(name in draws for draws in drawn):
            mean = BootstrapReplicates(*(np.mean([draws[name][i] for draws in drawn], axis=0)
                           for i in range(len(BootstrapReplicates._fields))))
            made[name]['interval'] = _percentile_intervals(mean)
    return made


def _percentile_intervals(draws: BootstrapReplicates) -> dict[str, list[float]]:
    return {measure: list(percentile_interval(values)) for measure, values in draws._asdict().items()}


def _flatten(drives: Iterable[Iterable[float]]) -> list[float]:
    return [score for drive in drives for score in drive]
