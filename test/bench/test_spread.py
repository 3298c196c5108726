# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
from bdl_perception.bench import spread
from bdl_perception.bench.spread import by_turns
from bdl_perception.bench.spread import paired_ratio
from bdl_perception.bench.spread import spread_of
import pytest


def test_median_and_quartiles_are_those_worked_by_hand():
    assert spread_of([4.0, 1.0, 3.0, 2.0, 5.0]) == (3.0, 2.0, 4.0)
    assert spread_of([]).median != spread_of([]).median  # NaN


def test_a_ratio_is_taken_round_by_round_as_the_worked_example_says():
    assert paired_ratio([1.0, 2.0, 9.0], [2.0, 4.0, 6.0]).median == 0.5
    with pytest.raises(ValueError, match='shorter'):
        paired_ratio([1.0, 2.0], [1.0])


def test_things_take_turns_and_the_first_rounds_do_not_count(monkeypatch):
    clock_s, said = [0.0], []
    monkeypatch.setattr(spread.time, 'perf_counter', lambda: clock_s[0])
    monkeypatch.setattr(spread.time, 'sleep', lambda pause_s: None)

    def thing(name, takes_s):
        said.append(name)
        clock_s[0] += takes_s if said.count(name) > spread.WARM_UPS else 100.0

    taken_ms = by_turns({'a': lambda: thing('a', 0.5), 'b': lambda: thing('b', 2.0)}, 3)
    assert said == ['a', 'b'] * (spread.WARM_UPS + 3)
    assert taken_ms == {'a': [500.0] * 3, 'b': [2000.0] * 3}
