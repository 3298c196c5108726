# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""The latch holds an alarm until three conditions hold at one moment, and not a moment less."""
import itertools

from bdl_perception.alarm.alert import Latch
import pytest


def test_it_starts_released_and_quiet():
    latch = Latch(2, 1)
    latch.advance(0, False, False, True)
    assert not latch.latched and latch.is_quiet(0)


@pytest.mark.parametrize('hold_s', [0, 1, 2])
def test_it_holds_for_exactly_hold_s_after_the_last_error(hold_s):
    latch = Latch(hold_s, 0)
    latch.advance(10, True, False, True)
    for after_s in (.5, 1., 1.5, 2., 2.5):
        latch.advance(10 + after_s, False, False, True)
        assert latch.latched == (after_s < hold_s)


def test_an_error_that_stands_is_held_even_without_a_hold_time():
    latch = Latch(0, 0)
    for now_s in range(3):
        latch.advance(now_s, True, False, True)
        assert latch.latched
    latch.advance(3, False, False, True)
    assert not latch.latched


def test_a_later_error_starts_the_time_anew():
    latch = Latch(2, 0)
    latch.advance(0, True, False, True)
    latch.advance(1, True, False, True)
    latch.advance(2, False, False, True)
    assert latch.latched
    latch.advance(3, False, False, True)
    assert not latch.latched


def test_it_is_quiet_exactly_clear_s_after_the_last_exceedance():
    latch = Latch(0, 1)
    latch.advance(5, False, True, True)
    assert [latch.is_quiet(now_s) for now_s in (5, 5.99, 6, 7)] == [False, False, True, True]
    latch.advance(6, False, True, True)
    assert [latch.is_quiet(now_s) for now_s in (6.5, 7)] == [False, True]


@pytest.mark.parametrize(('held', 'quiet', 'cleared'),
                         [*itertools.product([False, True], repeat=3)])
def test_it_is_released_only_when_all_three_conditions_hold(held, quiet, cleared):
    latch = Latch(2, 2)
    latch.advance(9 if held else 10.5, True, False, False)
    latch.advance(10 if quiet else 11, False, True, False)
    latch.advance(12, False, False, cleared)
    assert latch.latched != (held and quiet and cleared)


def test_without_an_error_nothing_is_latched_by_exceedances():
    latch = Latch(2, 2)
    for now_s in range(9):
        latch.advance(now_s, False, True, False)
        assert not latch.latched


def test_changed_times_count_from_the_same_events():
    latch = Latch(2, 2)
    latch.advance(10, True, True, True)
    latch.set_times(1, 1)
    assert [latch.is_quiet(now_s) for now_s in (10.5, 11)] == [False, True]
    latch.advance(11, False, False, True)
    assert not latch.latched
