# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""The times of an alert that change while it runs."""
from bdl_perception.alarm.alert import AlertMachine, Latch
from bdl_perception.alarm.alert_types import AlertLevel, AlertPolicy
from bdl_perception.perception.data_types import Scores
from bdl_perception.perception.status import Identity, PerceptionStatus
from calibrations import make_calibration

IDENTITY = Identity('street', 'a' * 64, 'b' * 64, 16, 0, 192, 320)
GOOD = PerceptionStatus('active', identity=IDENTITY)
VALUES = tuple(map(float, range(1, 100)))
CALIBRATION = make_calibration(
    identity=IDENTITY, alpha=.04, watched=('energy', 'epistemic_depth'),
    scores={'energy': VALUES, 'epistemic_depth': VALUES}, drives=tuple('abcdefgh'), frames=99,
    step_s=.25, false_alarms_per_hour=1., cusum=5., exponent=.5, software_version='')


def running_machine(**policy: float) -> AlertMachine:
    """Give a machine that is OK at 5 s, after frames at 4 Hz."""
    machine = AlertMachine(AlertPolicy(**policy), CALIBRATION)  # type: ignore[arg-type]
    for quarter in range(1, 21):
        now_s, stamp_ns = quarter / 4, quarter * 250_000_000
        machine.update_status(now_s, GOOD)
        machine.update_scores(now_s, Scores(stamp_ns, 'c', {'energy': 1.}))
        machine.update_scores(now_s, Scores(stamp_ns, 'c', {'epistemic_depth': 1.}, 1))
    assert machine.state(5.).level == AlertLevel.OK
    return machine


def test_a_shorter_time_of_silence_counts_from_the_last_input() -> None:
    assert running_machine().state(5.4).level == AlertLevel.OK
    machine = running_machine()
    machine.set_times(AlertPolicy(stale_after_s=.3))
    assert machine.state(5.2).level == AlertLevel.OK
    assert machine.state(5.4).level == AlertLevel.STALE


def test_a_longer_time_of_silence_has_no_effect_on_the_past() -> None:
    machine = running_machine()
    assert machine.state(5.7).level == AlertLevel.STALE
    machine.set_times(AlertPolicy(stale_after_s=2., min_stale_after_s=2.))
    [reason] = machine.state(5.7).reasons
    assert reason.startswith('inputs were silent or late a moment ago')


def test_parameters_that_are_not_live_stay() -> None:
    machine = running_machine()
    machine.set_times(AlertPolicy(tolerated_faults=100, warning_level='ok'))
    machine.update_status(5., PerceptionStatus('active', ('broken',), identity=IDENTITY))
    assert machine.state(5.).level == AlertLevel.ERROR


def test_a_latched_alarm_follows_the_new_times() -> None:
    latch = Latch(hold_s=2., clear_s=1.)
    latch.advance(0., error=True, exceeded=True, cleared=True)
    latch.set_times(hold_s=5., clear_s=1.)
    latch.advance(4.9, error=False, exceeded=False, cleared=True)
    assert latch.latched
    latch.advance(5., error=False, exceeded=False, cleared=True)
    assert not latch.latched
    latch.set_times(hold_s=5., clear_s=6.)
    assert not latch.is_quiet(5.) and latch.is_quiet(6.)
