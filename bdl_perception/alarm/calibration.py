# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""A calibration: the score distribution and the alarm limits of one model, and their origin."""
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Mapping

from bdl_perception.alarm.conformal import ConformalTest
from bdl_perception.alarm.cusum import check_exponent, SLOW_ALARM_SHARE, ville_limit
from bdl_perception.alarm.image_range import ImageRange
from bdl_perception.alarm.mondrian import mondrian_group, MondrianTest
from bdl_perception.alarm.score_distribution import GroupBy, ScoreDistribution
from bdl_perception.perception.status import Identity

MAX_VALUE = 1e6  # of a limit or a time, s: a larger one would be reached after days, or never


@dataclass(frozen=True)
class AlarmLimits:
    """Limits of the evidence (logarithms), steps and betting exponent; checks itself."""

    cusum: float  # of the fast alarm
    exponent: float  # e of the bets of the fast alarm
    step_s: float  # of the fast alarm
    false_alarms_per_hour: float  # target rate of both alarms together
    slow: float | None = None  # None: there is no slow alarm
    slow_step_s: float = 2.

    def __post_init__(self) -> None:
        """Raise ValueError for a value that no alarm can have."""
        check_exponent(self.exponent)
        for name in ('cusum', 'step_s', 'false_alarms_per_hour', 'slow_step_s'):
            _check_positive(name, getattr(self, name))
        if self.slow is not None:
            _check_positive('slow', self.slow)

    def design(self) -> 'AlarmLimits':
        """Return the limits for the same rate and steps by Ville's inequality alone."""
        if self.slow is None:
            return replace(self, cusum=ville_limit(self.step_s, self.false_alarms_per_hour))
        return design_limits(self.false_alarms_per_hour, self.step_s, self.slow_step_s,
                             self.exponent)


def design_limits(false_alarms_per_hour: float, step_s: float, slow_step_s: float,
                  exponent: float) -> AlarmLimits:
    """Divide the target false alarm rate between both alarms; ValueError if infeasible."""
    return AlarmLimits(
        ville_limit(step_s, (1 - SLOW_ALARM_SHARE) * false_alarms_per_hour), exponent, step_s,
        false_alarms_per_hour,
        ville_limit(slow_step_s, SLOW_ALARM_SHARE * false_alarms_per_hour), slow_step_s)


@dataclass(frozen=True)
class Provenance:
    """Model, software and drives of a calibration; checks itself."""

    identity: Identity
    software_version: str
    drives: tuple[str, ...]
    frames: int  # scored frames, before thinning
    score_step_s: float | None = None  # between calibration scores; None: step of the alarm
    observed_step_s: float | None = None  # median between frames of the drives; None: not known
    decorrelation_s: Mapping[str, float] = field(default_factory=dict)  # of the watched scores
    held_out_peaks: tuple[float, ...] = ()  # highest CUSUM of each drive, by the other drives
    held_out_slow_peaks: tuple[float, ...] = ()  # the same for the slow alarm
    steps_per_drive: tuple[int, ...] = ()  # of the fast alarm; empty: not known
    windows_per_drive: tuple[int, ...] = ()  # full windows of the slow alarm; empty: not known

    def __post_init__(self) -> None:
        """Raise ValueError for a wrong time, or a list without one entry for each drive."""
        for name in ('score_step_s', 'observed_step_s'):
            if getattr(self, name) is not None:
                _check_positive(name, getattr(self, name))
        for name in ('held_out_peaks', 'held_out_slow_peaks', 'steps_per_drive',
                     'windows_per_drive'):
            entries = len(getattr(self, name))
            if entries not in (0, len(self.drives)):
                raise ValueError(f'calibration has {entries} {name} for {len(self.drives)} '
                                 f'drives; calibrate again')


@dataclass(frozen=True)
class CameraCalibration:
    """The calibration of one camera, by its own drives alone."""

    distribution: ScoreDistribution  # of the watched scores
    provenance: Provenance
    limits: AlarmLimits | None = None  # None: too few drives or observations
    image_range: ImageRange | None = None  # of its own drives


@dataclass(frozen=True)
class Calibration:
    """The contents of calibration.json."""

    distribution: ScoreDistribution
    limits: AlarmLimits
    provenance: Provenance
    intervals: Mapping[str, Any] | None = None  # of depth; None: no drive has a true depth
    cameras: Mapping[str, CameraCalibration] = field(default_factory=dict)
    camera: str | None = None  # chosen by for_camera; not stored
    image_range: ImageRange | None = None  # None: images are not compared; not stored then

    def __post_init__(self) -> None:
        """Raise ValueError for a camera that does not fit; the parts check themselves."""
        for name, part in self.cameras.items():
            self._check_camera(name, part)

    @cached_property
    def test(self) -> MondrianTest:
        """Return the conformal tests by the scores of all drives."""
        return MondrianTest(self.distribution, self.limits.exponent)

    @property
    def thresholds(self) -> dict[str, float]:
        """Return the upper threshold of each watched score, by the scores of all drives."""
        return self.test.pooled.thresholds

    @cached_property
    def group_tests(self) -> Mapping[str, ConformalTest]:
        """Return the test of each group and camera with sufficient drives and observations."""
        return {**self.test.groups,
                **{name: MondrianTest(part.distribution, self.limits.exponent).pooled
                   for name, part in self.cameras.items() if not self.group_rejection(name)}}

    @property
    def group_by(self) -> GroupBy:
        """Return which property of a frame selects its thresholds."""
        return 'camera' if self.cameras else self.distribution.group_by

    @property
    def independent_drive_count(self) -> int:
        """
        Return the number of drives, simultaneous recordings counted once.

        The cameras of a vehicle record at the same time: the camera with the most drives counts.
        """
        if not self.cameras:
            return len(self.provenance.drives)
        return max(len(part.provenance.drives) for part in self.cameras.values())

    def for_camera(self, name: str) -> 'Calibration':
        """
        Return the calibration that applies to a camera.

        With cameras it is that of the drives of this camera alone, with the guarantees of a
        calibration of one camera. If these are too few, it is that of all drives, without a
        guarantee for this camera (fallback_reason). For an unknown name it never arms an alarm
        (camera_rejection). Without cameras it is the same for every name.
        """
        if not self.cameras:
            return self
        part = self.cameras.get(name)
        if part is None or part.limits is None or self.group_rejection(name):
            return replace(self, camera=name)
        return replace(self, distribution=part.distribution, limits=part.limits,
                       provenance=part.provenance, cameras={}, camera=name,
                       image_range=part.image_range)

    @property
    def camera_rejection(self) -> str | None:
        """Return why the camera of for_camera is unknown; None: it is known."""
        if not self.cameras or self.camera is None or self.camera in self.cameras:
            return None
        return (f'calibration knows the cameras {", ".join(sorted(self.cameras))} and no '
                f'{self.camera!r}: set `cameras` or `camera` of alert_node (of `bdl evaluate`, '
                f'--camera) to names that it knows')

    def group_rejection(self, name: str) -> str | None:
        """Return why a group or camera has too few drives or observations; None: sufficient."""
        part = self.cameras.get(name)
        if part is None:
            return self.test.group_rejection(name)
        return self.test.sample_size_rejection(name, len(part.provenance.drives),
                                               part.distribution.observations)

    def fallback_reason(self, values: Mapping[str, float]) -> str | None:
        """Return why a frame is compared with all drives instead of its group; None: it is not."""
        if self.group_by == 'none' or self.camera_rejection:
            return None
        group = self.camera or mondrian_group(self.group_by, values)
        if group is None:
            return f'the {self.group_by} of the frame is not known: thresholds are of all drives'
        rejection = self.group_rejection(group)
        return f'{rejection}: thresholds are of all drives' if rejection else None

    def _check_camera(self, name: str, part: CameraCalibration) -> None:
        whole, own = self.distribution, part.distribution
        if (own.watched, own.alpha, own.tails, own.group_by) != (
                whole.watched, whole.alpha, whole.tails, 'none'):
            raise ValueError(f'calibration of camera {name} has other settings than that of all '
                             f'drives; calibrate again')
        if part.provenance.identity != self.provenance.identity:
            raise ValueError(f'calibration of camera {name} is of another model; calibrate again')
        if self.group_rejection(name):
            return
        if part.limits is None or (part.limits.slow is None) != (self.limits.slow is None):
            raise ValueError(f'calibration has sufficient drives of {name} but not its limits; '
                             f'calibrate again')
        if replace(part.limits, cusum=self.limits.cusum, slow=self.limits.slow) != self.limits:
            raise ValueError(f'limits of camera {name} have other settings than those of all '
                             f'drives; calibrate again')


def _check_positive(name: str, value: float) -> None:
    """Raise ValueError unless a stored value is above 0 and at most MAX_VALUE; NaN is not."""
    if not 0 < value <= MAX_VALUE:
        raise ValueError(f'calibration {name} is {value}, must be above 0 and at most '
                         f'{MAX_VALUE:g}; calibrate again')
