# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""A calibration file with a wrong value anywhere is one clear error, and never a crash later."""
import json
import math
from pathlib import Path
from typing import Any, get_type_hints

from bdl_perception.alarm.alert import AlertMachine
from bdl_perception.alarm.alert_types import AlertLevel, AlertPolicy
from bdl_perception.alarm.calibration import Calibration, CameraCalibration
from bdl_perception.alarm.calibration_io import (
    calibration_from_dict,
    calibration_to_dict,
    DepthIntervalsDict,
    EXCLUDED_FIELDS,
)
from bdl_perception.metrics.depth_intervals import DepthIntervals
from bdl_perception.nodes.calibration_file import find_node_calibration
from bdl_perception.perception.status import Identity, PerceptionStatus
from bdl_perception.perception.types import Scores
from hypothesis import given, settings
from hypothesis import strategies as st
import pytest
from records import fake_calibration

SCORES = {name: values[:300] for name, values in fake_calibration().scores.items()}
WATCHED = {name: SCORES[name] for name in fake_calibration().watched}
PLAIN = fake_calibration(scores=SCORES, slow_limit=8.)
LIT = fake_calibration(scores=SCORES, group_by='light', groups={'day': WATCHED},
                       group_drives={'day': 8})
OF_CAMERAS = fake_calibration(
    scores=SCORES, group_by='camera', groups={'front': WATCHED},
    cameras={'front': CameraCalibration(tuple('abcdefgh'), 300, 9.6)})
INTERVALS = json.loads((Path(__file__).parents[2] / 'bdl_perception' / 'models' / 'street'
                        / 'calibration.json').read_text(encoding='utf-8'))['intervals']
FIELDS = sorted(set(Calibration.__dataclass_fields__) - EXCLUDED_FIELDS)
OPTIONAL = {'slow_limit', 'score_step_s', 'observed_step_s', 'intervals'}
NUMBERS = ['alpha', 'frames', 'step_s', 'false_alarms_per_hour', 'cusum_limit', 'exponent',
           'slow_limit', 'slow_step_s', 'score_step_s', 'observed_step_s']
LISTS = ['watched', 'drives', 'held_out', 'held_out_slow', 'steps', 'windows']


def stored(made: Calibration = PLAIN, **changes: Any) -> dict[str, Any]:
    values: dict[str, Any] = json.loads(json.dumps(calibration_to_dict(made)))
    return {**values, **changes}


def refuse(values: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        calibration_from_dict(values)


@pytest.mark.parametrize('name', sorted(set(FIELDS) - OPTIONAL))
def test_nothing_but_what_may_be_unknown_is_null(name: str) -> None:
    refuse(stored(**{name: None}), name)


def test_what_may_be_unknown_is_null() -> None:
    made = calibration_from_dict(stored(**dict.fromkeys(OPTIONAL, None)))
    assert made.slow_limit is made.intervals is None


@pytest.mark.parametrize('value', ['1', [1], {'a': 1}, True, math.nan, math.inf, 10**400])
@pytest.mark.parametrize('name', NUMBERS)
def test_a_number_is_a_finite_number(name: str, value: Any) -> None:
    refuse(stored(**{name: value}), f'wrong types .calibration {name} is .*calibrate again')


@pytest.mark.parametrize('name', ['cusum_limit', 'slow_limit', 'slow_step_s', 'step_s'])
def test_a_limit_or_a_step_that_never_comes_is_refused(name: str) -> None:
    refuse(stored(**{name: 1e300}), rf'calibration {name} is 1e\+300, must be .*at most 1e\+06')


@pytest.mark.parametrize('value', ['abcdefgh', 8, {'a': 1}, [None] * 8, [[1.]], [{}], [True]])
@pytest.mark.parametrize('name', LISTS)
def test_a_list_is_a_list_of_what_it_says(name: str, value: Any) -> None:
    refuse(stored(**{name: value}), f'wrong types .calibration {name} is .*calibrate again')


@pytest.mark.parametrize('value', [1, ['0.1.0'], {}, True])
@pytest.mark.parametrize('name', ['software_version', 'tails', 'group_by'])
def test_a_text_is_a_text(name: str, value: Any) -> None:
    refuse(stored(**{name: value}), f'wrong types .calibration {name} is .*must be a text')


@pytest.mark.parametrize('value', [1, 'a', [], {'energy': 'abc'}, {'energy': [None]},
                                   {'energy': ['1']}, {'energy': [10**400]}])
@pytest.mark.parametrize('name', ['scores', 'groups', 'group_drives', 'cameras',
                                  'decorrelation_s', 'identity'])
def test_a_mapping_holds_what_it_says(name: str, value: Any) -> None:
    refuse(stored(**{name: value}), f'{name}')


@pytest.mark.parametrize('name', sorted(Identity.__dataclass_fields__))
def test_each_part_of_the_identity_has_its_type(name: str) -> None:
    values = stored()
    for value in (None, [], .5):
        refuse({**values, 'identity': {**values['identity'], name: value}}, f'identity {name}')


@pytest.mark.parametrize('name', sorted(CameraCalibration.__dataclass_fields__))
def test_each_part_of_a_camera_has_its_type(name: str) -> None:
    values = stored(OF_CAMERAS)
    part = {**values['cameras']['front'], name: 'abcdefgh'}
    refuse({**values, 'cameras': {'front': part}}, f'cameras front {name}')


def test_the_intervals_are_those_that_the_evaluation_reads() -> None:
    assert get_type_hints(DepthIntervalsDict) == get_type_hints(DepthIntervals)
    assert calibration_from_dict(stored(intervals=INTERVALS)).intervals == INTERVALS
    refuse(stored(intervals={'x': 1}), r"intervals of the .*missing .*'factor'.* not known .'x'")
    for name in INTERVALS:
        refuse(stored(intervals={**INTERVALS, name: None}), f'intervals {name} is None')


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-2, 9) | st.floats() | st.text(max_size=9)
    | st.sampled_from([10**400, -10**400, 1e300, 1e-300, 1e6, 'night', 'energy']),
    lambda inner: st.lists(inner, max_size=9) | st.dictionaries(
        st.sampled_from(['day', 'night', 'front', 'feature', 'epistemic_depth', 'model']), inner),
    max_leaves=12)


@settings(max_examples=300, deadline=None)
@given(st.sampled_from([PLAIN, LIT, OF_CAMERAS]), st.sampled_from(FIELDS), JSON)
def test_whatever_a_field_holds_the_file_is_refused_or_an_alert_runs_with_it(
        made: Calibration, name: str, value: Any) -> None:
    try:
        found = calibration_from_dict(stored(made, **{name: value})).for_camera('front')
    except ValueError as error:
        assert 'calibrat' in str(error) or 'watched' in str(error) or name in str(error)
        return
    alerts(found)


def alerts(found: Calibration) -> set[AlertLevel]:
    """Run an alert on strange pictures, light and dark, and give its levels."""
    machine, levels = AlertMachine(AlertPolicy(), found), set()
    for step in range(40):
        machine.update_status(step / 4, PerceptionStatus('active', identity=found.identity))
        values = {**dict.fromkeys(SCORES, 2.), 'brightness': .1 * (step % 5)}
        for cycle in (0, step + 1):
            machine.update_scores(step / 4, Scores(step * 250_000_000 + 1, 'front', values, cycle))
        levels.add(machine.state(step / 4).level)
    return levels


@pytest.mark.parametrize('made', [PLAIN, LIT, OF_CAMERAS])
def test_the_alert_of_a_good_file_comes_as_far_as_an_error(made: Calibration) -> None:
    assert AlertLevel.ERROR in alerts(calibration_from_dict(stored(made)).for_camera('front'))


@pytest.mark.parametrize('change', [
    {'step_s': None}, {'cusum_limit': None}, {'slow_step_s': None}, {'drives': 'abcdefgh'},
    {'false_alarms_per_hour': None}, {'software_version': 1}, {'intervals': {'x': 1}}])
def test_the_node_says_why_it_is_not_armed(change: dict[str, Any], tmp_path: Path) -> None:
    path = tmp_path / 'spoiled.json'
    path.write_text(json.dumps(stored(**change)))
    found = find_node_calibration(str(path))
    assert found.calibration is None and 'calibrate again' in found.unarmed
