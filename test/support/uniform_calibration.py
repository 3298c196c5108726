# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""A calibration whose minimum p-value is known: 99 observations, so 1/100."""
from dataclasses import replace
from typing import Any

from bdl_perception.alarm.calibration import Calibration, CameraCalibration
from bdl_perception.perception.status import Identity
from calibrations import make_calibration


def uniform_calibration(drives: int, cusum_limit: float) -> Calibration:
    """
    Make a calibration of drives d0, d1 ... and of the scores .001, .002 ... .099.

    A step of .25 s adds log(.5 * 100 ** .5) = 1.61 to the evidence at most.
    """
    return make_calibration(
        identity=Identity('street', 'a', 'b', 16, 0, 192, 320), alpha=.01,
        watched=('epistemic_depth',),
        scores={'epistemic_depth': tuple(index / 1000 for index in range(1, 100))},
        drives=tuple(f'd{index}' for index in range(drives)), frames=300, step_s=.25,
        false_alarms_per_hour=1., cusum=cusum_limit, exponent=.5, software_version='')


def camera(drives: tuple[str, ...], cusum: float | None = None, slow: float | None = None,
           observations: int = 99, **origin: Any) -> CameraCalibration:
    """Make the part of a camera; origin: further fields of its provenance."""
    whole = uniform_calibration(8, 9.)
    scores = {name: values[:observations] for name, values in whole.distribution.scores.items()}
    provenance = replace(whole.provenance, drives=drives, **origin)
    limits = None if cusum is None else replace(whole.limits, cusum=cusum, slow=slow)
    return CameraCalibration(replace(whole.distribution, scores=scores), provenance, limits)
