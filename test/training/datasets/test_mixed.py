# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
from bdl_perception.training.datasets import Sample
from bdl_perception.training.datasets.memory import InMemory
from bdl_perception.training.datasets.mixed import Mixed
import numpy as np
import pytest


def _set(*numbers):
    return [Sample(np.full((2, 2, 3), k, np.uint8), np.full((2, 2), k, np.float32),
                   np.full((2, 2), k, np.uint8), 50. + k) for k in numbers]


def _numbers(data):
    return [int(data[k].classes[0, 0]) for k in range(len(data))]


def test_one_set_follows_the_other():
    assert _numbers(Mixed([_set(1, 2), _set(3), _set(4, 5)])) == [1, 2, 3, 4, 5]


def test_a_set_counts_as_often_as_it_is_repeated():
    assert _numbers(Mixed([_set(1, 2), _set(3)], [2, 3])) == [1, 2, 1, 2, 3, 3, 3]


def test_a_mixture_can_be_mixed_again_and_kept_in_memory():
    again = Mixed([Mixed([_set(1), _set(2)], [1, 2]), _set(3)], [2, 1])
    assert _numbers(InMemory(again, 'reading')) == [1, 2, 2, 1, 2, 2, 3]


def test_an_empty_set_takes_no_place():
    assert _numbers(Mixed([_set(), _set(1), _set(), _set(2)])) == [1, 2]


@pytest.mark.parametrize('index', [-1, 3])
def test_there_is_nothing_beyond_the_ends(index):
    with pytest.raises(IndexError, match=f'{index} of 3'):
        Mixed([_set(1), _set(2, 3)])[index]


@pytest.mark.parametrize(('sets', 'repeats'), [
    ([], None), ([_set(1)], [1, 1]), ([_set(1), _set(2)], [1]), ([_set(1)], [0])])
def test_a_senseless_mixture_is_refused(sets, repeats):
    with pytest.raises(ValueError, match='must be'):
        Mixed(sets, repeats)
