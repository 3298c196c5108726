# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""From records to how well each score tells each group of frames from the nominal set."""
from dataclasses import replace
from typing import Any, Iterable, Mapping, Sequence

from bdl_perception.alarm.calibration import Calibration
from bdl_perception.alarm.scores import BRIGHTNESS
from bdl_perception.alarm.scores import CYCLE_MAPS
from bdl_perception.alarm.scores import FEATURE
from bdl_perception.alarm.scores import FRAME_MAPS
from bdl_perception.evaluation.bootstrap import draw
from bdl_perception.evaluation.bootstrap import Draws
from bdl_perception.evaluation.bootstrap import drive_weights
from bdl_perception.evaluation.bootstrap import FEWEST_DRIVES
from bdl_perception.evaluation.bootstrap import interval
from bdl_perception.evaluation.drive_record import DriveRecord
from bdl_perception.evaluation.ood import separation
from bdl_perception.evaluation.sides import ALARM_SET
from bdl_perception.evaluation.sides import alarm_set
from bdl_perception.evaluation.sides import by_rank
from bdl_perception.evaluation.sides import ONE_SIDED
from bdl_perception.evaluation.sides import TWO_SIDED
import numpy as np

SEED = 0  # of the draws
FRAME_MEANS = {*FRAME_MAPS, *FEATURE, *CYCLE_MAPS}
ByDrive = dict[str, list[list[float]]]  # score -> of each drive, of each of its frames
Found = dict[str, dict[str, Any]]  # score -> measure -> value; intervals as [low, high]


def with_alarm_set(record: DriveRecord, calibration: Calibration) -> DriveRecord:
    """Add what the alarm acts on as one more score."""
    joined = tuple(alarm_set(calibration, record.values(index))
                   for index in range(len(record.stamps_ns)))
    return replace(record, scores={**record.scores, ALARM_SET: joined})


def by_drive(records: Iterable[DriveRecord], group: str) -> ByDrive:
    """Collect the scores of a group; drives without a frame of it are left out."""
    parts = [record.of_group(group) for record in records if group in record.groups]
    if not parts:
        return {}
    known = [name for name in parts[0]
             if name != BRIGHTNESS and all(name in part for part in parts)]
    return {name: [part[name] for part in parts] for name in sorted(known, key=_place)}


def _place(name: str) -> tuple[bool, str]:
    """Put means over the frame first, then what belongs to one beside it."""
    return name not in FRAME_MEANS and name != ALARM_SET, name


def separations(records: Sequence[DriveRecord], nominal: str, groups: Sequence[str],
                mean_over: Sequence[str]) -> tuple[dict[str, Found], Found]:
    """Compare every score of every group with the nominal set; then the mean over some groups."""
    base = by_drive(records, nominal)
    found: dict[str, Found] = {}
    drawn: dict[str, dict[str, Draws]] = {}
    for group in groups:
        strange = by_drive(records, group)
        found[group] = {name: separation(_flat(base[name]), _flat(strange[name]))._asdict()
                        for name in base}
        drawn[group] = _draw_all(base, strange, nominal, group)
        for name, draws in drawn[group].items():
            found[group][name]['interval'] = _intervals(draws)
    return found, _mean({group: found[group] for group in mean_over},
                        [drawn[group] for group in mean_over])


def sides(records: Sequence[DriveRecord], nominal: str, groups: Iterable[str],
          calibration: Calibration) -> dict[str, dict[str, dict[str, float]]]:
    """Give AUROC by rank among the calibration: group -> score -> one-sided, two-sided."""
    base = by_drive(records, nominal)
    made: dict[str, dict[str, dict[str, float]]] = {}
    for group in groups:
        strange = by_drive(records, group)
        made[group] = {}
        for name in filter(base.__contains__, calibration.scores):
            one, other = (by_rank(calibration, name, _flat(part[name]))
                          for part in (base, strange))
            made[group][name] = {side: separation(one[side], other[side]).auroc
                                 for side in (ONE_SIDED, TWO_SIDED)}
    return made


def _draw_all(base: ByDrive, strange: ByDrive, nominal: str, group: str) -> dict[str, Draws]:
    """Draw drives of both sides; one drive on either side gives no interval."""
    counts = [len(next(iter(part.values()))) for part in (base, strange)]
    if min(counts) < FEWEST_DRIVES:
        return {}
    weights = [drive_weights(name, count, SEED)
               for name, count in zip((nominal, group), counts, strict=True)]
    return {name: draw(base[name], strange[name], *weights) for name in base}


def _mean(found: Mapping[str, Found], drawn: Sequence[Mapping[str, Draws]]) -> Found:
    """Average over groups, draw by draw: the nominal drives of a draw are the same in all."""
    made: Found = {}
    for name in next(iter(found.values()), {}):
        made[name] = {measure: float(np.mean([group[name][measure] for group in found.values()]))
                      for measure in Draws._fields}
        if all(name in draws for draws in drawn):
            mean = Draws(*(np.mean([draws[name][i] for draws in drawn], axis=0)
                           for i in range(len(Draws._fields))))
            made[name]['interval'] = _intervals(mean)
    return made


def _intervals(draws: Draws) -> dict[str, list[float]]:
    return {measure: list(interval(values)) for measure, values in draws._asdict().items()}


def _flat(drives: Iterable[Iterable[float]]) -> list[float]:
    return [score for drive in drives for score in drive]
