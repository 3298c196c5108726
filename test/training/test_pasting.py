# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
from dataclasses import replace

from bdl_perception.datasets.base import canonical_depth, TrainingSample
from bdl_perception.perception.data_types import CLASS_NAMES, IGNORE
from bdl_perception.training.augment import AugmentConfig
from bdl_perception.training.pasting import paste_known, paste_objects, paste_unknown
from hypothesis import given
from hypothesis import strategies as st
import numpy as np

HEIGHT, WIDTH = 48, 80
ROAD, PEDESTRIAN = CLASS_NAMES.index('road'), CLASS_NAMES.index('pedestrian')
SEEDS = st.integers(0, 2**31)


def _road(value=90, fx=60.):
    """Return a frame of one colour that shows a road 10 m away and nothing else."""
    shape = HEIGHT, WIDTH
    return TrainingSample(np.full((*shape, 3), value, np.uint8), np.full(shape, 10, np.float32),
                          np.full(shape, ROAD, np.uint8), fx)


def _pedestrians(fx=120.):
    """Return a frame with a pedestrian of 160 px, 8 m away, and a far one of four px."""
    sample = _road(200, fx)
    for part, depth in ((np.s_[10:30, 40:48], 8.), (np.s_[2:4, 2:4], 80.)):
        sample.classes[part], sample.depth[part] = PEDESTRIAN, depth
        sample.rgb[part] = 20
    return sample


def _until_pasted(donor, target):
    """Paste until the random class is one that the donor shows."""
    for seed in range(100):
        pasted = paste_known(target, donor, np.random.default_rng(seed))
        if pasted is not target:
            return pasted
    raise AssertionError('nothing was pasted')


def test_a_known_object_brings_its_class_and_its_pixels_and_small_ones_are_left_out():
    pasted = _until_pasted(_pedestrians(), _road())
    expected = np.full((HEIGHT, WIDTH), ROAD)
    expected[10:30, 40:48] = PEDESTRIAN
    np.testing.assert_array_equal(pasted.classes, expected)
    assert (pasted.rgb[12:28, 42:46] == 20).all()
    assert (pasted.rgb[35:] == 90).all()
    assert pasted.anomalies is None


def test_a_known_object_keeps_the_depth_that_its_size_in_the_image_determines():
    donor, target = _pedestrians(fx=120.), _road(fx=60.)
    pasted = _until_pasted(donor, target)
    assert pasted.depth[20, 44] == 4.  # half the focal length, the same size: half the distance
    assert canonical_depth(pasted, 50, 100)[20, 44] == canonical_depth(donor, 50, 100)[20, 44]
    assert pasted.depth[40, 44] == 10.


@given(SEEDS)
def test_exactly_the_pixels_of_an_unknown_object_lose_their_truth(seed):
    before = _road()
    after = paste_unknown(before, _pedestrians().rgb, np.random.default_rng(seed))
    unknown = after.anomalies == 1
    np.testing.assert_array_equal(after.classes, np.where(unknown, IGNORE, ROAD))
    np.testing.assert_array_equal(np.isnan(after.depth), unknown)
    assert (before.classes == ROAD).all() and (before.rgb == 90).all()


@given(SEEDS)
def test_an_image_changes_only_at_an_unknown_object_and_its_soft_edge(seed):
    after = paste_unknown(_road(), _pedestrians().rgb, np.random.default_rng(seed))
    rows, columns = np.nonzero(after.anomalies)
    changed = (after.rgb != 90).any(2)
    for row, column in np.argwhere(changed):
        assert np.hypot(rows - row, columns - column).min() <= 5


def test_nearly_every_unknown_object_is_visible_and_they_differ_in_size():
    areas = [int(paste_unknown(_road(), _pedestrians().rgb, np.random.default_rng(seed)
                               ).anomalies.sum()) for seed in range(200)]
    assert np.mean(np.array(areas) > 0) > .8
    assert np.quantile(areas, .9) > 8 * max(1, np.quantile(areas, .3))


def test_objects_are_pasted_as_often_as_the_configuration_says():
    samples = [_road() for _ in range(2000)]
    config = AugmentConfig(outliers=.3)
    pasted = paste_objects(samples, np.random.default_rng(0), config)
    share = np.mean([sample.anomalies is not None for sample in pasted])
    assert abs(share - .3) < .05


def test_without_a_probability_no_sample_changes_and_no_random_number_is_drawn():
    rng, samples = np.random.default_rng(0), [_road(), _pedestrians()]
    pasted = paste_objects(samples, rng, AugmentConfig())
    assert all(one is other for one, other in zip(pasted, samples, strict=True))
    assert rng.random() == np.random.default_rng(0).random()


def test_a_frame_without_classes_gets_unknown_objects_too():
    unlabelled = replace(_road(), classes=np.full((HEIGHT, WIDTH), IGNORE, np.uint8))
    found = [paste_unknown(unlabelled, _road(30).rgb, np.random.default_rng(seed)).anomalies
             for seed in range(20)]
    assert any(mask.any() for mask in found)
