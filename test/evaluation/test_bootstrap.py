# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""Draws of whole drives are what plain repetition of their frames would give."""
from bdl_perception.evaluation import bootstrap
from bdl_perception.evaluation.bootstrap import draw
from bdl_perception.evaluation.bootstrap import drive_weights
from bdl_perception.evaluation.bootstrap import interval
from bdl_perception.evaluation.ood import separation
import numpy as np
import pytest


def drives(rng: np.random.Generator, count: int, above: int) -> list[list[float]]:
    return [rng.integers(above, above + 6, rng.integers(1, 5)).tolist() for _ in range(count)]


@pytest.mark.parametrize('seed', range(5))
def test_a_draw_is_a_separation_with_drives_repeated(
        seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bootstrap, 'BATCH', 7)
    rng = np.random.default_rng(seed)
    nominal, strange = drives(rng, 5, 0), drives(rng, 3, 2)
    weights = [drive_weights(name, count, 0, 20) for name, count in (('a', 5), ('b', 3))]
    found = draw(nominal, strange, *weights)
    for row in range(20):
        sides = [[score for drive, times in zip(side, own[row], strict=True)
                  for score in drive * int(times)]
                 for side, own in zip((nominal, strange), weights, strict=True)]
        wanted = separation(*sides)
        assert [part[row] for part in found] == pytest.approx(list(wanted[:3]))


def test_weights_draw_as_many_drives_as_there_are_and_hang_on_name_and_seed_only() -> None:
    weights = drive_weights('night', 8, 0)
    assert weights.shape == (1000, 8) and (weights.sum(1) == 8).all()
    assert (weights == drive_weights('night', 8, 0)).all()
    assert (weights != drive_weights('fog', 8, 0)).any()
    assert (weights != drive_weights('night', 8, 1)).any()
    assert weights.mean(0) == pytest.approx(1, abs=.12)


def test_an_interval_is_the_middle_of_the_draws() -> None:
    assert interval(np.arange(1001.)) == (25., 975.)


def test_frames_that_agree_within_a_drive_do_not_make_the_interval_narrower() -> None:
    rng = np.random.default_rng(0)
    levels, strange = rng.normal(0, 1, 10), [[v] for v in rng.normal(1, 1, 10)]
    weights = [drive_weights(name, 10, 0) for name in 'ab']
    once, often = (draw([[v] * n for v in levels], strange, *weights).auroc for n in (1, 50))
    assert interval(once) == pytest.approx(interval(often))
