# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
from bdl_perception.evaluation.poisson import rate
import pytest


def test_nothing_in_an_hour_is_at_most_three_point_seven() -> None:
    found = rate(0, 1)
    assert (found.per_hour, found.low) == (0, 0)
    assert found.high == pytest.approx(3.688879, abs=1e-5)  # -ln(.025)


def test_the_interval_shrinks_with_the_hours_and_is_of_the_published_table() -> None:
    found = rate(5, 2)
    assert found.per_hour == 2.5
    assert (2 * found.low, 2 * found.high) == pytest.approx((1.6235, 11.6683), abs=1e-3)


@pytest.mark.parametrize('events', [1, 4])
def test_at_the_ends_of_the_interval_what_was_seen_has_a_chance_of_one_in_forty(
        events: int) -> None:
    from math import exp
    from math import factorial

    def at_most(most: int, mean: float) -> float:
        return sum(exp(-mean) * mean ** k / factorial(k) for k in range(most + 1))
    found = rate(events, 1)
    assert at_most(events, found.high) == pytest.approx(.025)
    assert 1 - at_most(events - 1, found.low) == pytest.approx(.025)


def test_no_time_is_no_rate() -> None:
    with pytest.raises(ValueError, match='0 hours were watched'):
        rate(0, 0)
