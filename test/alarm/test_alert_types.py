# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""Several cameras: their names, and the worst of what they say."""
from dataclasses import FrozenInstanceError

from bdl_perception.alarm.alert_types import (
    AlertLevel,
    AlertPolicy,
    AlertState,
    combine_alerts,
    InputTopic,
    parse_camera_names,
)
from hypothesis import given
from hypothesis import strategies as st
import pytest

states = st.dictionaries(
    st.sampled_from(['front', 'rear', 'left', 'right']),
    st.sampled_from(AlertLevel).map(
        lambda level: AlertState(level, (level.name,) if level else ())))


@pytest.mark.parametrize(('listed', 'names'), [
    ('', ()), ('  ', ()), ('front', ('front',)), ('front, rear_2', ('front', 'rear_2'))])
def test_names_stand_between_commas(listed, names):
    assert parse_camera_names(listed) == names


@pytest.mark.parametrize(('listed', 'wrong'), [
    ('front,', "''"), ('/front', "'/front'"), ('2nd', "'2nd'"), ('a b', "'a b'"),
    ('front,rear,front', "'front' appears twice")])
def test_a_name_that_is_no_namespace_is_rejected(listed, wrong):
    with pytest.raises(ValueError, match='cameras is') as caught:
        parse_camera_names(listed)
    assert wrong in str(caught.value)


@given(states)
def test_together_they_are_never_milder_than_one_of_them(found):
    worst = combine_alerts(found).level
    assert all(worst >= state.level for state in found.values())
    assert not found or worst in {state.level for state in found.values()}


@given(states)
def test_the_reasons_come_worst_first_and_name_their_camera(found):
    reasons = combine_alerts(found).reasons if found else ()
    levels_found = [AlertLevel[reason.split(': ')[1]] for reason in reasons]
    assert levels_found == sorted((s.level for s in found.values() if s.level), reverse=True)
    assert all(reason.split(': ')[0] in found for reason in combine_alerts(found).reasons if found)


def test_no_camera_at_all_is_stale():
    assert combine_alerts({}) == AlertState(AlertLevel.STALE, ('no camera is watched',))


def test_the_numbers_of_the_levels_are_those_of_diagnostic_status():
    # diagnostic_msgs/msg/DiagnosticStatus.msg: OK=0, WARN=1, ERROR=2, STALE=3
    assert {level.name: int(level) for level in AlertLevel} == {
        'OK': 0, 'WARN': 1, 'ERROR': 2, 'STALE': 3}


def test_a_state_without_numbers_has_none_and_cannot_be_changed():
    state = AlertState(AlertLevel.OK, ())
    assert (state.statistics, state.thresholds, state.low_thresholds) == ({}, {}, {})
    assert (state.cusum, state.late_frames) == (0, 0)
    assert [state.p_value, state.cusum_limit, state.stamp_ns, state.slow,
            state.slow_limit] == [None] * 5
    with pytest.raises(FrozenInstanceError):
        state.cusum = 1.
    with pytest.raises(FrozenInstanceError):
        AlertPolicy().hold_s = 1.


def test_a_topic_without_publishers_has_none():
    assert InputTopic('/scores') == ('/scores', (), ())


@pytest.mark.parametrize(('listed', 'text'), [
    ('a,b c', "cameras is 'a,b c': 'b c' is no namespace; write names of letters, digits and "
              'underscores with commas between'),
    ('a,a', "cameras is 'a,a': 'a' appears twice")])
def test_a_wrong_list_of_cameras_is_explained(listed, text):
    with pytest.raises(ValueError) as caught:
        parse_camera_names(listed)
    assert str(caught.value) == text
