# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
from bdl_perception.alarm.alert_types import AlertLevel
from bdl_perception.faults.injections import INJECTIONS
from bdl_perception.faults.soak_faults import soak_faults
import pytest

OK, WARN, ERROR, STALE = AlertLevel


def test_the_soak_test_has_the_faults_of_the_table_that_last():
    by_name = {fault.name: fault for fault in soak_faults()}
    assert len(by_name) > 60 and by_name.keys() <= INJECTIONS.keys()
    assert by_name.keys() >= {
        'kill_perception_node', 'stop_perception_node', 'frozen', 'black', 'random_bytes',
        'encoding_unknown', 'stamp_zero', 'status_empty', 'camera_stops', 'hang', 'second_alert'}
    assert by_name.keys().isdisjoint({'model_cut', 'misspelt_parameter', 'jpeg_cut',
                                      'worker_ends', 'hang_is_named', 'alert_level_7', 'mirrored'})


@pytest.mark.parametrize(('name', 'levels', 'detect_s'), [
    ('black', {ERROR, STALE}, .3), ('upside_down', {WARN, ERROR, STALE}, 1.),
    ('camera_stops', {STALE}, .35), ('command_silent', {OK}, .65),
    ('second_alert', set(AlertLevel), .5)])
def test_level_and_bound_are_those_of_the_fault_table(name, levels, detect_s):
    [fault] = soak_faults([name])
    assert fault.requirement.levels == levels and fault.requirement.detect_s == detect_s
    assert fault.requirement.stops == (name in ('command_silent', 'second_alert'))
    assert fault.timing.recover_s == fault.requirement.recover_s > 0


def test_a_fault_that_kills_a_node_ends_its_process_and_may_silence_it():
    by_name = {fault.name: fault for fault in soak_faults()}
    ending = {name for name, fault in by_name.items() if fault.ends_process}
    assert ending == {'kill_perception_node', 'segv_perception_node', 'kill_alert_node',
                      'kill_governor_node'}
    assert {name for name, one in by_name.items() if one.requirement.silences_alert} == {
        'kill_alert_node', 'stop_alert_node'}


def test_messages_of_megabytes_are_large():
    large = {fault.name for fault in soak_faults() if fault.is_large}
    assert large == {'encoding_1_mb', 'status_huge_fault', 'status_many_faults',
                     'scores_huge_key', 'scores_many_keys'}
    assert all(fault.timing.is_large == (fault.name in large) for fault in soak_faults())
