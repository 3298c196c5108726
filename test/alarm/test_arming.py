# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""A calibration arms an alarm only for its own model and version, and with sufficient drives."""
from dataclasses import replace
import math
import re
from typing import Any

from bdl_perception.alarm.alert_types import AlertPolicy
from bdl_perception.alarm.arming import rate_rejection, rejection_reasons, version_rejection
from bdl_perception.alarm.freshness import Freshness
from bdl_perception.perception.status import PerceptionStatus
from calibrations import IDENTITY, small_calibration
import pytest


def test_a_calibration_arms_its_own_model_under_any_name() -> None:
    assert rejection_reasons(small_calibration(), IDENTITY) == ()
    assert rejection_reasons(small_calibration(), replace(IDENTITY, model='renamed')) == ()


@pytest.mark.parametrize(('change', 'difference'), [
    ({'perceive_sha256': 'c'}, 'perceive graph'), ({'sample_sha256': 'c'}, 'sample graph'),
    ({'samples': 8}, 'Monte Carlo samples'), ({'seed': 1}, 'seed'),
    ({'height': 96}, 'height'), ({'width': 96}, 'width'), ({'precision': 'fp16'}, 'precision'),
    ({'regions': ''}, 'other regions'),
    ({'fit_mode': 'stretch'}, 'fit_mode')])
def test_every_other_model_is_rejected(change: dict[str, Any], difference: str) -> None:
    reason, = rejection_reasons(small_calibration(), replace(IDENTITY, **change))
    assert difference in reason


@pytest.mark.parametrize(('status_hz', 'stale_after_s', 'expected'), [
    (None, .05, ''), (5., .5, ''), (3., .5, ''), (30., .05, ''),
    (2.9, .5, 'raise status_hz to 3 or stale_after_s to 0.517'),
    (1., .5, 'raise status_hz to 3 or stale_after_s to 1.5'),
    (5., .05, 'raise status_hz to 30 or stale_after_s to 0.3')])
def test_a_heartbeat_that_is_too_rare_for_its_limit_does_not_arm(
        status_hz: float | None, stale_after_s: float, expected: str) -> None:
    assert rate_rejection(status_hz, stale_after_s).endswith(expected)
    assert bool(rate_rejection(status_hz, stale_after_s)) == bool(expected)
    fresh = Freshness(AlertPolicy(stale_after_s=stale_after_s), small_calibration(), '')
    fresh.update_status(0., PerceptionStatus('active', identity=IDENTITY, status_hz=status_hz))
    unarmed = [reason.text for reason in fresh.reasons(0.) if 'not armed' in reason.text]
    assert len(unarmed) == bool(expected)


def test_an_unknown_model_is_rejected() -> None:
    assert rejection_reasons(small_calibration(), None) == (
        'perception_node has not reported its model',)


def test_too_few_observations_for_thresholds_are_rejected() -> None:
    few = small_calibration(alpha=.05)  # .025 for each of two scores: 39 are needed
    assert len(rejection_reasons(few, IDENTITY)) == 2
    assert '19 observations of energy' in rejection_reasons(few, IDENTITY)[0]
    assert 'needs 39' in rejection_reasons(few, IDENTITY)[0]
    assert few.test.pooled.thresholds == {'energy': math.inf, 'epistemic_depth': math.inf}
    two_sided = small_calibration(alpha=.19, tails='two_sided')  # .0475 a side: 21 are needed
    assert 'needs 21' in rejection_reasons(two_sided, IDENTITY)[0]


def test_too_few_drives_are_rejected() -> None:
    for drives in ((), tuple('abcdefg')):
        reason, = rejection_reasons(small_calibration(drives=drives), IDENTITY)
        assert reason.startswith(f'calibration has {len(drives)} drives, at least 8 are needed')


def test_an_alarm_whose_evidence_cannot_increase_is_rejected() -> None:
    # 19 observations, two scores: p is never below 2/20, and log(.02 * .1 ** -.98) = -1.7
    reason, = rejection_reasons(small_calibration(exponent=.02), IDENTITY)
    assert '19 observations' in reason and 'gathers no evidence' in reason
    assert rejection_reasons(small_calibration(exponent=.3), IDENTITY) == ()  # log = .41


# 19 observations, two scores: p is never below .1, which adds log(.5 * .1 ** -.5) = .458 a step.
@pytest.mark.parametrize(('limits', 'reason'), [
    ({'cusum': 109., 'step_s': .25}, None),  # 239 steps of .25 s
    ({'cusum': 110., 'step_s': .25}, 'fast alarm .* after 60.2 s, must be within 60 s'),
    ({'cusum': 1e6}, 'fast alarm of this calibration never, .*: calibrate again'),
    ({'step_s': 1e6}, 'fast alarm .* after 2.1e[+]07 s'),
    ({'exponent': .99999}, 'fast alarm of this calibration never'),
    ({'slow': 1e6}, 'slow alarm of this calibration never'),
    ({'slow': 2., 'tails': 'two_sided', 'alpha': .4}, None),  # p .2: the bet of e = .5 alone wins
    ({'slow': 5., 'slow_step_s': 1e6}, 'slow alarm .* within 1800 s')])
def test_limits_that_are_never_reached_do_not_arm(limits: dict[str, float],
                                                  reason: str | None) -> None:
    found = rejection_reasons(small_calibration(**limits), IDENTITY)
    assert len(found) == (reason is not None)
    assert reason is None or re.search(reason, found[0])


@pytest.mark.parametrize(('made_with', 'running', 'rejected'), [
    ('0.1.0', '0.1.7', False), ('0.1.0', '0.2.0', True), ('0.1.0', '1.1.0', True),
    ('0.1', '0.10', True), ('', '0.1.0', True), ('not installed', '0.1.0', True)])
def test_a_calibration_of_another_version_is_rejected(made_with: str, running: str,
                                                      rejected: bool) -> None:
    reason = version_rejection(made_with, running)
    assert (reason is not None) == rejected
    assert reason is None or f'this is {running}: calibrate again' in reason


@pytest.mark.parametrize('made_with', ['0.1.0', 'not installed', ''])
def test_software_of_unknown_version_arms_nothing(made_with: str) -> None:
    reason = version_rejection(made_with, 'not installed')
    assert reason is not None and 'no known version (not installed), so' in reason
    assert 'install it' in reason
