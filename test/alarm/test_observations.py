# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""How long a score remembers, on processes whose memory is known."""
import math

from bdl_perception.alarm.observations import decorrelation_s
import numpy as np
import pytest


def remembering(seed: int, count: int, keep: float, level: float = 0.) -> list[float]:
    rng, value, out = np.random.default_rng(seed), 0., []
    for _ in range(count):
        value = keep * value + math.sqrt(1 - keep**2) * rng.normal()
        out.append(level + value)
    return out


@pytest.mark.parametrize('keep', [.5, .8, .9])
def test_the_memory_of_a_known_process_is_found(keep: float) -> None:
    drives = [remembering(seed, 500, keep, level=50 * seed) for seed in range(20)]
    steps = decorrelation_s(drives, .1) / .1
    assert steps == pytest.approx(math.ceil(1 / -math.log(keep)), abs=1.01)


def test_by_hand() -> None:
    assert decorrelation_s([[1, -1, 1, -1]], .25) == .25
    # products at lags 0..3: 1, 3/7, -2/6, ...: the second is the first below 1/e
    assert decorrelation_s([[1, 1, 1, 1, -1, -1, -1, -1]], 1) == 2


def test_drives_of_different_brightness_are_not_memory() -> None:
    rng = np.random.default_rng(0)
    assert decorrelation_s([(rng.normal(size=100) + 99 * k).tolist() for k in range(9)], 2) == 2


def test_what_never_changes_or_is_too_short_counts_as_one_step() -> None:
    assert decorrelation_s([[3.] * 40], .5) == decorrelation_s([[1.], [2.]], .5) == .5
    with pytest.raises(ValueError, match='no value'):
        decorrelation_s([[]], 1)


def test_one_change_in_a_drive_is_remembered_for_a_quarter_of_it() -> None:
    change = [math.copysign(1, k - 49.5) for k in range(100)]
    # (100 - 3 k) / (100 - k) is below 1 / e from k = 25 on
    assert decorrelation_s([change], .1) == pytest.approx(2.5)


def test_short_drives_do_not_end_the_search() -> None:
    long = remembering(1, 4000, .95)
    assert decorrelation_s([[0., 1.], long], 1) > 10
