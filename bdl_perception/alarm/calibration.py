# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""The numbers that turn scores into probabilities, and the one model that they hold for."""
from dataclasses import dataclass, field, fields, replace
from functools import cached_property
import math
from typing import Any, Mapping

from bdl_perception.alarm.conformal import min_threshold_sample_size, TAILS, Tails
from bdl_perception.alarm.cusum import check_exponent
from bdl_perception.alarm.score_distribution import (
    GROUP_BY,
    GroupBy,
    MIN_DRIVES,
    min_sample_size,
    mondrian_group,
    ScoreDistribution,
)
from bdl_perception.perception.scores import check_watched
from bdl_perception.perception.status import Identity


@dataclass(frozen=True)
class CameraCalibration:
    """
    What takes the place of the fields of these names in Calibration, once the camera is known.

    Its scores are the group of its name. A camera with too few drives or observations has no
    limits: it is judged by all drives.
    """

    drives: tuple[str, ...]
    frames: int  # that were scored, before thinning
    cusum_limit: float | None = None
    slow_limit: float | None = None
    score_step_s: float | None = None
    observed_step_s: float | None = None
    decorrelation_s: Mapping[str, float] = field(default_factory=dict)
    held_out: tuple[float, ...] = ()  # each drive judged by the others of this camera
    held_out_slow: tuple[float, ...] = ()
    steps: tuple[int, ...] = ()
    windows: tuple[int, ...] = ()


def to_camera_calibration(calibration: Any) -> CameraCalibration:
    """Take from a calibration of one camera what a calibration of several keeps of it."""
    return CameraCalibration(**{item.name: getattr(calibration, item.name)
                         for item in fields(CameraCalibration)})


def camera_calibration_from_dict(values: Mapping[str, Any]) -> CameraCalibration:
    """Read what calibration.json holds of a camera; all names but steps must be there."""
    rows = ('drives', 'held_out', 'held_out_slow', 'steps', 'windows')
    return CameraCalibration(**{**values, **{name: tuple(values.get(name, ())) for name in rows}})


FORMAT = 4  # of calibration.json; 3 did not say how a picture meets the network (fit_mode)
SortedScores = Mapping[str, tuple[float, ...]]  # name of a score -> ascending


@dataclass(frozen=True)
class Calibration:
    """The contents of calibration.json."""

    identity: Identity
    alpha: float  # of a single observation, shared out among the watched scores
    watched: tuple[str, ...]
    scores: SortedScores  # of every score that was there, whatever the group
    drives: tuple[str, ...]
    frames: int  # that were scored, before thinning
    step_s: float  # of the fast alarm
    false_alarms_per_hour: float  # of fast and slow alarm together
    cusum_limit: float
    exponent: float  # e of the bets that the CUSUM sums up
    software_version: str
    slow_limit: float | None = None  # None: there is no slow alarm
    slow_step_s: float = 2.
    tails: Tails = 'upper'
    group_by: GroupBy = 'none'
    groups: Mapping[str, SortedScores] = field(default_factory=dict)  # group -> its watched scores
    group_drives: Mapping[str, int] = field(default_factory=dict)  # that each light was seen in
    score_step_s: float | None = None  # between the scores above; None: step_s
    observed_step_s: float | None = None  # between the pictures of the drives; None: not known
    decorrelation_s: Mapping[str, float] = field(default_factory=dict)  # of the watched scores
    held_out: tuple[float, ...] = ()  # highest CUSUM of each drive, judged by the others
    held_out_slow: tuple[float, ...] = ()  # and of the slow alarm
    steps: tuple[int, ...] = ()  # of step_s that each drive has; empty: not known
    windows: tuple[int, ...] = ()  # of slow_step_s that each drive filled; empty: not known
    intervals: Mapping[str, Any] | None = None  # of depth, from drives with truth; None: none had
    cameras: Mapping[str, CameraCalibration] = field(default_factory=dict)  # one for each such group
    camera: str | None = None  # that it was asked for (of_camera)
    format: int = FORMAT  # noqa: A003  # as the file says

    def __post_init__(self) -> None:
        """Refuse numbers that cannot be an alarm's."""
        check_calibration(self)

    def for_camera(self, name: str) -> 'Calibration':
        """
        Give the calibration that a camera is judged by, chosen once, where the alarm is armed.

        Grouped by camera it is what the drives of this camera alone had given: thresholds,
        p-values and both limits promise of it what a calibration of one camera promises, whatever
        the other cameras saw. Where those drives or observations are too few it is that of all
        drives, which promises nothing of a camera unlike them: fallback says so. With a name that
        it does not know it arms nothing. A calibration that is not grouped by camera is the same
        for all of them.
        """
        if self.group_by != 'camera':
            return self
        if name not in self.group_distributions:
            return replace(self, camera=name)
        part = {item: getattr(self.cameras[name], item)
                for item in CameraCalibration.__dataclass_fields__}
        return replace(self, camera=name, scores=self.groups[name], group_by='none', groups={},
                       cameras={}, **part)

    @cached_property
    def score_alpha(self) -> float:
        """Give what of alpha each watched score has (Bonferroni)."""
        return self.alpha / len(self.watched)

    @property
    def thresholds(self) -> dict[str, float]:
        """Give the threshold of each watched score, +Inf where there are too few scores."""
        return self.pooled_distribution.thresholds

    @property
    def low_thresholds(self) -> dict[str, float]:
        """Give the lower thresholds, empty unless both tails are strange."""
        return self.pooled_distribution.low_thresholds

    @cached_property
    def pooled_distribution(self) -> ScoreDistribution:
        """Give what all drives together showed."""
        return self._distribution(self.scores)

    @cached_property
    def group_distributions(self) -> Mapping[str, ScoreDistribution]:
        """Give what each group showed that could raise the alarm all by itself."""
        return {group: self._distribution(scores) for group, scores in self.groups.items()
                if not self.group_rejection(group)}

    @property
    def camera_rejection(self) -> str | None:
        """Say that the camera it was asked for is none of its own; None: it is one of them."""
        if self.group_by != 'camera' or self.camera is None or self.camera in self.cameras:
            return None
        return (f'calibration knows the cameras {", ".join(sorted(self.cameras))} and no '
                f'{self.camera!r}: set `cameras` or `camera` of alert_node (of `bdl evaluate`, '
                f'--camera) to names that it knows')

    @property
    def independent_drive_count(self) -> int:
        """
        Count drives of which no two are one road at one time.

        Cameras of a vehicle look at once, so of several cameras those count that has most drives.
        """
        if not self.cameras:
            return len(self.drives)
        return max(len(part.drives) for part in self.cameras.values())

    @cached_property
    def min_observations(self) -> int:
        """Give how many observations thresholds take, and evidence that can rise."""
        return max(min_threshold_sample_size(self.pooled_distribution.tail_alpha), self.min_evidence_observations)

    @property
    def min_evidence_observations(self) -> int:
        """Give how many observations it takes until the strangest adds to the evidence."""
        return min_sample_size(len(self.watched), self.tails, self.exponent)

    def count_observations(self, scores: SortedScores) -> int:
        """Give how many observations there are of the watched ones of scores."""
        return min(len(scores[name]) for name in self.watched)

    def group_rejection(self, group: str) -> str | None:
        """Say what a group has too little of to be judged by itself; None: it has enough."""
        drives = (len(self.cameras[group].drives) if group in self.cameras
                  else self.group_drives.get(group, 0))
        if drives < MIN_DRIVES:
            return f'calibration has {drives} drives of {group}, {MIN_DRIVES} are needed'
        count = self.count_observations(self.groups[group]) if group in self.groups else 0
        if count < self.min_observations:
            return f'calibration has {count} observations of {group}, {self.min_observations} are needed'
        return None

    def distribution_for(self, values: Mapping[str, float]) -> ScoreDistribution:
        """Give what a picture with these values is compared with: its group's, or all."""
        group = mondrian_group(self.group_by, values)
        return self.group_distributions.get(group, self.pooled_distribution) if group else self.pooled_distribution

    def fallback_reason(self, values: Mapping[str, float]) -> str | None:
        """Say why a picture with these values is compared with all drives and not its group's."""
        if self.group_by == 'none' or self.camera_rejection:
            return None
        group = self.camera or mondrian_group(self.group_by, values)
        if group is None:
            return f'the {self.group_by} of the picture is not known: thresholds are of all drives'
        lacking = self.group_rejection(group)
        return f'{lacking}: thresholds are of all drives' if lacking else None

    def exceedances(self, values: Mapping[str, float]) -> tuple[str, ...]:
        """Name the watched ones of values that are outside their thresholds; NaN is."""
        return tuple(self.distribution_for(values).exceedances(values))

    def is_complete(self, values: Mapping[str, float]) -> bool:
        """Tell whether every watched score is in values."""
        return all(name in values for name in self.watched)

    def p_value(self, values: Mapping[str, float]) -> float:
        """Give the combined p-value of a complete observation."""
        return self.distribution_for(values).p_value(values)

    def _distribution(self, scores: SortedScores) -> ScoreDistribution:
        return ScoreDistribution({name: scores[name] for name in self.watched}, self.score_alpha,
                         self.tails)


NULLABLE_FIELDS = ('slow_limit', 'score_step_s', 'observed_step_s')
MAX_VALUE = 1e6  # of a limit or a time, s: one that is reached in days, or never, is no alarm's


def check_calibration(calibration: 'Calibration') -> None:
    """Refuse with a ValueError what no drives can have given."""
    check_format(calibration.format)
    min_threshold_sample_size(calibration.alpha)  # refuses what is no probability
    check_exponent(calibration.exponent)
    _check_numbers(calibration)
    _check_choices(calibration)
    _check_counts(calibration)
    check_watched(calibration.watched, calibration.scores)
    for scores in (calibration.scores, *calibration.groups.values()):
        _check_sorted(scores)
    _check_groups(calibration)
    _check_cameras(calibration)
    _check_light_groups(calibration)


def _check_numbers(calibration: 'Calibration') -> None:
    for name in ('step_s', 'false_alarms_per_hour', 'cusum_limit', 'slow_limit',
                 'slow_step_s', 'score_step_s', 'observed_step_s'):
        value = getattr(calibration, name)
        if value is None and name in NULLABLE_FIELDS:
            continue
        if value is None or not 0 < value <= MAX_VALUE:
            raise ValueError(f'calibration {name} is {value}, must be above 0 and at most '
                             f'{MAX_VALUE:g}; calibrate again')


def _check_choices(calibration: 'Calibration') -> None:
    for name, known in (('tails', TAILS), ('group_by', GROUP_BY)):
        if getattr(calibration, name) not in known:
            raise ValueError(f'calibration {name} is {getattr(calibration, name)!r}, must be one of '
                             f'{known}; calibrate again')


def _check_counts(calibration: 'Calibration') -> None:
    for name in ('held_out', 'held_out_slow', 'steps', 'windows'):
        if getattr(calibration, name) and len(getattr(calibration, name)) != len(calibration.drives):
            raise ValueError(f'calibration has {len(getattr(calibration, name))} {name} of '
                             f'{len(calibration.drives)} drives; calibrate again')


def _check_groups(calibration: 'Calibration') -> None:
    for group, scores in calibration.groups.items():
        check_watched(calibration.watched, scores)
        if calibration.group_by == 'none':
            raise ValueError(f'calibration has group {group} but group_by none; calibrate again')


def _check_cameras(calibration: 'Calibration') -> None:
    """Refuse cameras without scores, or scores without a camera, or limits that are none."""
    named = set(calibration.groups) if calibration.group_by == 'camera' else set()
    if named != set(calibration.cameras) or (calibration.group_by == 'camera' and not named):
        raise ValueError(f'calibration has scores of the cameras {sorted(named)} and parts of '
                         f'{sorted(calibration.cameras)}; calibrate again')
    for name in named.intersection(calibration.group_distributions):
        part = calibration.cameras[name]
        if part.cusum_limit is None or (part.slow_limit is None) != (calibration.slow_limit is None):
            raise ValueError(f'calibration has enough of {name} but not its limits; calibrate '
                             f'again')
        calibration.for_camera(name)  # checks itself


def _check_light_groups(calibration: 'Calibration') -> None:
    if calibration.group_by == 'light' and set(calibration.groups) != set(calibration.group_drives):
        raise ValueError(f'calibration has scores of {sorted(calibration.groups)} and counts drives '
                         f'of {sorted(calibration.group_drives)}; calibrate again')


def check_format(version: Any) -> None:
    """Refuse a file of another format; FORMAT is the one that is read."""
    if version != FORMAT:
        raise ValueError(
            f'calibration format is {version!r}, this version reads {FORMAT}: make it again from '
            f'its drives with `bdl calibrate --model MODEL DRIVES...`, with the --fit-mode that '
            f'perception_node is told; a file of {FORMAT - 1} does not say which it was')


def _check_sorted(scores: 'SortedScores') -> None:
    for name, values in scores.items():
        if not all(map(math.isfinite, values)) or list(values) != sorted(values):
            raise ValueError(f'calibration scores of {name} are not finite and ascending; '
                             f'calibrate again')
