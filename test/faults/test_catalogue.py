# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""The rows of the fault table refer to injections and tests that exist."""
import ast
from collections import Counter
from dataclasses import replace
import re

from bdl_perception.alarm.alert_types import AlertLevel
from bdl_perception.faults.camera import nominal_frames
from bdl_perception.faults.catalogue import (
    CATALOGUE,
    EACH_KIND,
    GROUPS,
    repeats_of,
    select,
    TESTED,
    UNDETECTED,
)
from bdl_perception.faults.image_faults import IMAGE_FAULTS
from bdl_perception.faults.injections import INJECTIONS
from bdl_perception.model_store import load_calibration
from bdl_perception.perception.camera_health import CameraHealth
import pytest
from source_tree import ROOT

SOAK_ONLY = {'kill_governor_node'}  # its reaction is that of the consumer of the velocity


def missing_test(node_id: str) -> str:
    """Return what does not exist of a pytest node id; '' for nothing."""
    file, _, function = node_id.partition('::')
    path = ROOT / file
    if not path.is_file():
        return f'no file {file}'
    names = {node.name for node in ast.walk(ast.parse(path.read_text(encoding='utf-8')))
             if isinstance(node, ast.FunctionDef)}
    return '' if not function or function in names else f'no test {node_id}'


def test_the_test_of_every_hazard_exists():
    problems = {missing_test(row.test) for row in (*CATALOGUE, *TESTED)}
    assert problems == {''}


def test_a_test_that_does_not_exist_is_found():
    assert missing_test('test/faults/test_no_file.py') == 'no file test/faults/test_no_file.py'
    assert missing_test('test/faults/test_catalogue.py::test_no_name').startswith('no test')


def test_names_are_unique_and_hazards_are_different():
    for values in ([row.name for row in CATALOGUE], [row.hazard for row in CATALOGUE]):
        assert [value for value, count in Counter(values).items() if count > 1] == []


def test_every_row_is_injected_and_every_injection_has_a_row():
    rows = {row.injected for row in CATALOGUE} | {row.name for row in UNDETECTED if row.name}
    assert rows <= set(INJECTIONS)
    assert set(INJECTIONS) - rows == SOAK_ONLY


@pytest.mark.parametrize('name', ['upside_down', 'mirrored', 'channels_swapped'])
def test_images_that_are_suddenly_turned_have_the_reason_of_their_row(name):
    [row], frames, health = select(name), nominal_frames().frames[60:66], CameraHealth()
    assert [health.detect_faults(rgb) for rgb in frames[:3]] == [()] * 3
    fault = IMAGE_FAULTS[row.injected]()
    for count, rgb in enumerate(frames[3:]):
        [text] = health.detect_faults(fault(rgb, count))
        assert re.search(row.reason, text)


@pytest.mark.parametrize('name', ['blur_mild', 'dark_third'])
def test_the_shipped_model_has_no_range_of_the_images_that_could_name_these(name):
    assert load_calibration('street').image_range is None
    [hazard] = [one for one in UNDETECTED if one.name == name]
    assert 'the shipped calibration has no range' in hazard.why


def test_every_reason_is_a_regular_expression_that_ok_does_not_match():
    for row in CATALOGUE:
        assert not row.reason or not re.search(row.reason, 'OK'), row.name


def test_the_rows_with_all_repeats_exist():
    assert EACH_KIND <= {row.name for row in CATALOGUE}


def test_rows_are_selected_by_name_and_by_group():
    assert [row.name for row in select('camera_stops')] == ['camera_stops']
    assert select('Images') == tuple(GROUPS['Images'])
    assert {row.name for row in select('jpeg_*')} >= {'jpeg_cut', 'jpeg_bomb'}
    with pytest.raises(ValueError, match="no row of the fault table is named 'no_such_row'"):
        select('no_such_row')


def test_variants_are_repeated_less_often_unless_all_repeats_are_asked_for():
    main, variant = select('camera_stops')[0], select('jpeg_cut')[0]
    assert (repeats_of(main, 20), repeats_of(variant, 20)) == (20, 3)
    assert repeats_of(variant, 2) == 2
    assert repeats_of(variant, 20, full=True) == 20


@pytest.mark.parametrize(('changes', 'part'), [
    ({'hazard': ''}, 'lacks'), ({'bound_s': 0.}, 'bound_s is 0.0'),
    ({'level': AlertLevel.OK}, 'requires no level')])
def test_a_row_that_requires_nothing_is_rejected(changes, part):
    with pytest.raises(ValueError, match=part):
        replace(CATALOGUE[0], **changes)
