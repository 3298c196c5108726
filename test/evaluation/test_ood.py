# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
from math import isnan
from math import nan

from bdl_perception.evaluation.ood import auroc
from bdl_perception.evaluation.ood import mean_ratio
from bdl_perception.evaluation.ood import separations
import pytest


def test_auroc_is_the_share_of_pairs_in_the_right_order() -> None:
    assert auroc([1, 2, 3], [2.5, 4]) == pytest.approx(5 / 6)
    assert auroc([1, 2], [1, 2]) == pytest.approx(.5)


def test_a_score_that_is_no_number_is_the_strangest() -> None:
    assert auroc([1, 2, 3], [nan, nan]) == 1
    assert auroc([nan], [5]) == 0
    assert auroc([nan], [nan]) == .5


def test_the_ratio_of_means_is_left_out_where_it_says_nothing() -> None:
    assert mean_ratio([1, 3], [2.5, 4]) == pytest.approx(1.625)
    assert isnan(mean_ratio([-4, -2], [-1]))


def test_every_score_is_compared() -> None:
    found = separations({'a': [1, 2], 'b': [1, 2]}, {'a': [3], 'b': [0]})
    assert (found['a'].auroc, found['b'].auroc) == (1, 0)
    assert found['a'].mean_ratio == 2
