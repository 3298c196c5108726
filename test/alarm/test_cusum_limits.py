# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""What the sequential alarms accept at the edges of their values, and what they say otherwise."""
import math

from bdl_perception.alarm.calibration import design_limits
from bdl_perception.alarm.cusum import (
    check_step,
    ConformalCusum,
    log_evidence,
    MixtureCusum,
    ville_limit,
    WindowMedian,
)
import pytest


@pytest.mark.parametrize(('make', 'text'), [
    (lambda: log_evidence(1.5, .5), 'p-value is 1.5, must be above 0 and at most 1'),
    (lambda: ConformalCusum(5., 2.), 'exponent of the bet is 2.0, must lie between 0 and 1'),
    (lambda: check_step('step_s', -1.), 'step_s is -1.0, must be positive'),
    (lambda: ConformalCusum(-1., .5), 'CUSUM limit is -1.0, must be positive; calibrate again'),
    (lambda: MixtureCusum(-1.), 'slow limit is -1.0, must be positive; calibrate again'),
    (lambda: WindowMedian(-1.), 'slow_step_s is -1.0, must be positive'),
    (lambda: ville_limit(.25, 20_000.),
     '20000.0 false alarms an hour are infeasible in steps of 0.25 s; request more than 0 and '
     'less than one each step')])
def test_a_rejection_gives_the_value_and_what_is_allowed(make, text):
    with pytest.raises(ValueError) as caught:
        make()
    assert str(caught.value) == text


@pytest.mark.parametrize('exponent', [0., 1.])
def test_a_bet_that_never_pays_is_rejected(exponent):
    # e p^(e - 1) is 0 for every p at e = 0, and 1 at e = 1: the alarm would never be raised.
    with pytest.raises(ValueError, match='exponent'):
        ConformalCusum(5., exponent)


def test_small_limits_and_steps_are_accepted():
    assert ConformalCusum(.5, .5).limit == MixtureCusum(.5).limit == .5
    assert check_step('step_s', 1e-9) == 1e-9


def test_a_false_alarm_in_one_and_a_half_steps_is_the_shortest_feasible_wait():
    assert ville_limit(.25, 14400 / 1.5) == pytest.approx(math.log(1.5))
    with pytest.raises(ValueError, match='infeasible'):
        ville_limit(.25, 5e-324)  # more steps than a number can hold


def test_evidence_ends_one_above_the_limit():
    fast = ConformalCusum(5., .5)
    slow = MixtureCusum(5.)
    for _ in range(1000):
        fast.step(1e-6)
        slow.step(.05)
    assert fast.value == 6
    # every bet is at 5 + log(3) + 1, and so is their mean
    assert slow.value == pytest.approx(6 + math.log(3))


def test_the_slow_alarm_comes_above_the_limit_and_not_at_it():
    value = MixtureCusum(9.).step(.05)
    assert value > 0
    for factor, alarmed in ((1., False), (.999, True)):
        drift = MixtureCusum(value * factor)
        drift.step(.05)
        assert drift.alarmed == alarmed


def test_bets_far_apart_do_not_overflow():
    drift = MixtureCusum(math.inf)
    for _ in range(3000):  # g(.05) is .89 for e = .3, .80 for .5 and .39 for .1
        drift.step(.05)
    gain = math.log(.3) - .7 * math.log(.05)
    assert drift.value == pytest.approx(3000 * gain - math.log(3))


def test_the_fast_and_the_slow_alarm_share_the_target_rate():
    limits = design_limits(1., .25, 2., .5)
    # of an exp(limit) steps between false alarms follows their number in an hour
    rates = [3600 / limits.step_s / math.exp(limits.cusum),
             3600 / limits.slow_step_s / math.exp(limits.slow)]
    assert rates == pytest.approx([.5, .5])


def test_a_window_begins_with_its_first_frame_and_has_its_exact_length():
    for first_ns in (500_000_000, 1_700_000_000_000_000_123):  # a float would lose 100 ns
        windows = WindowMedian(1.)
        stamps_ns = (first_ns, first_ns + 700_000_000, first_ns + 999_999_999, first_ns + 10**9)
        assert [windows.add(stamp_ns, .5) for stamp_ns in stamps_ns] == [None, None, None, .5]
