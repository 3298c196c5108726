# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""Calibrations from flat values: each goes to the part that has a field of its name."""
from dataclasses import fields, replace
from typing import Any

from bdl_perception.alarm.calibration import AlarmLimits, Calibration, Provenance
from bdl_perception.alarm.score_distribution import ScoreDistribution
from bdl_perception.perception.status import Identity

IDENTITY = Identity('street', 'a' * 64, 'b' * 64, 16, 0, 192, 320)
PARTS: dict[str, type[Any]] = {'distribution': ScoreDistribution, 'limits': AlarmLimits,
                               'provenance': Provenance}
PART_FIELDS = {part: {field.name for field in fields(kind)} for part, kind in PARTS.items()}


def make_calibration(**values: Any) -> Calibration:
    """Make a calibration; values: fields of its parts and of Calibration itself."""
    flat, rest = _split(values)
    return Calibration(**{part: kind(**flat[part]) for part, kind in PARTS.items()}, **rest)


def with_values(calibration: Calibration, **values: Any) -> Calibration:
    """Return a calibration with some of its values replaced."""
    flat, rest = _split(values)
    return replace(calibration, **{part: replace(getattr(calibration, part), **changes)
                                   for part, changes in flat.items() if changes}, **rest)


def _split(values: dict[str, Any]) -> tuple[dict[str, dict[str, Any]], dict[str, Any]]:
    flat = {part: {name: values[name] for name in names & set(values)}
            for part, names in PART_FIELDS.items()}
    known = set().union(*PART_FIELDS.values())
    return flat, {name: value for name, value in values.items() if name not in known}


def small_calibration(**changes: Any) -> Calibration:
    """Make a calibration of two scores with the values 1 to 19, armed with its own identity."""
    scores = {name: tuple(map(float, range(1, 20))) for name in ('energy', 'epistemic_depth')}
    values: dict[str, Any] = {
        'identity': IDENTITY, 'alpha': .2, 'watched': ('energy', 'epistemic_depth'),
        'scores': scores, 'drives': tuple('abcdefgh'), 'frames': 40, 'step_s': .25,
        'false_alarms_per_hour': 1., 'cusum': 9.6, 'exponent': .5, 'software_version': '0.1.0'}
    return make_calibration(**{**values, **changes})
