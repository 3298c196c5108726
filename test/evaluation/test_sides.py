# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
from bdl_perception.evaluation.sides import alarm_set
from bdl_perception.evaluation.sides import by_rank
from bdl_perception.evaluation.sides import one_sided
from bdl_perception.evaluation.sides import two_sided
import pytest
from records import fake_calibration


@pytest.mark.parametrize(('score', 'one', 'two'), [
    (0, 0, .5), (1, 0, 0), (2, .25, 0), (2.5, .5, 0), (9, .75, .5)])
def test_ranks_by_hand(score: float, one: float, two: float) -> None:
    assert one_sided((1, 2, 3), score) == one
    assert two_sided((1, 2, 3), score) == two


def test_only_two_sided_finds_what_is_too_low() -> None:
    ranks = by_rank(fake_calibration(), 'feature', [.5, -1.])
    assert ranks['one-sided'][1] < ranks['one-sided'][0]
    assert ranks['two-sided'][1] > ranks['two-sided'][0]


def test_what_is_above_every_calibration_score_is_as_strange_as_what_is_below() -> None:
    ranks = by_rank(fake_calibration(), 'feature', [-1., 0., .001, .5, .999, 2.])['two-sided']
    assert ranks[0] == ranks[-1] == max(ranks) == pytest.approx(1 - 2 / 1001)
    assert ranks[3] == min(ranks)


def test_the_alarm_set_is_as_strange_as_its_strangest_score() -> None:
    values = {'feature': 5., 'epistemic_depth': .5, 'softmax': 9.}
    assert alarm_set(fake_calibration(), values) == pytest.approx(1 - 2 / 1001)
    assert alarm_set(fake_calibration(), {**values, 'feature': .5}) < .1
