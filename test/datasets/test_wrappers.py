# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""Tests."""
from bdl_perception.datasets.base import TrainingSample
from bdl_perception.datasets.wrappers import (
    ConcatDataset,
    InMemoryDataset,
    resize_sample,
    ResizedDataset,
    Subset,
)
import numpy as np
import pytest


def test_a_subset_has_the_order_of_its_indices():
    chosen = Subset('abcd', [3, 0, 3])
    assert len(chosen) == 3 and [chosen[k] for k in range(3)] == ['d', 'a', 'd']
    with pytest.raises(IndexError):
        chosen[3]


def _set(*numbers):
    return [TrainingSample(np.full((2, 2, 3), k, np.uint8), np.full((2, 2), k, np.float32),
                           np.full((2, 2), k, np.uint8), 50. + k) for k in numbers]


def _numbers(data):
    return [int(data[k].classes[0, 0]) for k in range(len(data))]


def test_one_set_follows_the_other():
    assert _numbers(ConcatDataset([_set(1, 2), _set(3), _set(4, 5)])) == [1, 2, 3, 4, 5]


def test_a_set_counts_as_often_as_it_is_repeated():
    assert _numbers(ConcatDataset([_set(1, 2), _set(3)], [2, 3])) == [1, 2, 1, 2, 3, 3, 3]


def test_a_mixture_can_be_mixed_again_and_stored_in_memory():
    again = ConcatDataset([ConcatDataset([_set(1), _set(2)], [1, 2]), _set(3)], [2, 1])
    assert _numbers(InMemoryDataset(again, 'reading')) == [1, 2, 2, 1, 2, 2, 3]


def test_an_empty_set_takes_no_place():
    assert _numbers(ConcatDataset([_set(), _set(1), _set(), _set(2)])) == [1, 2]


@pytest.mark.parametrize('index', [-1, 3])
def test_there_is_nothing_beyond_the_ends(index):
    with pytest.raises(IndexError, match=f'{index} of 3'):
        ConcatDataset([_set(1), _set(2, 3)])[index]


@pytest.mark.parametrize(('sets', 'repeats'), [
    ([], None), ([_set(1)], [1, 1]), ([_set(1), _set(2)], [1]), ([_set(1)], [0])])
def test_a_senseless_mixture_is_refused(sets, repeats):
    with pytest.raises(ValueError, match='must be'):
        ConcatDataset(sets, repeats)


def _columns(*values, height=2, fx=100.):
    """Make a sample whose columns hold the values, in colour, depth and classes."""
    row = np.broadcast_to(np.array(values), (height, len(values)))
    rgb = np.repeat(row[..., None], 3, axis=-1).astype(np.uint8)
    return TrainingSample(rgb, row.astype(np.float32), row.astype(np.uint8), fx)


def test_a_wider_image_is_cropped_at_its_sides():
    found = resize_sample(_columns(1, 2, 3, 4, 5, 6), 2, 4)
    for part in (found.rgb[..., 1], found.depth, found.classes):
        np.testing.assert_array_equal(part, [[2, 3, 4, 5]] * 2)
    assert found.fx == 100


def test_a_higher_image_loses_its_top_and_bottom():
    tall = _columns(1, 2, height=4)
    tall.depth[:] = np.array([[1], [2], [3], [4]])
    np.testing.assert_array_equal(resize_sample(tall, 2, 2).depth, [[2, 2], [3, 3]])


def test_depths_and_classes_are_not_interpolated():
    found = resize_sample(_columns(9, 10, 10, 20, 20, 30, 30, 9, height=4), 2, 3)
    assert {*found.depth.flat} <= {10, 20, 30} and {*found.classes.flat} <= {10, 20, 30}
    assert found.rgb.shape == (2, 3, 3) and found.fx == 50


def test_a_stretched_image_keeps_its_sides():
    found = resize_sample(_columns(1, 1, 7, 7), 2, 2, 'stretch')
    np.testing.assert_array_equal(found.depth, [[1, 7]] * 2)
    assert found.fx == 50


def test_a_image_of_the_right_size_is_left_alone():
    sample = _columns(1, 2, 3)
    assert resize_sample(sample, 2, 3) is sample


def test_a_resized_set_is_as_long_and_gives_each_at_the_size():
    data = ResizedDataset([_columns(1, 2, 3, 4), _columns(5, 5, height=8, fx=10.)], 2, 2)
    assert len(data) == 2
    assert [data[k].classes.tolist() for k in (0, 1)] == [[[2, 3]] * 2, [[5, 5]] * 2]
    assert [data[k].fx for k in (0, 1)] == pytest.approx([100, 10])


def test_truth_stays_in_place_against_the_image():
    columns = np.tile(np.arange(60, dtype=np.uint8), (40, 1))
    rgb = np.stack([columns] * 3, axis=-1)
    sample = TrainingSample(rgb, columns.astype(np.float32), columns, 100.)
    found = resize_sample(sample, 26, 39)
    assert np.mean(found.depth - found.rgb[..., 0]) == pytest.approx(0, abs=.05)
    assert np.mean(found.classes.astype(float) - found.rgb[..., 0]) == pytest.approx(0, abs=.05)
