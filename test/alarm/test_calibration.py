# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""A calibration is bound to one model, survives its file, and arms nothing when too small."""
from dataclasses import replace
import json
import math
from typing import Any

from bdl_perception.alarm.arming import rejection_reasons, version_rejection
from bdl_perception.alarm.calibration import Calibration
from bdl_perception.alarm.calibration_io import calibration_from_dict, calibration_to_dict
from bdl_perception.perception.status import Identity
import pytest

IDENTITY = Identity('street', 'a' * 64, 'b' * 64, 16, 0, 192, 320)


def calibration(**changes: Any) -> Calibration:
    scores = {name: tuple(map(float, range(1, 20))) for name in ('energy', 'epistemic_depth')}
    values: dict[str, Any] = {
        'identity': IDENTITY, 'alpha': .2, 'watched': ('energy', 'epistemic_depth'),
        'scores': scores, 'drives': tuple('abcdefgh'), 'frames': 40, 'step_s': .25,
        'false_alarms_per_hour': 1., 'cusum_limit': 9.6, 'exponent': .5,
        'software_version': '0.1.0'}
    return Calibration(**{**values, **changes})


def test_it_arms_on_its_own_model_whatever_that_is_called() -> None:
    assert rejection_reasons(calibration(), IDENTITY) == ()
    assert rejection_reasons(calibration(), replace(IDENTITY, model='renamed')) == ()


@pytest.mark.parametrize(('change', 'what'), [
    ({'perceive_sha256': 'c'}, 'perceive graph'), ({'sample_sha256': 'c'}, 'sample graph'),
    ({'samples': 8}, 'Monte Carlo samples'), ({'seed': 1}, 'seed'),
    ({'height': 96}, 'height'), ({'width': 96}, 'width'), ({'precision': 'fp16'}, 'precision'),
    ({'regions': ''}, 'other regions'),
    ({'fit_mode': 'stretch'}, 'fit_mode')])
def test_it_refuses_every_other_model_and_says_why(change: dict[str, Any], what: str) -> None:
    refusal, = rejection_reasons(calibration(), replace(IDENTITY, **change))
    assert what in refusal


def test_it_refuses_a_model_that_nobody_named() -> None:
    assert 'which model' in rejection_reasons(calibration(), None)[0]


def test_it_refuses_to_arm_with_too_few_observations() -> None:
    few = calibration(alpha=.05)  # .025 for each of two scores: 39 are needed
    assert len(rejection_reasons(few, IDENTITY)) == 2
    assert '19 observations of energy' in rejection_reasons(few, IDENTITY)[0]
    assert 'needs 39' in rejection_reasons(few, IDENTITY)[0]
    assert few.thresholds == {'energy': math.inf, 'epistemic_depth': math.inf}


def test_it_refuses_to_arm_with_too_few_drives() -> None:
    for drives in ((), tuple('abcdefg')):
        refusal, = rejection_reasons(calibration(drives=drives), IDENTITY)
        assert refusal.startswith(f'calibration has {len(drives)} drives, at least 8 are needed')


def test_thresholds_by_hand() -> None:
    made = calibration()  # .1 for each of two scores: k = ceil(20 * .9) = 18
    assert made.thresholds == {'energy': 18, 'epistemic_depth': 18}
    assert made.exceedances({'energy': 18, 'epistemic_depth': 18}) == ()
    assert made.exceedances({'energy': 18.5, 'epistemic_depth': 1}) == ('energy',)
    assert made.exceedances({'epistemic_depth': math.nan}) == ('epistemic_depth',)
    assert made.exceedances({'softmax': 1e9}) == ()  # nobody watches it
    assert made.p_value({'energy': 20, 'epistemic_depth': 1}) == pytest.approx(2 / 20)


def grouped(night: int) -> Calibration:
    day = {name: tuple(map(float, range(11, 30))) for name in ('energy', 'epistemic_depth')}
    dark = {name: tuple(map(float, range(101, 101 + night))) for name in day}
    return calibration(group_by='light', groups={'day': day, 'night': dark},
                       group_drives={'day': 8, 'night': 8})


def test_each_group_is_judged_by_its_own_scores() -> None:
    made = grouped(19)
    for brightness, high in ((.28, 28), (.279, 118)):  # day begins at .28
        values = {'energy': float(high), 'epistemic_depth': 1., 'brightness': brightness}
        assert made.distribution_for(values).thresholds == {'energy': high, 'epistemic_depth': high}
        assert made.exceedances(values) == () and made.fallback_reason(values) is None
        assert made.exceedances({**values, 'energy': high + .5}) == ('energy',)
        assert made.p_value(values) == pytest.approx(2 * 3 / 20)


def test_a_group_that_is_too_small_or_unknown_falls_back_and_says_so() -> None:
    made = grouped(8)  # 9 are needed
    night = {'energy': 18.5, 'epistemic_depth': 1., 'brightness': .1}
    assert made.exceedances(night) == ('energy',)
    assert made.fallback_reason(night) == ('calibration has 8 observations of night, 9 are needed: '
                                    'thresholds are of all drives')
    assert 'not known' in str(made.fallback_reason({'energy': 1.}))
    assert grouped(9).fallback_reason(night) is None
    assert calibration().fallback_reason(night) is None


def test_a_group_of_too_few_drives_falls_back_and_says_so() -> None:
    made = replace(grouped(19), group_drives={'day': 8, 'night': 7})
    night = {'energy': 18.5, 'epistemic_depth': 1., 'brightness': .1}
    assert made.exceedances(night) == ('energy',) and set(made.group_distributions) == {'day'}
    assert made.fallback_reason(night) == ('calibration has 7 drives of night, 8 are needed: thresholds '
                                    'are of all drives')
    with pytest.raises(ValueError, match=r"of \['day', 'night'\] and counts drives of \['day'\]"):
        replace(made, group_drives={'day': 8})


def test_a_group_whose_evidence_could_never_rise_falls_back_and_says_so() -> None:
    # Two scores and exponent .3: log(.3 p ** -.7) is above 0 where p is below .179, from 11 on.
    made = replace(grouped(10), exponent=.3)  # its thresholds need no more than 9
    night = {'energy': 1e9, 'epistemic_depth': 1., 'brightness': .1}
    assert made.fallback_reason(night) == ('calibration has 10 observations of night, 11 are needed: '
                                    'thresholds are of all drives')
    assert made.p_value(night) == pytest.approx(2 / 20) and set(made.group_distributions) == {'day'}
    enough = replace(grouped(11), exponent=.3)
    assert enough.fallback_reason(night) is None and enough.p_value(night) == pytest.approx(2 / 12)


def test_two_sided_thresholds_by_hand() -> None:
    made = calibration(tails='two_sided')  # .05 for each side: k = ceil(20 * .95) = 19
    assert made.thresholds == {'energy': 19, 'epistemic_depth': 19}
    assert made.low_thresholds == {'energy': 1, 'epistemic_depth': 1}
    assert made.pooled_distribution.exceedances({'energy': .5, 'epistemic_depth': 19.5}) == {
        'energy': 'too low', 'epistemic_depth': 'too high'}
    assert made.exceedances({'energy': 1, 'epistemic_depth': 19}) == ()
    assert made.exceedances({'energy': math.nan}) == ('energy',)
    assert made.p_value({'energy': .5, 'epistemic_depth': 10}) == pytest.approx(2 * 2 / 20)
    assert calibration().low_thresholds == {}
    few = calibration(alpha=.19, tails='two_sided')  # .0475 a side: 21 are needed
    assert 'needs 21' in rejection_reasons(few, IDENTITY)[0]


@pytest.mark.parametrize(('made_with', 'running', 'refused'), [
    ('0.1.0', '0.1.7', False), ('0.1.0', '0.2.0', True), ('0.1.0', '1.1.0', True),
    ('0.1', '0.10', True), ('', '0.1.0', True), ('not installed', '0.1.0', True)])
def test_a_calibration_of_another_version_is_refused(made_with: str, running: str,
                                                     refused: bool) -> None:
    said = version_rejection(made_with, running)
    assert (said is not None) == refused
    assert said is None or f'this is {running}: calibrate again' in said


@pytest.mark.parametrize('made_with', ['0.1.0', 'not installed', ''])
def test_software_of_a_version_that_nobody_knows_arms_nothing(made_with: str) -> None:
    said = version_rejection(made_with, 'not installed')
    assert said is not None and 'no known version (not installed), so nobody' in said
    assert 'install it' in said


def test_it_survives_its_file() -> None:
    again = grouped(3)
    assert calibration_from_dict(json.loads(json.dumps(calibration_to_dict(again)))) == again
    made = calibration()
    assert calibration_from_dict(json.loads(json.dumps(calibration_to_dict(made)))) == made


@pytest.mark.parametrize(('change', 'message'), [
    ({'format': 2}, 'format is 2'), ({'tails': 'lower'}, 'tails'),
    ({'group_by': 'mood'}, 'group_by'), ({'slow_limit': 0}, 'slow_limit'),
    ({'slow_step_s': math.nan}, 'slow_step_s'), ({'score_step_s': -1}, 'score_step_s'),
    ({'groups': {'day': {'epistemic_depth': (1.,), 'energy': (1.,)}}}, 'group_by none'),
    ({'groups': {'day': {'epistemic_depth': (1.,)}}, 'group_by': 'light'}, 'energy'),
    ({'groups': {'day': {'epistemic_depth': (2., 1.), 'energy': (1.,)}}, 'group_by': 'light'},
     'ascending'),
    ({'alpha': 0}, 'alpha'), ({'alpha': math.nan}, 'alpha'),
    ({'step_s': 0}, 'step_s'), ({'cusum_limit': math.nan}, 'cusum_limit'),
    ({'cusum_limit': math.inf}, 'cusum_limit'), ({'false_alarms_per_hour': -1}, 'per_hour'),
    ({'watched': ()}, 'at least one'), ({'watched': ('energy',)}, 'at least one'),
    ({'watched': ('epistemic_depth', 'fear')}, 'fear'),
    ({'watched': ('epistemic_depth', 'epistemic_depth')}, 'twice'),
    ({'scores': {'epistemic_depth': (2., 1.)}, 'watched': ('epistemic_depth',)}, 'ascending'),
    ({'scores': {'epistemic_depth': (1., math.nan)}, 'watched': ('epistemic_depth',)}, 'finite'),
])
def test_a_calibration_that_exists_is_valid(change: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        calibration(**change)


@pytest.mark.parametrize(('change', 'message'), [
    ({'alpha': 'much'}, 'wrong types'), ({'identity': {'model': 'street'}}, 'missing .*fit_mode'),
    ({'scores': [1, 2]}, 'wrong types'), ({'drives': None}, 'wrong types'),
    ({'identity': None}, 'wrong types'), ({'surprise': 1}, 'surprise')])
def test_a_spoiled_file_is_one_clear_error(change: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        calibration_from_dict({**calibration_to_dict(calibration()), **change})


def test_a_file_of_the_format_before_says_what_to_do() -> None:
    values = calibration_to_dict(calibration())
    del values['identity']['fit_mode']
    with pytest.raises(ValueError, match='format is 3.*`bdl calibrate.*--fit-mode'):
        calibration_from_dict({**values, 'format': 3})
    with pytest.raises(ValueError, match=r"identity of the calibration: missing \['fit_mode'\]"):
        calibration_from_dict(values)


def test_a_file_from_before_the_drives_of_a_light_were_counted_is_read_if_it_has_none() -> None:
    values = calibration_to_dict(calibration())
    del values['group_drives']
    assert calibration_from_dict(values) == calibration()
    lit = calibration_to_dict(grouped(19))
    del lit['group_drives']
    with pytest.raises(ValueError, match=r'counts drives of \[\]; calibrate again'):
        calibration_from_dict(lit)


def test_a_missing_entry_is_named() -> None:
    values = calibration_to_dict(calibration())
    del values['cusum_limit']
    with pytest.raises(ValueError, match='cusum_limit'):
        calibration_from_dict(values)


def test_a_file_that_holds_a_list_is_no_calibration() -> None:
    with pytest.raises(ValueError, match='calibration is a list'):
        calibration_from_dict([])  # type: ignore[arg-type]


def test_it_refuses_to_arm_an_alarm_that_nothing_could_ever_raise() -> None:
    # 19 observations, two scores: p is never below 2/20, and log(.02 * .1 ** -.98) = -1.7
    refusal, = rejection_reasons(calibration(exponent=.02), IDENTITY)
    assert '19 observations' in refusal and 'gathers no evidence' in refusal
    assert rejection_reasons(calibration(exponent=.3), IDENTITY) == ()  # log(.3 * .1 ** -.7) = .41
