# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""The model, the software and the drives of a calibration."""
from dataclasses import dataclass, field
from typing import Mapping

from bdl_perception.alarm.alarm_limits import check_positive
from bdl_perception.perception.status import Identity


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
                check_positive(name, getattr(self, name))
        for name in ('held_out_peaks', 'held_out_slow_peaks', 'steps_per_drive',
                     'windows_per_drive'):
            entries = len(getattr(self, name))
            if entries not in (0, len(self.drives)):
                raise ValueError(f'calibration has {entries} {name} for {len(self.drives)} '
                                 f'drives; calibrate again')
