# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""The edges of freshness: the first input, the last of twenty intervals, and an exact share."""
from dataclasses import replace

from bdl_perception.alarm.alert import AlertMachine
from bdl_perception.alarm.alert_types import AlertLevel, AlertPolicy
from bdl_perception.alarm.freshness import FramePeriod, SteadyTime
from bdl_perception.perception.data_types import Scores
from bdl_perception.perception.status import PerceptionStatus
from calibrations import IDENTITY, small_calibration
import pytest

GOOD = PerceptionStatus('active', identity=IDENTITY)


def test_steady_time_adds_what_passes_and_reports_what_is_lost():
    time = SteadyTime()
    assert time.elapsed_s == 0
    assert [time.advance(now_s) for now_s in (50., 50., 52.5, 50., 51.)] == [0, 0, 0, 2.5, 0]
    assert time.elapsed_s == 3.5  # 2.5 before the clock went back, and 1 after it


def test_a_clock_that_is_no_number_is_named():
    with pytest.raises(ValueError) as caught:
        SteadyTime().advance(float('inf'))
    assert str(caught.value) == 'the clock reads inf s, must be finite'


def test_the_period_is_that_of_the_last_twenty_intervals():
    period = FramePeriod()
    for interval_s in [.5] * 3 + [.125] * 17:  # two of twenty may be long, three count
        period.add(interval_s)
    assert period.max_silence_s(.1, 9.) == 2.25 * .5
    period.add(.125)  # the first long one is forgotten
    assert period.max_silence_s(.1, 9.) == 2.25 * .125


def test_five_intervals_are_needed_and_the_bounds_hold():
    period = FramePeriod()
    for count in range(1, 6):
        period.add(.125)
        assert period.max_silence_s(.1, 9.) == (9. if count < 5 else 2.25 * .125)
    assert period.max_silence_s(.3, 9.) == .3 and period.max_silence_s(.1, .2) == .2


def test_the_first_heartbeat_with_a_fault_is_the_first_that_is_tolerated():
    machine = AlertMachine(AlertPolicy(tolerated_faults=1), small_calibration())
    levels = []
    for now_s in (1., 1.1):
        machine.update_status(now_s, replace(GOOD, faults=('dark',)))
        for cycle, name in enumerate(('energy', 'epistemic_depth')):
            machine.update_scores(now_s, Scores(round(now_s * 1e9), '', {name: 1.}, cycle))
        levels.append(machine.state(now_s).level)
    assert levels == [AlertLevel.WARN, AlertLevel.ERROR]


class Camera:
    """Status and scores of perception_node; two faults are tolerated."""

    def __init__(self):
        self.machine = AlertMachine(AlertPolicy(tolerated_faults=2), small_calibration())
        self.now_s, self.frames_out, self.stamp_ns = 1., 0, 0

    def run(self, pattern):
        """F, dot: status with and without a fault; f: scores of a frame, c: of its result."""
        for one in pattern:
            self.now_s += .015625
            if one == 'f':
                self.frames_out += 1
                self.stamp_ns = round(self.now_s * 1e9)
                self.machine.update_scores(self.now_s, Scores(self.stamp_ns, '', {'energy': 1.}))
            elif one == 'c':
                self.machine.update_scores(
                    self.now_s, Scores(self.stamp_ns, '', {'epistemic_depth': 1.}, 1))
            else:
                faults = ('frozen',) if one == 'F' else ()
                self.machine.update_status(self.now_s, replace(
                    GOOD, faults=faults, frames_out=self.frames_out))
        return self.machine.state(self.now_s).level


@pytest.mark.parametrize('pattern', [
    'Ffc.FfcFfc.FfcFfc.', 'Ffc..Ffc..Ffc..', 'Ffc.F.fcFfc.',  # frozen, at several rates
    'FfcFfc.Ffc', 'F.F.F',  # damaged: not counted
    'fFcf.f.f.Fcf.f.f.Fc', 'fFcff..Fcff..F'])  # every Monte Carlo result
def test_a_fault_that_lasts_is_an_error_although_heartbeats_between_have_none(pattern):
    camera = Camera()
    camera.run('.fc')
    assert camera.run(pattern) == AlertLevel.ERROR


def test_faults_with_clean_frames_and_results_between_stay_a_warning():
    camera = Camera()
    camera.run('.fc')
    for _ in range(9):
        assert camera.run('FfcFfc.f.c.') == AlertLevel.WARN
    assert camera.run('fFfcFfcF') == AlertLevel.ERROR


def test_a_restarted_node_counts_its_frames_from_zero():
    camera = Camera()
    camera.frames_out = 1000
    assert camera.run('.fcFfcFfc') == AlertLevel.WARN
    camera.frames_out = 0
    camera.run('.fcfc.')
    assert camera.run('FfcFfc') == AlertLevel.WARN


def test_faults_without_frames_are_counted_too():
    camera = Camera()
    assert camera.run('.fcFF') == AlertLevel.WARN
    assert camera.run('F') == AlertLevel.ERROR


@pytest.mark.parametrize(('interval_s', 'level'), [
    (1., AlertLevel.OK), (1.0625, AlertLevel.STALE)])
def test_frames_in_exactly_four_fifths_of_the_limit_let_it_recover(interval_s, level):
    policy = AlertPolicy(stale_after_s=1.25, min_stale_after_s=1.25, recovery_s=2.5)
    machine = AlertMachine(policy, small_calibration())
    now_s = 1.
    for gap_s in (0., 1.5, *[interval_s] * 3):  # silent for 1.5 s, which is longer than 1.25 s
        machine.update_status(now_s + gap_s / 2, GOOD)
        now_s += gap_s
        machine.update_status(now_s, GOOD)
        for cycle, name in enumerate(('energy', 'epistemic_depth')):
            machine.update_scores(now_s, Scores(round(now_s * 1e9), '', {name: 1.}, cycle))
    assert machine.state(now_s).level == level


def test_another_model_is_named_also_while_it_is_inactive():
    machine = AlertMachine(AlertPolicy(), small_calibration())
    machine.update_status(1., replace(GOOD, state='inactive',
                                      identity=replace(IDENTITY, samples=8)))
    reasons = machine.state(1.).reasons
    assert reasons[0] == 'perception_node is inactive: activate it'
    assert reasons[1].startswith('not armed: calibration is of another number of Monte Carlo')


def test_silence_is_the_reason_also_before_the_first_result():
    machine = AlertMachine(AlertPolicy(), small_calibration())
    machine.update_status(1., GOOD)
    machine.update_scores(1., Scores(10**9, '', {'energy': 1.}))
    machine.update_status(1.75, GOOD)
    assert machine.state(1.75).reasons == ('no scores for 0.8 s: is the camera publishing?',)


@pytest.mark.parametrize(('late_ns', 'stale'), [(10**9, False), (10**9 + 1, True)])
def test_the_age_of_a_result_is_exact_to_the_nanosecond(late_ns, stale):
    machine = AlertMachine(AlertPolicy(epistemic_max_age_s=1.), small_calibration())
    machine.update_status(1., GOOD)
    for stamp_ns, name, cycle in ((0, 'energy', 0), (0, 'epistemic_depth', 1),
                                  (late_ns, 'energy', 0)):
        machine.update_scores(1., Scores(stamp_ns, '', {name: 1.}, cycle))
    assert ('is 1.0 s old' in ' '.join(machine.state(1.).reasons)) == stale


def test_a_small_age_that_is_too_large_is_not_taken_for_the_future():
    machine = AlertMachine(AlertPolicy(max_frame_age_s=.25), small_calibration())
    machine.update_status(1., GOOD)
    machine.update_scores(1., Scores(10**9, '', {'energy': 1.}), 1_500_000_000)
    assert machine.state(1.).reasons == (
        'frames are 0.5 s old on arrival: reduce the load, or synchronise the clocks',)
