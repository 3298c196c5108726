# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""Whether a calibration may arm an alarm: same model, same version, sufficient drives."""
import re

from bdl_perception.alarm.calibration import Calibration
from bdl_perception.alarm.conformal import min_p_value, min_threshold_sample_size
from bdl_perception.alarm.detection_delay import min_detection_delay, min_slow_detection_delay
from bdl_perception.alarm.score_distribution import MIN_DRIVES
from bdl_perception.perception.status import Identity

# From zero evidence to ERROR if every p-value had its smallest value; .3 s and 38 s as shipped.
MAX_DELAY_S = 60.
MAX_SLOW_DELAY_S = 1800.
MIN_HEARTBEATS = 1.5  # within stale_after_s; with fewer the alert is STALE now and then

MISMATCH_DESCRIPTIONS = {  # field of Identity -> description of a difference
    'perceive_sha256': 'another model (perceive graph)',
    'sample_sha256': 'another model (sample graph)',
    'samples': 'another number of Monte Carlo samples',
    'seed': 'other dropout masks (seed)',
    'height': 'another input height',
    'width': 'another input width',
    'precision': 'another precision of the graphs',
    'regions': 'other regions of the frame',
    'fit_mode': 'another fit of the frame to the network (fit_mode)',
}


def rate_rejection(status_hz: float | None, stale_after_s: float) -> str:
    """Return why heartbeats of this rate are too rare for stale_after_s; empty: they are not."""
    if status_hz is None or status_hz * stale_after_s >= MIN_HEARTBEATS:
        return ''
    return (f'status_hz {status_hz:g} of perception_node is too low for stale_after_s '
            f'{stale_after_s:g}: raise status_hz to {MIN_HEARTBEATS / stale_after_s:.3g} or '
            f'stale_after_s to {MIN_HEARTBEATS / status_hz:.3g}')


def rejection_reasons(calibration: Calibration, identity: Identity | None) -> tuple[str, ...]:
    """Return why a calibration must not arm an alarm for that model; empty: it may."""
    if identity is None:
        return ('perception_node has not reported its model',)
    differences = [f'calibration is of {description}: calibrate this one' for description
                   in identity_differences(identity, calibration.provenance.identity)]
    drives = calibration.independent_drive_count
    few = [f'calibration has {drives} drives, at least {MIN_DRIVES} are needed: '
           f'calibrate with more drives'] if drives < MIN_DRIVES else []
    camera = [calibration.camera_rejection] if calibration.camera_rejection else []
    return (*camera, *differences, *few, *_threshold_rejections(calibration),
            *(_evidence_rejections(calibration) or _delay_rejections(calibration)))


def identity_differences(one: Identity, other: Identity) -> tuple[str, ...]:
    """Describe each setting that scores depend on and in which two identities differ."""
    return tuple(description for name, description in MISMATCH_DESCRIPTIONS.items()
                 if getattr(one, name) != getattr(other, name))


def _threshold_rejections(calibration: Calibration) -> list[str]:
    test, alpha = calibration.test.pooled, calibration.distribution.alpha
    return [f'calibration has {len(values)} observations of {name}, alpha {alpha:g} over '
            f'{len(test.scores)} scores needs {min_threshold_sample_size(test.tail_alpha)}: '
            f'calibrate with more drives'
            for name, values in test.scores.items() if not test.has_threshold(name)]


def _evidence_rejections(calibration: Calibration) -> list[str]:
    """Return the reason if not even the smallest p-value adds to the evidence of an ERROR."""
    known = calibration.distribution
    count, needed = known.observations, calibration.test.min_evidence_observations
    if count >= needed:
        return []
    smallest = min_p_value(count, len(known.watched), known.tails)
    return [f'calibration has {count} observations, so p is at least {smallest:.2g}, and exponent '
            f'{calibration.limits.exponent:g} gathers no evidence ({needed} are needed): '
            f'calibrate with more drives or a larger exponent']


def _delay_rejections(calibration: Calibration) -> list[str]:
    """Return the reason if the most extreme frames raise an ERROR too late, or never."""
    known, limits = calibration.distribution, calibration.limits
    alarms = [('fast', min_detection_delay(known, limits), MAX_DELAY_S)]
    if limits.slow is not None:
        alarms.append(('slow', min_slow_detection_delay(known, limits), MAX_SLOW_DELAY_S))
    return [f'the most extreme frames raise the {alarm} alarm of this calibration '
            f'{f"after {delay.seconds:.3g} s" if delay else "never"}, must be within '
            f'{max_s:g} s: calibrate again' for alarm, delay, max_s in alarms
            if delay is None or delay.seconds > max_s]


def version_rejection(calibration_version: str, running_version: str) -> str | None:
    """
    Return why a calibration is not of the running major.minor version; None: it is.

    An unknown running version (a source tree that is not installed) is rejected too: its scores
    may differ from those of the calibration.
    """
    if _major_minor(running_version) is None:
        return (f'this bdl_perception has no known version ({running_version or "none"}), so it '
                f'cannot be compared with that of a calibration: install it with pip or colcon')
    if _major_minor(running_version) == _major_minor(calibration_version):
        return None
    return (f'it was made with bdl_perception {calibration_version or "of no version"}, this is '
            f'{running_version}: calibrate again')


def _major_minor(version: str) -> str | None:
    found = re.match(r'\d+\.\d+', version)
    return found.group() if found else None
