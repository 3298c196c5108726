# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""Each reason of the alert in full: cause, value and remedy are part of the promise."""
from dataclasses import replace
import math
from typing import Any

from bdl_perception.alarm.alert import AlertMachine
from bdl_perception.alarm.alert_types import AlertLevel, AlertPolicy, AlertState, InputTopic
from bdl_perception.alarm.calibration import Calibration
from bdl_perception.perception.data_types import Scores
from bdl_perception.perception.status import PerceptionStatus
from calibrations import IDENTITY, small_calibration, with_values
import pytest

GOOD = PerceptionStatus('active', identity=IDENTITY)
WAIT = 'inputs were silent or late a moment ago: wait until frames arrive within 0.4 s for 1 s'


def started(calibration: Calibration | None = None, **policy: Any) -> AlertMachine:
    """Give a machine that has received a status and an observation at 1 s."""
    machine = AlertMachine(AlertPolicy(**policy), calibration or small_calibration())
    observe(machine, 1.)
    return machine


def observe(machine: AlertMachine, now_s: float, energy: float = 1., depth: float = 1.,
            status: PerceptionStatus = GOOD) -> None:
    machine.update_status(now_s, status)
    for cycle, values in enumerate(({'energy': energy}, {'epistemic_depth': depth})):
        machine.update_scores(now_s, Scores(round(now_s * 1e9), 'camera', values, cycle))


def ok(state: AlertState) -> bool:
    return (state.level, state.reasons) == (AlertLevel.OK, ())


def test_it_starts_with_the_three_things_that_are_missing() -> None:
    assert AlertMachine(AlertPolicy()).state(0).reasons == (
        'no status of perception_node was received: start it',
        'not armed: no calibration was loaded: make one with `bdl calibrate`',
        'no scores were received: is the camera publishing?')


def test_the_reason_why_there_is_no_calibration_follows_the_progress_of_learning() -> None:
    machine = AlertMachine(AlertPolicy(), unarmed_reason='learning: 1 of 30 minutes')
    machine.set_unarmed_reason('learning: 2 of 30 minutes')
    assert machine.state(0).reasons[1] == 'not armed: learning: 2 of 30 minutes'


def test_a_good_observation_has_no_reason() -> None:
    state = started().state(1)
    assert ok(state)
    assert (state.thresholds, state.low_thresholds) == (
        {'energy': 18, 'epistemic_depth': 18}, {})
    assert (state.slow, state.slow_limit, state.late_frames) == (None, None, 0)


@pytest.mark.parametrize(('lifecycle', 'remedy'), [
    ('unconfigured', 'configure and activate it'), ('inactive', 'activate it'),
    ('finalized', 'start it again'), ('deactivating', 'wait, or read its log')])
def test_each_lifecycle_state_has_its_remedy(lifecycle: str, remedy: str) -> None:
    machine = started()
    machine.update_status(1, replace(GOOD, state=lifecycle))
    assert machine.state(1).reasons == (f'perception_node is {lifecycle}: {remedy}',)


def test_a_model_is_missed_only_while_it_should_be_loaded() -> None:
    machine = started()
    machine.update_status(1, replace(GOOD, identity=None))
    assert machine.state(1).reasons == ('not armed: perception_node has not reported its model',)
    machine.update_status(1, replace(GOOD, identity=None, state='inactive'))
    assert machine.state(1).reasons == ('perception_node is inactive: activate it',)


def test_rare_heartbeats_do_not_arm() -> None:
    machine = started()
    machine.update_status(1, replace(GOOD, status_hz=1.))
    reason, = machine.state(1).reasons
    assert reason.startswith('not armed: status_hz 1 of perception_node is too low')
    machine.update_status(1, replace(GOOD, status_hz=3.))
    assert ok(machine.state(1))


def test_silence_of_both_inputs_in_seconds() -> None:
    machine = started()
    machine.update_scores(1.1, Scores(1_100_000_000, 'camera', {'energy': 1.}))
    assert machine.state(1.75).reasons == (
        'perception_node is silent for 0.8 s: is it running?',
        'no scores for 0.6 s: is the camera publishing?')
    observe(machine, 1.76)
    assert machine.state(1.8).reasons == (WAIT,)


def test_an_old_result_is_reported_by_the_time_of_its_frame() -> None:
    machine = started(epistemic_max_age_s=1.)
    for step in range(1, 11):
        now_s = 1 + step / 8
        machine.update_status(now_s, GOOD)
        machine.update_scores(now_s, Scores(round(now_s * 1e9), '', {'energy': 1.}))
        state = machine.state(now_s)
        assert ok(state) == (now_s <= 2)
    assert state.reasons == ('the last Monte Carlo result is 1.2 s old: reduce the load',)
    # the frame that is .25 s older than the newest one; .8 s after that it is too old again
    machine.update_scores(2.25, Scores(2_000_000_000, '', {'epistemic_depth': 1.}, 1))
    assert machine.state(2.25).reasons == (WAIT,)


def test_no_result_yet_is_a_reason_of_its_own() -> None:
    machine = AlertMachine(AlertPolicy(), small_calibration())
    machine.update_status(1, GOOD)
    machine.update_scores(1, Scores(1, '', {'energy': 1.}))
    assert machine.state(1).reasons == (
        'no Monte Carlo result with every watched score yet: wait',)


@pytest.mark.parametrize(('age_s', 'text'), [
    (1.25, 'frames are 1.2 s old on arrival: reduce the load, or synchronise the clocks'),
    (-1.25, 'frames are 1.2 s ahead of the clock: synchronise the clocks'),
    (3600., 'frames are 3600.0 s old on arrival: reduce the load, or synchronise the clocks'),
    (7200., 'stamps of the frames are 7.2e+03 s behind the clock: set use_sim_time of all nodes '
            'alike'),
    (-7200., 'stamps of the frames are 7.2e+03 s ahead of the clock: set use_sim_time of all '
             'nodes alike')])
def test_each_age_of_a_frame_has_its_cause(age_s: float, text: str) -> None:
    machine = started()
    machine.update_scores(1.25, Scores(10**13, '', {'energy': 1.}), 10**13 + round(age_s * 1e9))
    assert machine.state(1.25).reasons == (text,)


@pytest.mark.parametrize(('age_ns', 'stale'), [(10**9, False), (10**9 + 1, True)])
def test_the_age_of_a_frame_is_exact_to_the_nanosecond(age_ns: int, stale: bool) -> None:
    machine = started()
    machine.update_scores(1.25, Scores(1_250_000_000, '', {'energy': 1.}), 1_250_000_000 + age_ns)
    assert (machine.state(1.25).level == AlertLevel.STALE) == stale


def test_a_clock_that_reads_zero_is_simulated_time_without_a_publisher() -> None:
    machine = started()
    machine.update_scores(1.25, Scores(10**13, '', {'energy': 1.}), 0)
    assert machine.state(1.25).reasons == (
        'the clock reads zero: publish /clock, or set use_sim_time of alert_node to false',)


def test_without_a_clock_of_the_stamps_their_age_is_not_checked() -> None:
    machine = started(recovery_s=0, epistemic_max_age_s=60, max_frame_age_s=.05)
    machine.update_scores(1.25, Scores(10**18, '', {'energy': 1.}), None)
    machine.update_scores(1.25, Scores(10**18, '', {'epistemic_depth': 1.}, 1))
    assert ok(machine.state(1.25))


@pytest.mark.parametrize('warned', [False, True])
def test_faults_and_evidence_are_all_listed_the_worst_first(warned: bool) -> None:
    machine = started(tolerated_faults=1 if warned else 0)
    observe(machine, 1.25, energy=math.nan, status=replace(GOOD, faults=('dark', 'blurred')))
    state = machine.state(1.25)
    broken = 'not a finite number: energy; the network is broken on this frame'
    faults = ['perception_node reports: dark', 'perception_node reports: blurred']
    beyond = 'unlike the calibration drives: energy is too high'
    hold = ('the alarm holds until no score exceeds its threshold for 1 s: wait')
    assert state.level == AlertLevel.ERROR
    assert list(state.reasons) == (
        [broken, hold, *faults, beyond] if warned else [*faults, broken, hold, beyond])


@pytest.mark.parametrize(('level', 'name'), [
    (AlertLevel.OK, 'ok'), (AlertLevel.WARN, 'warn'), (AlertLevel.STALE, 'stale')])
def test_a_warning_is_passed_on_at_its_level(level: AlertLevel, name: str) -> None:
    machine = started(warning_level=name)
    machine.update_status(1, replace(GOOD, warnings=('no scale',)))
    state = machine.state(1)
    assert (state.level, state.reasons) == (level, ('perception_node warns: no scale',))


def test_missing_scores_are_all_named_in_their_order() -> None:
    machine = started()
    for cycle in (0, 1):
        machine.update_scores(1.25, Scores(1_250_000_000, '', {'softmax': 1.}, cycle))
    state = machine.state(1.25)
    assert (state.level, state.reasons) == (AlertLevel.STALE, (
        'the scores lack energy, epistemic_depth, which the calibration watches: run sender and '
        'receiver in one version',))


def test_exceedances_are_all_named_and_then_waited_for() -> None:
    machine = started(clear_s=1)
    observe(machine, 1.25, energy=18.5, depth=18.5)
    state = machine.state(1.25)
    assert (state.level, state.reasons) == (AlertLevel.WARN, (
        'unlike the calibration drives: energy is too high, epistemic_depth is too high',))
    observe(machine, 1.5)
    assert machine.state(1.5).reasons == ('a score exceeded its threshold a moment ago: wait',)
    for now_s in (1.75, 2., 2.25):
        observe(machine, now_s)
        assert machine.state(now_s).level == AlertLevel.WARN
    observe(machine, 2.5)
    assert ok(machine.state(2.5))


def test_the_fast_alarm_gives_its_evidence_and_its_limit() -> None:
    machine = started(small_calibration(cusum=.5))  # log(.5 / sqrt(.1)) = .46 for each
    observe(machine, 1.25, energy=100.)
    observe(machine, 1.5, energy=100.)
    state = machine.state(1.5)
    assert (state.level, state.reasons[0]) == (
        AlertLevel.ERROR, 'the scene is unlike the calibration drives: evidence 0.9 above 0.5; '
                          'slow down or stop')
    assert (state.cusum, state.cusum_limit) == (pytest.approx(2 * .4581, abs=1e-3), .5)


def test_the_slow_alarm_gives_its_evidence_and_its_limit() -> None:
    machine = started(with_values(small_calibration(), slow=.5, slow_step_s=.25))
    for step in range(1, 9):
        observe(machine, 1 + step / 4, energy=100.)
    state = machine.state(3)
    assert (state.level, state.reasons[0]) == (
        AlertLevel.ERROR, 'the scene has drifted away from the calibration drives: slow evidence '
                          f'{state.slow:.1f} above 0.5; slow down or stop')
    assert state.slow is not None and state.slow > state.slow_limit == .5


def test_a_score_without_pixels_is_named_with_its_place() -> None:
    machine = started()
    machine.update_scores(1.25, Scores(1_250_000_000, '', {'energy': 1.}))
    machine.update_scores(1.25, Scores(1_250_000_000, '', {'mutual_information': 1.}, 1))
    assert machine.state(1.25).reasons[0] == (
        'no pixel has a depth where epistemic_depth is measured, so the scene cannot be assessed; '
        'slow down or stop')


def test_a_held_alarm_names_its_time_when_nothing_else_is_left() -> None:
    machine = started(hold_s=2)
    observe(machine, 1.25, status=replace(GOOD, faults=('dark',)))
    observe(machine, 1.5)
    state = machine.state(1.5)
    assert (state.level, state.reasons) == (
        AlertLevel.ERROR, ('the alarm holds until 2 s have passed since: wait',))
    for now_s in (2., 2.5, 3.):
        observe(machine, now_s)
    assert machine.state(3.25).level == AlertLevel.ERROR
    assert ok(machine.state(3.5))


def test_a_clock_that_jumps_back_gives_the_distance() -> None:
    machine = started(hold_s=1, recovery_s=0)
    machine.update_status(.75, GOOD)
    assert machine.state(.75).reasons == (
        'the clock jumped back by 0.25 s: wait',
        'no scores were received: is the camera publishing?')
    for now_s in (1., 1.25, 1.5):
        observe(machine, now_s)
        assert machine.state(now_s).reasons == ('the clock jumped back by 0.25 s: wait',)
    observe(machine, 1.75)
    assert ok(machine.state(1.75))


def test_scores_of_before_a_jump_of_the_clock_are_forgotten() -> None:
    machine = started(hold_s=0, recovery_s=0, clear_s=0)
    observe(machine, 1.25, energy=18.5)
    assert machine.state(1.25).statistics == {'energy': 18.5, 'epistemic_depth': 1}
    state = machine.state(.5)
    assert (state.statistics, state.p_value) == ({}, None)
    assert state.reasons == ('no scores were received: is the camera publishing?',)


def test_stamps_that_do_not_advance_ask_for_the_recording() -> None:
    machine = started(hold_s=1)
    for _ in range(3):
        assert ok(machine.state(1.25))
        machine.update_scores(1.25, Scores(1_000_000_000, '', {'energy': 1.}))
    state = machine.state(1.25)
    assert state.reasons == (
        'the stamps of the frames do not advance: does a recording loop?',
        'no Monte Carlo result with every watched score yet: wait')
    assert state.late_frames == 3


def test_frames_and_cycles_count_their_late_stamps_apart() -> None:
    machine = started()
    for _ in range(2):
        machine.update_scores(1.25, Scores(1_000_000_000, '', {'energy': 1.}))
        machine.update_scores(1.25, Scores(1_000_000_000, '', {'epistemic_depth': 1.}, 1))
    assert machine.state(1.25).late_frames == 2  # of frames
    observe(machine, 1.3)
    for _ in range(2):  # in succession, not in all
        machine.update_scores(1.3, Scores(1_000_000_000, '', {'energy': 1.}))
    assert ok(machine.state(1.3))


def test_each_input_names_its_second_publisher() -> None:
    machine = started()
    machine.update_topics(InputTopic('/status', ('/a', '/b')), InputTopic('/scores', ('/c', '/d')))
    state = machine.state(1)
    assert (state.level, state.reasons) == (AlertLevel.WARN, (
        '/status has 2 publishers: /a, /b; stop all but one',
        '/scores has 2 publishers: /c, /d; stop all but one'))


def test_changed_times_hold_for_silence_and_for_the_latch() -> None:
    machine = started(stale_after_s=1., hold_s=2., clear_s=2.)
    observe(machine, 1.25, status=replace(GOOD, faults=('dark',)))
    machine.set_times(AlertPolicy(stale_after_s=.25, hold_s=.5, clear_s=.25))
    observe(machine, 1.5)
    assert machine.state(1.5).reasons == ('the alarm holds until 0.5 s have passed since: wait',)
    observe(machine, 1.75)
    assert machine.state(1.75).level == AlertLevel.ERROR
    observe(machine, 2.)
    assert ok(machine.state(2.))
    assert machine.state(2.375).reasons == (
        'perception_node is silent for 0.4 s: is it running?',
        'no scores for 0.4 s: is the camera publishing?')


def test_a_setting_that_is_not_live_stays() -> None:
    machine = started(warning_level='ok')
    machine.set_times(AlertPolicy(warning_level='stale'))
    machine.update_status(1., replace(GOOD, warnings=('no scale',)))
    assert machine.state(1.).level == AlertLevel.OK
