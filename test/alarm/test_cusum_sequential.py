# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""The sequential alarm: fair bets, the proved rate of false alarms, and no bottomless memory."""
import math

from bdl_perception.alarm.cusum import (
    ConformalCusum,
    log_evidence,
    MAX_EXCESS,
    peak_cusum,
    ville_limit,
)
from bdl_perception.alarm.observations import Thinning
from hypothesis import given
from hypothesis import strategies as st
import numpy as np
import pytest

p_values = st.one_of(st.sampled_from([.01, .25, 1.]), st.floats(.001, 1))


def test_evidence_by_hand() -> None:
    assert log_evidence(.01, .5) == pytest.approx(math.log(5))
    assert log_evidence(.25, .5) == pytest.approx(0)
    assert log_evidence(1, .5) == pytest.approx(math.log(.5))


def test_the_bet_is_fair() -> None:
    edges = np.linspace(0, 1, 200_001)**4  # fine where it pays most
    middles = (edges[1:] + edges[:-1]) / 2
    pays = sum(math.exp(log_evidence(p, .5)) * width
               for p, width in zip(middles, np.diff(edges), strict=True))
    assert pays == pytest.approx(1, abs=.002)


@pytest.mark.parametrize('p', [0, -.1, 1.1, math.nan])
def test_a_value_that_is_no_p_value_is_rejected(p: float) -> None:
    with pytest.raises(ValueError, match='p-value is'):
        log_evidence(p, .5)


def test_false_alarms_are_as_rare_as_promised() -> None:
    rng = np.random.default_rng(1)
    promised, waits = 30, []
    for _ in range(1000):
        cusum, steps = ConformalCusum(math.log(promised), .5), 0
        while not cusum.alarmed:
            cusum.step(1 - rng.random())
            steps += 1
        waits.append(steps)
    assert np.mean(waits) > promised
    assert np.mean(waits) < 20 * promised  # the bound is loose, but it is an alarm still


@given(st.lists(p_values, max_size=60))
def test_the_sum_stays_below_shiryaev_roberts(values: list[float]) -> None:
    cusum, roberts = ConformalCusum(math.inf, .5), 0.
    for p in values:
        roberts = (1 + roberts) * .5 / math.sqrt(p)
        assert math.exp(cusum.step(p)) <= roberts * (1 + 1e-9)


@given(st.lists(p_values, max_size=60))
def test_the_sum_is_the_best_run_that_ends_now(values: list[float]) -> None:
    cusum = ConformalCusum(math.inf, .5)
    for p in values:
        cusum.step(p)
    gains = [math.log(.5) - .5 * math.log(p) for p in values]
    runs = [sum(gains[start:]) for start in range(len(gains))]
    assert cusum.value == pytest.approx(max(runs, default=0), abs=1e-9)
    every = [sum(gains[a:b]) for b in range(len(gains) + 1) for a in range(b)]
    assert peak_cusum(values, .5) == pytest.approx(max([0, *every]), abs=1e-9)


def test_a_long_alarm_does_not_make_recovery_longer() -> None:
    short, long = ConformalCusum(5, .5), ConformalCusum(5, .5)
    for _ in range(10):
        short.step(.001)
    for _ in range(1000):
        long.step(.001)
    assert short.value == long.value == 5 + MAX_EXCESS


def test_the_alarm_comes_above_the_limit_and_not_at_it() -> None:
    gain = log_evidence(.01, .5)
    at, below = ConformalCusum(gain, .5), ConformalCusum(gain * .999, .5)
    at.step(.01), below.step(.01)
    assert (at.alarmed, below.alarmed) == (False, True)


def test_one_false_alarm_an_hour_in_quarter_seconds() -> None:
    assert ville_limit(.25, 1) == pytest.approx(9.575, abs=.001)
    for rate in (0, -1, math.nan, 14400, math.inf):
        with pytest.raises(ValueError, match='false alarms'):
            ville_limit(.25, rate)


@pytest.mark.parametrize('limit', [0, -1, math.nan])
def test_a_limit_must_be_positive(limit: float) -> None:
    with pytest.raises(ValueError, match='limit'):
        ConformalCusum(limit, .5)


@given(st.lists(st.sampled_from([0, 1, 60, 61, 62, 63, 187, 188, 189, 249, 250, 251, 900]),
                max_size=30))
def test_thinned_stamps_are_a_step_apart_on_average(
        gaps_ms: list[int]) -> None:
    stamps = np.cumsum(gaps_ms).tolist()
    thinning = Thinning(.25)
    selected = [stamp for stamp in stamps if thinning.due(stamp * 1_000_000)]
    for first, early in enumerate(selected):
        for steps, late in enumerate(selected[first + 1:], start=1):
            assert late - early >= (steps - .5) * 250
    for stamp in stamps:  # whatever was left out came too soon after one that was selected
        assert stamp in selected or any(0 <= stamp - earlier <= 312 for earlier in selected)
    assert selected[:1] == stamps[:1]


def test_a_camera_that_trembles_loses_none_of_its_steps() -> None:
    rng = np.random.default_rng(1)
    stamps = [round(1e9 * (.1 * k + .02 * tremor))
              for k, tremor in enumerate(rng.uniform(-1, 1, 500))]
    thinning = Thinning(.1)
    assert sum(map(thinning.due, stamps)) >= 495


@pytest.mark.parametrize('rate_hz', [11, 12, 13, 19, 25, 30, 60])
def test_a_faster_camera_adds_no_more_than_a_step_each_step(rate_hz: int) -> None:
    thinning = Thinning(.1)
    selected = sum(thinning.due(round(1e9 * k / rate_hz)) for k in range(60 * rate_hz))
    assert selected <= 601


@pytest.mark.parametrize('step_s', [0, -1, math.nan, math.inf])
def test_a_step_must_be_positive(step_s: float) -> None:
    with pytest.raises(ValueError, match='step_s'):
        Thinning(step_s)
