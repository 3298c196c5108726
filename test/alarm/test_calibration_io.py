# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""A calibration file with a wrong value anywhere is one clear error, and never a crash later."""
import copy
from dataclasses import replace
import json
import math
from typing import Any, get_type_hints

from bdl_perception.alarm.alert import AlertMachine
from bdl_perception.alarm.alert_types import AlertLevel, AlertPolicy
from bdl_perception.alarm.calibration import Calibration, CameraCalibration
from bdl_perception.alarm.calibration_io import (
    calibration_from_dict,
    calibration_to_dict,
    DepthIntervalsDict,
)
from bdl_perception.alarm.image_range import ImageRange
from bdl_perception.alarm.score_distribution import ScoreGroup
from bdl_perception.metrics.depth_intervals import DepthIntervals
from bdl_perception.model_store import load_calibration
from bdl_perception.perception.data_types import Scores
from bdl_perception.perception.status import Identity, PerceptionStatus
from calibrations import PART_FIELDS
from hypothesis import given, settings
from hypothesis import strategies as st
import pytest
from records import fake_calibration

SCORES = {name: values[:300] for name, values in fake_calibration().distribution.scores.items()}
WATCHED = {name: SCORES[name] for name in fake_calibration().distribution.watched}
PLAIN = fake_calibration(scores=SCORES, slow=8.)
LIT = fake_calibration(scores=SCORES, group_by='light', groups={'day': ScoreGroup(WATCHED, 8)})
PART = fake_calibration(scores=WATCHED)
RANGE = ImageRange({'contrast': 30.}, {'noise': 9.})
OF_CAMERAS = fake_calibration(scores=SCORES, cameras={
    'front': CameraCalibration(PART.distribution, PART.provenance, PART.limits)})
RANGED = replace(OF_CAMERAS, image_range=RANGE, cameras={
    'front': replace(OF_CAMERAS.cameras['front'], image_range=RANGE)})
INTERVALS = load_calibration('street').intervals or {}
PATHS = [('intervals',), ('cameras',),
         *((part, name) for part, names in PART_FIELDS.items() for name in sorted(names))]
OPTIONAL = {('limits', 'slow'), ('provenance', 'score_step_s'), ('provenance', 'observed_step_s'),
            ('intervals',)}
NUMBERS = [('distribution', 'alpha'), ('provenance', 'frames'), ('limits', 'step_s'),
           ('limits', 'false_alarms_per_hour'), ('limits', 'cusum'), ('limits', 'exponent'),
           ('limits', 'slow'), ('limits', 'slow_step_s'), ('provenance', 'score_step_s'),
           ('provenance', 'observed_step_s')]
LISTS = [('distribution', 'watched'), ('provenance', 'drives'), ('provenance', 'held_out_peaks'),
         ('provenance', 'held_out_slow_peaks'), ('provenance', 'steps_per_drive'),
         ('provenance', 'windows_per_drive')]
STRINGS = [('provenance', 'software_version'), ('distribution', 'tails'),
           ('distribution', 'group_by')]
MAPPINGS = [('distribution', 'scores'), ('distribution', 'groups'), ('cameras',),
            ('provenance', 'decorrelation_s'), ('provenance', 'identity')]
Path = tuple[str, ...]


def stored(made: Calibration = PLAIN) -> dict[str, Any]:
    values: dict[str, Any] = json.loads(json.dumps(calibration_to_dict(made)))
    return values


def changed(path: Path, value: Any, made: Calibration = PLAIN) -> dict[str, Any]:
    """Return a stored calibration with another value at a path."""
    values = stored(made)
    parent = values
    for name in path[:-1]:
        parent = parent[name]
    parent[path[-1]] = copy.deepcopy(value)
    return values


def assert_rejected(values: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        calibration_from_dict(values)


@pytest.mark.parametrize('made', [PLAIN, LIT, OF_CAMERAS, RANGED])
def test_a_calibration_is_read_as_it_was_written(made: Calibration) -> None:
    assert calibration_from_dict(stored(made)) == made


def test_a_file_from_before_the_image_range_was_known_is_read_and_written_unchanged() -> None:
    for made in (PLAIN, OF_CAMERAS):
        values = stored(made)
        assert 'image_range' not in json.dumps(values)
        assert calibration_from_dict(values).image_range is None
    assert load_calibration('street').image_range is None


@pytest.mark.parametrize(('value', 'message'), [
    ({'low': {'contrast': 0}, 'high': {}}, "image_range has 'contrast' below 0"),
    ({'low': {'contrast': '30'}, 'high': {}}, "low contrast is '30', must be a finite number"),
    ({'low': {}}, "missing \\['high'\\]"), ([], 'must be names and values')])
def test_a_wrong_image_range_is_rejected(value: Any, message: str) -> None:
    assert_rejected(changed(('image_range',), value, RANGED), message)
    assert_rejected(changed(('cameras', 'front', 'image_range'), value, RANGED), message)


@pytest.mark.parametrize('path', sorted(set(PATHS) - OPTIONAL))
def test_only_optional_values_may_be_null(path: Path) -> None:
    assert_rejected(changed(path, None), path[-1])


@pytest.mark.parametrize('path', sorted(OPTIONAL))
def test_an_optional_value_may_be_null(path: Path) -> None:
    calibration_from_dict(changed(path, None))


@pytest.mark.parametrize('value', ['1', [1], {'a': 1}, True, math.nan, math.inf, 10**400])
@pytest.mark.parametrize('path', NUMBERS)
def test_a_number_is_a_finite_number(path: Path, value: Any) -> None:
    assert_rejected(changed(path, value),
                    f'wrong types .calibration {" ".join(path)} is .*calibrate again')


@pytest.mark.parametrize('name', ['cusum', 'slow', 'slow_step_s', 'step_s'])
def test_a_limit_or_step_that_is_never_reached_is_rejected(name: str) -> None:
    assert_rejected(changed(('limits', name), 1e300),
                    rf'calibration {name} is 1e\+300, must be .*at most 1e\+06')


@pytest.mark.parametrize('value', [-1.1e6, 1.1e6, 1e300])
def test_scores_that_no_frame_exceeds_are_rejected(value: float) -> None:
    name = PLAIN.distribution.watched[0]
    assert_rejected(changed(('distribution', 'scores', name), [value]),
                    f'scores of {name} reach .* must be within 1e[+]06')


@pytest.mark.parametrize('value', ['abcdefgh', 8, {'a': 1}, [None] * 8, [[1.]], [{}], [True]])
@pytest.mark.parametrize('path', LISTS)
def test_a_list_has_entries_of_its_type(path: Path, value: Any) -> None:
    assert_rejected(changed(path, value),
                    f'wrong types .calibration {" ".join(path)} is .*calibrate again')


@pytest.mark.parametrize('value', [1, ['0.1.0'], {}, True])
@pytest.mark.parametrize('path', STRINGS)
def test_a_text_is_a_text(path: Path, value: Any) -> None:
    assert_rejected(changed(path, value),
                    f'wrong types .calibration {" ".join(path)} is .*must be a text')


@pytest.mark.parametrize('value', [1, 'a', [], {'energy': 'abc'}, {'energy': [None]},
                                   {'energy': ['1']}, {'energy': [10**400]}])
@pytest.mark.parametrize('path', MAPPINGS)
def test_a_mapping_has_values_of_its_type(path: Path, value: Any) -> None:
    assert_rejected(changed(path, value), path[-1])


@pytest.mark.parametrize('name', sorted(Identity.__dataclass_fields__))
def test_each_part_of_the_identity_has_its_type(name: str) -> None:
    for value in (None, [], .5):
        assert_rejected(changed(('provenance', 'identity', name), value), f'identity {name}')


@pytest.mark.parametrize('path', [path for path in PATHS if path[0] in PART_FIELDS])
def test_each_part_of_a_camera_has_its_type(path: Path) -> None:
    assert_rejected(changed(('cameras', 'front', *path), True, OF_CAMERAS),
                    f'cameras front {" ".join(path)}')


def test_the_intervals_are_those_that_the_evaluation_reads() -> None:
    assert get_type_hints(DepthIntervalsDict) == get_type_hints(DepthIntervals)
    assert calibration_from_dict(changed(('intervals',), INTERVALS)).intervals == INTERVALS
    assert_rejected(changed(('intervals',), {'x': 1}),
                    r"intervals: missing .*'factor'.* not known .'x'")
    for name in INTERVALS:
        assert_rejected(changed(('intervals',), {**INTERVALS, name: None}),
                        f'intervals {name} is None')


@pytest.mark.parametrize(('change', 'message'), [
    ({'distribution': [1, 2]}, 'wrong types'), ({'provenance': {}}, 'missing .*identity'),
    ({'limits': None}, 'wrong types'), ({'surprise': 1}, 'surprise'),
    ({'cameras': {'front': {'mood': 1}}}, r"cameras front: missing .* not known \['mood'\]")])
def test_a_missing_or_unknown_entry_is_named(change: dict[str, Any], message: str) -> None:
    assert_rejected({**stored(), **change}, message)


@pytest.mark.parametrize('path', [path for path in PATHS if path[0] in PART_FIELDS])
def test_every_value_must_be_stored(path: Path) -> None:
    values = stored()
    del values[path[0]][path[1]]
    assert_rejected(values, rf"calibration {path[0]}: missing \['{path[1]}'\]")


@pytest.mark.parametrize('version', [4, '5', None])
def test_another_format_is_rejected_with_a_remedy(version: Any) -> None:
    assert_rejected({**stored(), 'format': version},
                    f'format is {version!r}, .* reads 5: .*`bdl calibrate.*--fit-mode')


def test_a_list_is_not_a_calibration() -> None:
    with pytest.raises(ValueError, match='calibration is a list'):
        calibration_from_dict([])  # type: ignore[arg-type]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-2, 9) | st.floats() | st.text(max_size=9)
    | st.sampled_from([10**400, -10**400, 1e300, 1e-300, 1e6, 'night', 'energy']),
    lambda inner: st.lists(inner, max_size=9) | st.dictionaries(
        st.sampled_from(['day', 'night', 'front', 'feature', 'epistemic_depth', 'model']), inner),
    max_leaves=12)


@settings(max_examples=300, deadline=None)
@given(st.sampled_from([PLAIN, LIT, OF_CAMERAS]), st.sampled_from(PATHS), JSON)
def test_any_value_is_rejected_or_an_alert_runs_with_it(
        made: Calibration, path: Path, value: Any) -> None:
    try:
        found = calibration_from_dict(changed(path, value, made)).for_camera('front')
    except ValueError as error:
        assert 'calibrat' in str(error) or 'watched' in str(error) or path[-1] in str(error)
        return
    alert_levels(found)


def alert_levels(found: Calibration) -> set[AlertLevel]:
    """Run an alert on extreme frames, light and dark, and return its levels."""
    machine, levels = AlertMachine(AlertPolicy(), found), set()
    identity = found.provenance.identity
    for step in range(40):
        machine.update_status(step / 4, PerceptionStatus('active', identity=identity))
        values = {**dict.fromkeys(SCORES, 2.), 'brightness': .1 * (step % 5)}
        for cycle in (0, step + 1):
            machine.update_scores(step / 4, Scores(step * 250_000_000 + 1, 'front', values, cycle))
        levels.add(machine.state(step / 4).level)
    return levels


@pytest.mark.parametrize('made', [PLAIN, LIT, OF_CAMERAS])
def test_the_alert_of_a_good_file_reaches_an_error(made: Calibration) -> None:
    assert AlertLevel.ERROR in alert_levels(
        calibration_from_dict(stored(made)).for_camera('front'))
