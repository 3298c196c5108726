# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""The slow alarm: fair bets on medians, rare false alarms, and a drift that is found."""
import math

from bdl_perception.alarm.cusum import (
    MAX_EXCESS,
    MIXTURE_EXPONENTS,
    MixtureCusum,
    P_VALUE_FLOOR,
    peak_mixture_cusum,
    WindowMedian,
)
from hypothesis import given
from hypothesis import strategies as st
import numpy as np
import pytest

SECOND_NS = 10**9
p_values = st.one_of(st.sampled_from([.01, .05, .25, 1.]), st.floats(.001, 1))


def slow_sum(values: list[float]) -> float:
    """Give the mean over bets of the best product of payments that ends now."""
    best = []
    for e in MIXTURE_EXPONENTS:
        pays = [e * max(p, P_VALUE_FLOOR)**(e - 1) for p in values]
        best.append(max(math.prod(pays[start:]) for start in range(len(pays))))
    return math.log(sum(best) / len(best))


@given(st.lists(p_values, min_size=1, max_size=30))
def test_the_sum_is_the_mean_of_the_best_runs(values: list[float]) -> None:
    drift = MixtureCusum(math.inf)
    assert drift.value == 0
    for p in values:
        drift.step(p)
    assert drift.value == pytest.approx(slow_sum(values), abs=1e-9)


@given(st.lists(st.tuples(p_values, p_values), max_size=30))
def test_smaller_p_values_never_give_less_evidence(pairs: list[tuple[float, float]]) -> None:
    mild, extreme = MixtureCusum(3), MixtureCusum(3)
    for one, other in pairs:
        assert extreme.step(min(one, other)) >= mild.step(max(one, other))


@given(st.lists(p_values, max_size=40))
def test_the_sum_stays_below_shiryaev_roberts(values: list[float]) -> None:
    drift, sums = MixtureCusum(math.inf), dict.fromkeys(MIXTURE_EXPONENTS, 0.)
    for p in values:
        for e, value in sums.items():
            sums[e] = (1 + value) * e * p**(e - 1)
        assert math.exp(drift.step(p)) <= sum(sums.values()) / len(sums) * (1 + 1e-9)


def test_false_alarms_are_as_rare_as_promised() -> None:
    rng = np.random.default_rng(1)
    promised, waits = 5, []
    for _ in range(60):
        drift, steps = MixtureCusum(math.log(promised)), 0
        while not drift.alarmed:
            drift.step(1 - rng.random())
            steps += 1
        waits.append(steps)
    assert np.mean(waits) > promised  # by far: each bet restarts at 1 and the floor costs


def test_a_small_drift_is_detected_within_two_minutes() -> None:
    drift, steps = MixtureCusum(math.log(3600)), 0
    while not drift.alarmed:
        drift.step(.12)
        steps += 1
    assert 30 < 2 * steps < 120


def test_one_bet_can_raise_the_alarm_and_recovers_in_time() -> None:
    drift = MixtureCusum(5)
    for _ in range(1000):
        drift.step(.2)  # the bet with exponent .5 gains, that of .1 loses
    assert drift.alarmed
    assert drift.value <= 5 + math.log(len(MIXTURE_EXPONENTS)) + MAX_EXCESS
    steps = 0
    while drift.value > 2.5:
        drift.step(.5)
        steps += 1
    assert steps < 30


def test_p_values_below_the_floor_count_as_the_floor() -> None:
    one, other = MixtureCusum(9), MixtureCusum(9)
    assert one.step(P_VALUE_FLOOR) == other.step(1e-6)


def test_windows_give_the_upper_median_when_the_next_begins() -> None:
    windows = WindowMedian(1)
    given_ = [windows.add(round(at * SECOND_NS), p) for at, p in (
        (0, .5), (.5, .1), (.999, .9), (1, .2), (1.9, .3), (5, .7), (6, .8))]
    assert given_ == [None, None, None, .5, None, .3, .7]


def test_window_medians_pay_at_most_fair_odds() -> None:
    rng = np.random.default_rng(0)
    common = rng.normal(size=(4000, 1))
    for share in (0, .5, .9, 1):  # correlation of the frames of a window
        noise = rng.normal(size=(4000, 9))
        ranks = math.sqrt(share) * common + math.sqrt(1 - share) * noise
        p = np.array([[.5 * math.erfc(-z / math.sqrt(2)) for z in row] for row in ranks])
        medians = np.sort(p)[:, 4]
        for e in MIXTURE_EXPONENTS:
            assert (e * np.maximum(medians, P_VALUE_FLOOR)**(e - 1)).mean() < 1.02


def test_the_highest_of_a_drive_by_hand() -> None:
    stamped = [(round(.5 * k * SECOND_NS), .05) for k in range(9)]  # windows at 0, 2; 4 is open
    assert peak_mixture_cusum(stamped, 2) == pytest.approx(slow_sum([.05, .05]))
    assert peak_mixture_cusum(stamped[:3], 2) == peak_mixture_cusum([], 2) == 0


@pytest.mark.parametrize('bad', [0, -1, math.nan])
def test_an_infeasible_limit_or_window_is_rejected(bad: float) -> None:
    with pytest.raises(ValueError, match='slow limit'):
        MixtureCusum(bad)
    with pytest.raises(ValueError, match='slow_step_s'):
        WindowMedian(bad)
