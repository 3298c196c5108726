# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
from bdl_perception.datasets.base import canonical_depth, DatasetError, TrainingSample
from bdl_perception.datasets.wrappers import InMemoryDataset, memory_bytes
import numpy as np
import pytest


def _sample(depth, fx=100., rgb=None, classes=None):
    depth = np.asarray(depth, np.float32)
    rgb = np.zeros((*depth.shape, 3), np.uint8) if rgb is None else rgb
    classes = np.zeros(depth.shape, np.uint8) if classes is None else classes
    return TrainingSample(rgb, depth, classes, fx)


def test_canonical_depth_follows_the_focal_length():
    depth = canonical_depth(_sample([[10, 40, 60, np.inf, np.nan, -3, 0]]), 200., 100.)
    np.testing.assert_array_equal(depth, np.float32([[20, 80] + 5 * [np.nan]]))


def test_canonical_depth_leaves_the_sample_as_it_is():
    sample = _sample([[10., 900.]])
    canonical_depth(sample, 200., 100.)
    np.testing.assert_array_equal(sample.depth, [[10, 900]])


@pytest.mark.parametrize('parts', [
    {'rgb': np.zeros((2, 2), np.uint8)}, {'rgb': np.zeros((2, 2, 3), np.float32)},
    {'rgb': np.zeros((3, 2, 3), np.uint8)}, {'classes': np.zeros((2, 3), np.uint8)},
    {'fx': 0.}, {'fx': float('nan')}])
def test_parts_that_do_not_belong_together_are_no_sample(parts):
    with pytest.raises(DatasetError):
        _sample(np.ones((2, 2)), **parts)


def test_memory_gives_back_what_it_was_given():
    rng = np.random.default_rng(0)
    samples = [_sample(rng.uniform(1, 200, (4, 6)), fx=90. + k,
                       rgb=rng.integers(0, 256, (4, 6, 3), dtype=np.uint8),
                       classes=rng.integers(0, 11, (4, 6), dtype=np.uint8)) for k in range(3)]
    samples[1].depth[0, :2] = np.nan, np.inf
    memory = InMemoryDataset(samples, 'reading')
    assert len(memory) == 3
    for index, sample in enumerate(samples):
        found = memory[index]
        np.testing.assert_array_equal(found.rgb, sample.rgb)
        np.testing.assert_array_equal(found.classes, sample.classes)
        np.testing.assert_allclose(found.depth, sample.depth, rtol=1e-3)
        assert found.fx == sample.fx


def test_what_memory_will_hold_is_known_before():
    assert memory_bytes([_sample(np.ones((192, 320)))] * 2) == 2 * 368_640
    memory = InMemoryDataset([_sample(np.ones((4, 6)))] * 5, 'reading')
    held = sum(part.nbytes for part in (memory._rgb, memory._depth, memory._classes))
    assert held == memory_bytes(memory)


def test_memory_refuses_sets_of_several_sizes():
    with pytest.raises(DatasetError, match=r'sample 1 is \(1, 3\) px, the first is \(4, 3\)'):
        InMemoryDataset([_sample(np.ones((4, 3))), _sample(np.ones((1, 3)))], 'reading')
