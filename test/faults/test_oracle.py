# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
import math
from typing import NamedTuple

from bdl_perception.alarm.alert_types import AlertLevel
from bdl_perception.faults.load import Wait, Waits
from bdl_perception.faults.oracle import (
    check_error_holds,
    check_gaps,
    check_levels,
    check_reasons,
    FaultInterval,
    LevelOracle,
    merged,
    Requirement,
    Violation,
)
from hypothesis import given
from hypothesis import strategies as st
import pytest

OK, WARN, ERROR, STALE = AlertLevel
BLACK = FaultInterval('black', 10., 15., Requirement(frozenset({WARN, ERROR}), .5, 4.))
STOPPED = FaultInterval('stop_alert_node', 40., 43.,
                        Requirement(frozenset({STALE}), .5, 2., silences_alert=True))
LEASE_S = .2


class Received(NamedTuple):
    arrival_s: float
    level: AlertLevel = OK
    reasons: tuple[str, ...] = ('a reason',)


def correct_alerts():
    """Make one alert each .1 s for 30 s, with the levels that the black image requires."""
    alerts = []
    for step in range(300):
        at_s = step / 10
        level = OK if at_s < 10.3 or at_s > 18 else ERROR if at_s > 11 else WARN
        alerts.append(Received(at_s, level, () if level == OK else ('the image is black',)))
    return alerts


def changed(at_s, **values):
    """Replace values of the alert at a time."""
    return [alert._replace(**values) if math.isclose(alert.arrival_s, at_s) else alert
            for alert in correct_alerts()]


def violations(alerts, waits=None):
    return [*check_levels(alerts, LevelOracle([BLACK], waits)),
            *check_gaps(alerts, 0., 30., LEASE_S, [BLACK], waits),
            *check_error_holds(alerts, 2., [BLACK])]


def test_correct_alerts_are_no_violation():
    assert violations(correct_alerts()) == []


@pytest.mark.parametrize(('at_s', 'level', 'text'), [
    (5., WARN, 'WARN in place of OK, no fault: a reason'),
    (5., STALE, 'STALE in place of OK'),
    (10.6, OK, 'OK in place of ERROR or WARN, black'),
    (12., OK, 'OK in place of ERROR or WARN, black'),
    (15., OK, 'OK in place of'),
    (13., STALE, 'STALE in place of ERROR or WARN, black'),
    (19.1, WARN, 'WARN in place of OK, no fault'),
    (19.1, ERROR, 'ERROR in place of OK'),
])
def test_one_wrong_level_is_found(at_s, level, text):
    [found] = check_levels(changed(at_s, level=level, reasons=('a reason',)),
                           LevelOracle([BLACK]))
    assert found.kind == 'wrong level' and text in found.text
    assert found[1:4] == (pytest.approx(at_s), pytest.approx(at_s), 1)


@pytest.mark.parametrize('at_s', [10., 10.4, 15.1, 18.9])
@pytest.mark.parametrize('level', AlertLevel)
def test_every_level_is_accepted_while_it_changes(at_s, level):
    assert check_levels([Received(at_s, level)], LevelOracle([BLACK])) == []


def test_a_level_without_a_reason_is_found():
    [found] = violations(changed(12., reasons=()))
    assert found.kind == 'no reason' and found.start_s == 12.
    assert violations(changed(12., reasons=('', ''))) == [found]


NAMED = BLACK._replace(
    requirement=Requirement(frozenset({WARN, ERROR}), .5, 4., reason='is bl.ck'))


def unnamed(alerts, waits=None, interval=NAMED):
    return check_reasons(alerts, [interval], LevelOracle([interval], waits))


def test_a_fault_that_no_alert_names_is_found():
    assert unnamed(correct_alerts()) == []
    other = [alert._replace(reasons=('no scores',)) if alert.level != OK else alert
             for alert in correct_alerts()]
    [found] = unnamed(other)
    assert found.kind == 'wrong reason' and found.start_s == pytest.approx(10.6)
    assert found.text == "black, but no reason contains 'is bl.ck': no scores"
    assert unnamed(other, interval=BLACK) == []  # any reason
    late = [alert._replace(reasons=('the image is black',)) if alert.arrival_s > 15.5 else alert
            for alert in other]
    assert len(unnamed(late)) == 1  # only after the end
    late = Waits([waited(9.75 + .25 * step, 1.) for step in range(30)])
    assert unnamed(other, late) == []  # the machine may have hidden it


def test_a_fault_that_is_still_present_is_required():
    present = LevelOracle([BLACK._replace(end_s=math.inf)])
    assert present.allowed(1000.) == {WARN, ERROR} and present.name(1000.) == 'black'


def test_a_fault_during_the_recovery_of_another_one_is_required():
    second = BLACK._replace(name='stop', start_s=16., end_s=30.,
                            requirement=Requirement(frozenset({STALE}), .5, 2.))
    oracle = LevelOracle([BLACK, second])
    assert oracle.allowed(16.2) == set(AlertLevel) and oracle.allowed(17.) == {STALE}
    assert oracle.name(17.) == 'black (ended), stop'


def test_two_faults_at_a_time_require_what_both_require():
    second = BLACK._replace(requirement=Requirement(frozenset({ERROR, STALE}), .5, 4.))
    assert LevelOracle([BLACK, second]).allowed(12.) == {ERROR}


def waited(start_s, value_s):
    """Make .25 s in which one process waited."""
    return Wait(start_s, start_s + .25, value_s, {7: value_s})


def test_waiting_time_is_added_to_the_bounds():
    waits = Waits([Wait(10., 10.25, .2), Wait(15., 15.25, .2)])
    oracle = LevelOracle([BLACK], waits)
    assert OK in oracle.allowed(10.69) and OK not in oracle.allowed(10.75)
    assert ERROR in oracle.allowed(19.15) and ERROR not in oracle.allowed(19.25)


def test_a_machine_that_was_late_before_a_fault_gives_a_longer_bound():
    oracle = LevelOracle([BLACK], Waits([waited(8., .3)]))
    assert OK in oracle.allowed(10.7) and OK not in oracle.allowed(10.8)  # .5 and .25 s
    oracle = LevelOracle([BLACK], Waits([waited(7., .3)]))
    assert OK not in oracle.allowed(10.55)


def test_waiting_time_in_the_added_time_counts_up_to_a_limit():
    starved = Waits([waited(index / 4, 5.) for index in range(400)])
    oracle = LevelOracle([BLACK._replace(end_s=40.)], starved)
    assert OK in oracle.allowed(15.7)
    assert OK not in oracle.allowed(15.8)  # 10 + .5 + .25 + 5


def test_stale_is_correct_only_while_the_machine_makes_inputs_late():
    oracle = LevelOracle([], Waits([waited(4.75, .26)]))
    assert oracle.allowed(4.) == {OK} and oracle.allowed(5.) == {OK, STALE}
    assert oracle.allowed(7.4) == {OK, STALE} and oracle.allowed(7.6) == {OK}
    assert LevelOracle([], Waits([waited(4.75, .24)])).allowed(5.) == {OK}


def test_stale_is_a_violation_when_every_process_waited_only_a_little():
    oracle = LevelOracle([], Waits([Wait(4.75, 5., .8, dict.fromkeys(range(4), .2))]))
    assert oracle.allowed(5.) == {OK}


def test_waiting_never_makes_ok_correct_during_a_fault():
    oracle = LevelOracle([BLACK], Waits([waited(13.75, 2.)]))
    assert oracle.allowed(14.) == {WARN, ERROR, STALE}


@pytest.mark.parametrize('missing', [(5.,), (0., .1, .2), (29.7, 29.8, 29.9)])
def test_a_gap_in_the_alerts_is_found(missing):
    remaining = [alert for alert in correct_alerts() if not any(
        math.isclose(alert.arrival_s, at_s, abs_tol=1e-9) for at_s in missing)]
    [gap] = check_gaps(remaining, 0., 30., .15, [BLACK])
    assert gap.kind == 'alert is silent' and gap.start_s <= missing[0] <= gap.end_s


def test_no_alert_at_all_is_a_gap():
    [gap] = check_gaps([], 2., 30., LEASE_S, [BLACK])
    assert gap.start_s == 2. and gap.end_s == 30.


def test_alert_node_may_be_silent_only_while_it_cannot_publish():
    quiet = [Received(at_s / 10) for at_s in range(0, 600) if not 400 < at_s < 440]
    assert check_gaps(quiet, 0., 59.9, LEASE_S, [STOPPED]) == []
    [gap] = check_gaps(quiet, 0., 59.9, LEASE_S, [STOPPED._replace(
        requirement=Requirement(frozenset({STALE}), .5, 2.))])
    assert gap[1:3] == (40., 44.)


@pytest.mark.parametrize(('begin_s', 'end_s', 'gap'), [
    (39., 44., (39., 40.)), (40., 48., (45., 48.)), (44., 48., (45., 48.)), (20., 22., (20., 22.)),
    (50., 52., (50., 52.))])
def test_silence_before_such_a_fault_or_after_its_recovery_is_found(begin_s, end_s, gap):
    alerts = [Received(step / 10) for step in range(600) if not begin_s < step / 10 < end_s]
    [found] = check_gaps(alerts, 0., 59.9, LEASE_S, [STOPPED])
    assert found[1:3] == gap


def test_a_gap_is_longer_by_the_time_that_processes_waited():
    alerts = [Received(0.), Received(.5)]
    assert check_gaps(alerts, 0., .5, LEASE_S, [], Waits([Wait(.1, .35, .3)])) == []
    assert len(check_gaps(alerts, 0., .5, LEASE_S, [], Waits([Wait(.1, .35, .2)]))) == 1


def test_a_gap_may_be_longer_shortly_after_a_process_waited_long():
    alerts = [Received(10.), Received(10.35)]
    for waited_s, count in ((.25, 0), (.24, 1)):
        waits = Waits([Wait(9., 9.9, waited_s, {7: waited_s})])
        assert len(check_gaps(alerts, 10., 10.35, .15, [], waits)) == count
    alerts = [Received(10.), Received(10.41)]
    assert len(check_gaps(alerts, 10., 10.41, .15, [], Waits([Wait(9., 9.9, .9, {7: .9})]))) == 1


@given(st.floats(.3, 1.7))
def test_an_error_that_ends_before_its_hold_time_is_found(length_s):
    alerts = [Received(0.), Received(1., ERROR), Received(1. + length_s, WARN)]
    [found] = check_error_holds(alerts, 2., [])
    assert found.kind == 'short error' and 'WARN' in found.text


def test_an_error_that_holds_long_enough_or_becomes_stale_is_no_violation():
    alerts = [Received(0.), Received(1., ERROR), Received(2., STALE), Received(3., WARN)]
    assert check_error_holds(alerts, 2., []) == []
    hidden = [Received(0., STALE), Received(1., ERROR), Received(1.1)]
    assert check_error_holds(hidden, 2., []) == []  # it may have begun before 0 s
    assert len(check_error_holds([*alerts[:2], Received(2.8, OK)], 2., [])) == 1


def test_a_new_alert_node_need_not_hold_the_error_of_the_old_one():
    alerts = [Received(41., ERROR), Received(42., OK)]
    assert check_error_holds([Received(39.), *alerts], 2., [STOPPED]) == []
    assert len(check_error_holds([Received(39.), *alerts], 2., [])) == 1


def test_violations_of_one_kind_that_follow_each_other_are_one():
    rows = [Violation('a', 1., 1., 1, 'first'), Violation('b', 1.2, 1.2, 1, 'other'),
            Violation('a', 1.9, 1.9, 1, 'second'), Violation('a', 3.1, 3.1, 1, 'third')]
    assert merged(rows) == [Violation('a', 1., 1.9, 2, 'first'), rows[1], rows[3]]


def test_a_requirement_without_a_level_is_refused():
    with pytest.raises(ValueError, match='at least one level'):
        Requirement(frozenset(), 1., 1.)
