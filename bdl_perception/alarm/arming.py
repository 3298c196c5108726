# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""Whether a calibration may arm an alarm: it is of this very model, and of drives enough."""
import re

from bdl_perception.alarm.calibration import Calibration
from bdl_perception.alarm.conformal import min_p_value, min_threshold_sample_size
from bdl_perception.alarm.score_distribution import MIN_DRIVES
from bdl_perception.perception.status import Identity

MISMATCH_DESCRIPTIONS = {  # field of Identity -> what is said when it differs
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


def rejection_reasons(calibration: Calibration, identity: Identity | None) -> tuple[str, ...]:
    """Say why a calibration must not arm an alarm on that model; empty: it may."""
    if identity is None:
        return ('perception_node has not said which model it runs',)
    differences = [f'calibration is of {what}: calibrate this one' for name, what in
                   MISMATCH_DESCRIPTIONS.items() if getattr(identity, name) != getattr(calibration.identity, name)]
    short = [f'calibration has {len(calibration.scores[name])} observations of {name}, alpha '
             f'{calibration.alpha:g} over {len(calibration.watched)} scores needs '
             f'{min_threshold_sample_size(calibration.pooled_distribution.tail_alpha)}: calibrate with more drives'
             for name in calibration.watched if not calibration.pooled_distribution.has_threshold(name)]
    drives = calibration.independent_drive_count
    few = [f'calibration has {drives} drives, at least {MIN_DRIVES} are needed: '
           f'calibrate with more drives'] if drives < MIN_DRIVES else []
    unknown = (calibration.camera_rejection,) if calibration.camera_rejection else ()
    return (*unknown, *differences, *few, *short, *_evidence_rejections(calibration))


def _evidence_rejections(calibration: Calibration) -> tuple[str, ...]:
    """Say when not even the strangest picture could add to the evidence of an ERROR."""
    count, needed = calibration.count_observations(calibration.scores), calibration.min_evidence_observations
    if count >= needed:
        return ()
    smallest_p = min_p_value(count, len(calibration.watched), calibration.tails)
    return (f'calibration has {count} observations, so few that p cannot fall below '
            f'{smallest_p:.2g}, at which exponent {calibration.exponent:g} gathers no evidence '
            f'({needed} are needed): calibrate with more drives or a larger exponent',)


def version_rejection(calibration_version: str, running_version: str) -> str | None:
    """
    Say that a calibration is not known to be of the same major.minor version; None: it is.

    A version that nobody knows (run from a source tree that is not installed) is refused too: two
    of them may be the same, or a year apart.
    """
    if _major_minor(running_version) is None:
        return (f'this bdl_perception has no known version ({running_version or "none"}), so nobody can '
                f'tell whether its scores are those of a calibration: install it with pip or '
                f'colcon')
    if _major_minor(running_version) == _major_minor(calibration_version):
        return None
    return (f'it was made with bdl_perception {calibration_version or "of no version"}, this is {running_version}: '
            f'calibrate again')


def _major_minor(version: str) -> str | None:
    found = re.match(r'\d+\.\d+', version)
    return found.group() if found else None
