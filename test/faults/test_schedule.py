# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
from collections import Counter
from itertools import pairwise

from bdl_perception.alarm.alert_types import AlertLevel
from bdl_perception.faults.catalogue import CATALOGUE
from bdl_perception.faults.injections import INJECTIONS
from bdl_perception.faults.oracle import ANY, NOMINAL
from bdl_perception.faults.schedule import (
    FaultTiming,
    make_schedule,
    SchedulePolicy,
    soak_faults,
)
from hypothesis import given, settings
from hypothesis import strategies as st
import pytest

TIMES = st.floats(0, 12)
FAULTS = st.lists(
    st.tuples(TIMES, TIMES, st.booleans(), st.booleans()), min_size=1, max_size=12).map(
    lambda rows: [FaultTiming(f'fault_{index}', *row) for index, row in enumerate(rows)])
DURATIONS = st.floats(0, 900)
SEEDS = st.integers(0, 2**32)
POLICY = SchedulePolicy()
OK, WARN, ERROR, STALE = AlertLevel


@given(faults=FAULTS, duration_s=DURATIONS, seed=SEEDS)
@settings(deadline=None)
def test_each_fault_has_time_to_be_detected_and_to_recover(faults, duration_s, seed):
    by_name = {fault.name: fault for fault in faults}
    phases = make_schedule(faults, duration_s, seed)
    begins_s = [*(phase.start_s for phase in phases), duration_s][1:]
    if phases:
        assert phases[0].start_s == POLICY.first_s
    for phase, next_s in zip(phases, begins_s, strict=True):
        fault = by_name[phase.name]
        visible_s = phase.duration_s - fault.detect_s
        nominal_s = next_s - phase.end_s - fault.recover_s
        assert POLICY.present_s[0] - 1e-6 <= visible_s <= POLICY.present_s[1] + 1e-6
        assert nominal_s >= POLICY.nominal_s[0] - 1e-6
        assert phase.recover_s == fault.recover_s


@given(faults=FAULTS, duration_s=DURATIONS, seed=SEEDS)
@settings(deadline=None)
def test_the_same_seed_gives_the_same_schedule(faults, duration_s, seed):
    assert make_schedule(faults, duration_s, seed) == make_schedule(faults, duration_s, seed)


@given(faults=FAULTS, duration_s=DURATIONS, seed=SEEDS)
@settings(deadline=None)
def test_no_process_ends_after_the_first_quarter(faults, duration_s, seed):
    ending = {fault.name for fault in faults if fault.ends_process}
    assert all(phase.end_s <= duration_s / 4 for phase in make_schedule(faults, duration_s, seed)
               if phase.name in ending)


@given(seed=SEEDS)
def test_each_round_has_every_fault_once(seed):
    faults = [FaultTiming(f'fault_{index}', 1, 1) for index in range(7)]
    names = [phase.name for phase in make_schedule(faults, 900, seed)]
    assert len(names) > 21
    for begin in range(0, len(names) - 6, 7):
        assert len(set(names[begin:begin + 7])) == 7
    counts = Counter(names).values()
    assert max(counts) - min(counts) <= 1


def test_another_seed_gives_another_schedule():
    faults = [FaultTiming(f'fault_{index}', 1, 1) for index in range(7)]
    schedules = [make_schedule(faults, 300, seed) for seed in range(20)]
    assert len(set(schedules)) == 20
    assert len({schedule[0].name for schedule in schedules}) > 3


def test_recovery_has_at_most_the_times_of_the_alert_and_a_margin():
    recover_s = {fault.name: fault.requirement.recover_s for fault in soak_faults()}
    assert recover_s['camera_stops'] == 1 + 2  # recovery_s, margin
    assert recover_s['depth_nan'] == 2 + 1 + 1 + 2  # hold_s, clear_s, recovery_s, margin
    assert recover_s['kill_perception_node'] == 10 + 2  # START_S of the fault table, margin
    assert recover_s['second_camera'] == 10 + 1 + 2  # WINDOW_S, recovery_s, margin
    assert max(recover_s.values()) == recover_s['second_camera']


def test_a_fault_requires_the_reason_of_its_row_in_the_fault_table():
    rows = {row.name: row.reason for row in CATALOGUE}
    faults = [fault for fault in soak_faults() if fault.requirement.levels not in (ANY, NOMINAL)]
    assert len(faults) > 50
    assert all(fault.requirement.reason == rows[fault.name] for fault in faults)


def test_phases_follow_each_other():
    phases = make_schedule([FaultTiming('black', 1, 4), FaultTiming('killed', 1, 9, True)], 600, 3)
    assert all(before.end_s + before.recover_s < after.start_s
               for before, after in pairwise(phases))
    assert Counter(phase.name for phase in phases).keys() == {'black', 'killed'}


def test_faults_that_end_processes_alone_fill_the_first_quarter_only():
    phases = make_schedule([FaultTiming('killed', 1, 2, ends_process=True)], 300, 1)
    assert phases and phases[-1].end_s <= 75


def test_no_fault_and_no_time_give_no_phase():
    assert make_schedule([], 600, 1) == ()
    assert make_schedule([FaultTiming('black', 1, 1)], 0, 1) == ()


def test_negative_bounds_are_refused():
    with pytest.raises(ValueError, match='black: detect_s is -1'):
        FaultTiming('black', -1, 0)


@given(seed=SEEDS)
def test_every_process_ends_early_enough_to_be_started_again(seed):
    faults = [FaultTiming(f'fault_{index}', 1, 5) for index in range(70)] + [
        FaultTiming(f'kill_{index}', 1, 20, ends_process=True) for index in range(4)]
    names = [phase.name for phase in make_schedule(faults, 900, seed)]
    assert {f'kill_{index}' for index in range(4)} == set(names[:8:2])


@given(faults=FAULTS, duration_s=DURATIONS, seed=SEEDS)
@settings(deadline=None)
def test_large_faults_are_in_the_first_quarter_for_the_first_time(faults, duration_s, seed):
    phases = make_schedule(faults, duration_s, seed)
    for fault in faults:
        own = [phase for phase in phases if phase.name == fault.name]
        if fault.is_large and own:
            assert own[0].end_s <= duration_s / 4


def test_a_large_fault_comes_again_later():
    faults = [FaultTiming('huge', 1, 5, is_large=True), FaultTiming('black', 1, 5)]
    phases = make_schedule(faults, 900, 1)
    assert sum(phase.name == 'huge' and phase.start_s > 450 for phase in phases) > 5
    assert make_schedule(faults, 30, 3)[0].name == 'black'  # there is no time for it


@given(seed=SEEDS)
def test_a_short_schedule_begins_with_a_process_that_ends(seed):
    faults = [FaultTiming('huge', 1, 5, is_large=True), FaultTiming('black', 1, 5),
              FaultTiming('kill', 1, 5, ends_process=True)]
    assert make_schedule(faults, 90, seed)[0].name == 'kill'


def test_the_soak_test_has_the_faults_of_the_table_that_last():
    by_name = {fault.name: fault for fault in soak_faults()}
    assert len(by_name) > 60 and by_name.keys() <= INJECTIONS.keys()
    assert by_name.keys() >= {
        'kill_perception_node', 'stop_perception_node', 'frozen', 'black', 'random_bytes',
        'encoding_unknown', 'stamp_zero', 'status_empty', 'camera_stops', 'hang', 'second_alert',
        'mirrored'}
    assert by_name.keys().isdisjoint({'model_cut', 'misspelt_parameter', 'jpeg_cut',
                                      'worker_ends', 'hang_is_named', 'alert_level_7', 'blur_mild',
                                      'channels_swapped'})


@pytest.mark.parametrize(('name', 'levels', 'detect_s'), [
    ('black', {ERROR, STALE}, .3), ('upside_down', {ERROR, STALE}, .3),
    ('lost_rows', {WARN, ERROR, STALE}, 1.),
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
