# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""Synthetic records of drives, and a calibration for them."""
from typing import Sequence

from bdl_perception.alarm.calibration import Calibration
from bdl_perception.drives.description import Segment
from bdl_perception.evaluation.drive_record import DriveRecord, frame_group, Origin
from bdl_perception.perception.scores import SCORE_NAMES
from bdl_perception.perception.status import Identity
from calibrations import make_calibration

IDENTITY = Identity('fake', 'a' * 64, 'b' * 64, 8, 0, 24, 40)
CALIBRATED = tuple(n / 1000 for n in range(1000))  # of every score; none is above 1


def fake_record(name: str, part_of: str, levels: Sequence[float],
                segments: Sequence[Segment] = (), rate_hz: float = 4.) -> DriveRecord:
    """Make a drive whose scores all have these levels, one for each frame."""
    origin = Origin(name, part_of, tuple(segments))
    stamps_ns = tuple(round(1e9 * (5 + index / rate_hz)) for index in range(len(levels)))
    groups = tuple(frame_group(origin, (stamp - stamps_ns[0]) / 1e9) for stamp in stamps_ns)
    return DriveRecord(origin, stamps_ns, groups,
                       dict.fromkeys(SCORE_NAMES, tuple(levels)), {},
                       tuple(name for name in SCORE_NAMES
                             if name.startswith(('epistemic_depth', 'mutual_information'))))


def nominal_record(name: str, levels: Sequence[float], part_of: str = 'test') -> DriveRecord:
    """Make a nominal drive, in the sun."""
    return fake_record(name, part_of, levels, [Segment('sun', 0, len(levels) / 4, False)])


def night_record(name: str, levels: Sequence[float], part_of: str = 'test_night') -> DriveRecord:
    """Make an OOD drive, at night."""
    return fake_record(name, part_of, levels, [Segment('night', 0, len(levels) / 4, True)])


def changing_record(name: str, before: Sequence[float], foggy: Sequence[float],
                    after: Sequence[float] = (), fade_s: float = 0.) -> DriveRecord:
    """Make a drive from sun into fog and, with after, back again; four frames a second."""
    change_s, end_s = len(before) / 4, (len(before) + len(foggy)) / 4
    segments = [Segment('sun', 0, change_s, False),
                Segment('dense_fog', change_s, end_s, True, fade_s)]
    if after:
        segments.append(Segment('sun', end_s, end_s + len(after) / 4, False, fade_s))
    return fake_record(name, 'test_changes', [*before, *foggy, *after], segments)


def fake_calibration(**changes: object) -> Calibration:
    """Make a calibration in which every score above 1 has the lowest p-value."""
    values = {'identity': IDENTITY, 'alpha': .01, 'watched': ('feature', 'epistemic_depth'),
              'scores': dict.fromkeys(SCORE_NAMES, CALIBRATED), 'drives': tuple('abcdefgh'),
              'frames': 1000, 'step_s': .25, 'false_alarms_per_hour': 1., 'cusum': 9.6,
              'exponent': .02, 'software_version': '0.1.0'}
    return make_calibration(**{**values, **changes})
