# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""A calibration whose minimum p-value is known: 99 observations, so 1/100."""
from bdl_perception.alarm.calibration import Calibration
from bdl_perception.perception.status import Identity


def uniform_calibration(drives: int, cusum_limit: float) -> Calibration:
    """
    Make a calibration of drives d0, d1 ... and of the scores .001, .002 ... .099.

    A step of .25 s adds log(.5 * 100 ** .5) = 1.61 to the evidence at most.
    """
    return Calibration(
        Identity('street', 'a', 'b', 16, 0, 192, 320), .01, ('epistemic_depth',),
        {'epistemic_depth': tuple(index / 1000 for index in range(1, 100))},
        tuple(f'd{index}' for index in range(drives)), 300, .25, 1., cusum_limit, .5, '')
