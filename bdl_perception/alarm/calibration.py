# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""The numbers that turn scores into probabilities, and the one model that they hold for."""
from dataclasses import dataclass
from dataclasses import field
from dataclasses import replace
from functools import cached_property
from typing import Any, Mapping

from bdl_perception.alarm.calibration_checks import check_calibration
from bdl_perception.alarm.calibration_checks import FORMAT
from bdl_perception.alarm.camera_part import CameraPart
from bdl_perception.alarm.conformal import smallest_count
from bdl_perception.alarm.conformal import Tails
from bdl_perception.alarm.enough import FEWEST_DRIVES
from bdl_perception.alarm.enough import fewest_for_evidence
from bdl_perception.alarm.groups import group_of
from bdl_perception.alarm.groups import GroupBy
from bdl_perception.alarm.reference import Reference
from bdl_perception.alarm.status import Identity

Ordered = Mapping[str, tuple[float, ...]]  # name of a score -> ascending


@dataclass(frozen=True)
class Calibration:
    """The contents of calibration.json."""

    identity: Identity
    alpha: float  # of a single observation, shared out among the watched scores
    watched: tuple[str, ...]
    scores: Ordered  # of every score that was there, whatever the group
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
    groups: Mapping[str, Ordered] = field(default_factory=dict)  # group -> its watched scores
    group_drives: Mapping[str, int] = field(default_factory=dict)  # that each light was seen in
    score_step_s: float | None = None  # between the scores above; None: step_s
    observed_step_s: float | None = None  # between the pictures of the drives; None: not known
    decorrelation_s: Mapping[str, float] = field(default_factory=dict)  # of the watched scores
    held_out: tuple[float, ...] = ()  # highest CUSUM of each drive, judged by the others
    held_out_slow: tuple[float, ...] = ()  # and of the slow alarm
    steps: tuple[int, ...] = ()  # of step_s that each drive has; empty: not known
    windows: tuple[int, ...] = ()  # of slow_step_s that each drive filled; empty: not known
    intervals: Mapping[str, Any] | None = None  # of depth, from drives with truth; None: none had
    cameras: Mapping[str, CameraPart] = field(default_factory=dict)  # one for each such group
    camera: str | None = None  # that it was asked for (of_camera)
    format: int = FORMAT  # noqa: A003  # as the file says

    def __post_init__(self) -> None:
        """Refuse numbers that cannot be an alarm's."""
        check_calibration(self)

    def of_camera(self, name: str) -> 'Calibration':
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
        if name not in self.own:
            return replace(self, camera=name)
        part = {item: getattr(self.cameras[name], item)
                for item in CameraPart.__dataclass_fields__}
        return replace(self, camera=name, scores=self.groups[name], group_by='none', groups={},
                       cameras={}, **part)

    @cached_property
    def score_alpha(self) -> float:
        """Give what of alpha each watched score has (Bonferroni)."""
        return self.alpha / len(self.watched)

    @property
    def thresholds(self) -> dict[str, float]:
        """Give the threshold of each watched score, +Inf where there are too few scores."""
        return self.pooled.thresholds

    @property
    def low_thresholds(self) -> dict[str, float]:
        """Give the lower thresholds, empty unless both tails are strange."""
        return self.pooled.low_thresholds

    @cached_property
    def pooled(self) -> Reference:
        """Give what all drives together showed."""
        return self._reference(self.scores)

    @cached_property
    def own(self) -> Mapping[str, Reference]:
        """Give what each group showed that could raise the alarm all by itself."""
        return {group: self._reference(scores) for group, scores in self.groups.items()
                if not self.lacking(group)}

    @property
    def unknown_camera(self) -> str | None:
        """Say that the camera it was asked for is none of its own; None: it is one of them."""
        if self.group_by != 'camera' or self.camera is None or self.camera in self.cameras:
            return None
        return (f'calibration knows the cameras {", ".join(sorted(self.cameras))} and no '
                f'{self.camera!r}: set `cameras` or `camera` of alert_node (of `bdl evaluate`, '
                f'--camera) to names that it knows')

    @property
    def separate_drives(self) -> int:
        """
        Count drives of which no two are one road at one time.

        Cameras of a vehicle look at once, so of several cameras those count that has most drives.
        """
        if not self.cameras:
            return len(self.drives)
        return max(len(part.drives) for part in self.cameras.values())

    @cached_property
    def fewest(self) -> int:
        """Give how many observations thresholds take, and evidence that can rise."""
        return max(smallest_count(self.pooled.side_alpha), self.fewest_for_evidence)

    @property
    def fewest_for_evidence(self) -> int:
        """Give how many observations it takes until the strangest adds to the evidence."""
        return fewest_for_evidence(len(self.watched), self.tails, self.exponent)

    def count(self, scores: Ordered) -> int:
        """Give how many observations there are of the watched ones of scores."""
        return min(len(scores[name]) for name in self.watched)

    def lacking(self, group: str) -> str | None:
        """Say what a group has too little of to be judged by itself; None: it has enough."""
        drives = (len(self.cameras[group].drives) if group in self.cameras
                  else self.group_drives.get(group, 0))
        if drives < FEWEST_DRIVES:
            return f'calibration has {drives} drives of {group}, {FEWEST_DRIVES} are needed'
        count = self.count(self.groups[group]) if group in self.groups else 0
        if count < self.fewest:
            return f'calibration has {count} observations of {group}, {self.fewest} are needed'
        return None

    def reference(self, values: Mapping[str, float]) -> Reference:
        """Give what a picture with these values is compared with: its group's, or all."""
        group = group_of(self.group_by, values)
        return self.own.get(group, self.pooled) if group else self.pooled

    def fallback(self, values: Mapping[str, float]) -> str | None:
        """Say why a picture with these values is compared with all drives and not its group's."""
        if self.group_by == 'none' or self.unknown_camera:
            return None
        group = self.camera or group_of(self.group_by, values)
        if group is None:
            return f'the {self.group_by} of the picture is not known: thresholds are of all drives'
        lacking = self.lacking(group)
        return f'{lacking}: thresholds are of all drives' if lacking else None

    def strange(self, values: Mapping[str, float]) -> tuple[str, ...]:
        """Name the watched ones of values that are outside their thresholds; NaN is."""
        return tuple(self.reference(values).strange(values))

    def complete(self, values: Mapping[str, float]) -> bool:
        """Tell whether every watched score is in values."""
        return all(name in values for name in self.watched)

    def p_value(self, values: Mapping[str, float]) -> float:
        """Give the combined p-value of a complete observation."""
        return self.reference(values).p_value(values)

    def _reference(self, scores: Ordered) -> Reference:
        return Reference({name: scores[name] for name in self.watched}, self.score_alpha,
                         self.tails)
