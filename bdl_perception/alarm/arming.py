# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""Whether a calibration may arm an alarm: it is of this very model, and of drives enough."""
from bdl_perception.alarm.calibration import Calibration
from bdl_perception.alarm.conformal import smallest_count
from bdl_perception.alarm.conformal import smallest_p_value
from bdl_perception.alarm.enough import FEWEST_DRIVES
from bdl_perception.alarm.status import Identity

BOUND = {  # field of Identity -> what is said when it differs
    'perceive_sha256': 'another model (perceive graph)',
    'sample_sha256': 'another model (sample graph)',
    'samples': 'another number of Monte Carlo samples',
    'seed': 'other dropout masks (seed)',
    'height': 'another input height',
    'width': 'another input width',
    'precision': 'another precision of the graphs',
    'regions': 'other regions of the picture',
    'fit_mode': 'another fit of the picture to the network (fit_mode)',
}


def refusals(calibration: Calibration, identity: Identity | None) -> tuple[str, ...]:
    """Say why a calibration must not arm an alarm on that model; empty: it may."""
    if identity is None:
        return ('perception_node has not said which model it runs',)
    differences = [f'calibration is of {what}: calibrate this one' for name, what in
                   BOUND.items() if getattr(identity, name) != getattr(calibration.identity, name)]
    short = [f'calibration has {len(calibration.scores[name])} observations of {name}, alpha '
             f'{calibration.alpha:g} over {len(calibration.watched)} scores needs '
             f'{smallest_count(calibration.pooled.side_alpha)}: calibrate with more drives'
             for name in calibration.watched if not calibration.pooled.suffices(name)]
    drives = calibration.separate_drives
    few = [f'calibration has {drives} drives, at least {FEWEST_DRIVES} are needed: '
           f'calibrate with more drives'] if drives < FEWEST_DRIVES else []
    unknown = (calibration.unknown_camera,) if calibration.unknown_camera else ()
    return (*unknown, *differences, *few, *short, *_mute(calibration))


def _mute(calibration: Calibration) -> tuple[str, ...]:
    """Say when not even the strangest picture could add to the evidence of an ERROR."""
    count, needed = calibration.count(calibration.scores), calibration.fewest_for_evidence
    if count >= needed:
        return ()
    smallest_p = smallest_p_value(count, len(calibration.watched), calibration.tails)
    return (f'calibration has {count} observations, so few that p cannot fall below '
            f'{smallest_p:.2g}, at which exponent {calibration.exponent:g} gathers no evidence '
            f'({needed} are needed): calibrate with more drives or a larger exponent',)
