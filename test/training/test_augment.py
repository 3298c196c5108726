# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
from dataclasses import fields

from bdl_perception.datasets.base import canonical_depth, TrainingSample
from bdl_perception.perception.data_types import IGNORE
from bdl_perception.training.augment import (
    augment,
    AugmentConfig,
    crop_and_resize,
    fit_to_size,
    flip_horizontal,
)
from hypothesis import given
from hypothesis import strategies as st
import numpy as np
import pytest

HEIGHT, WIDTH, FX = 24, 40, 30.
OFF = AugmentConfig(flip=0, zoom=1, exposure=0, contrast=0, saturation=0, tint=0, noise=0, blur=0,
                    jpeg=0)


def _sample(seed=0):
    rng = np.random.default_rng(seed)
    depth = rng.choice([2., 7., 31., np.nan, np.inf], (HEIGHT, WIDTH)).astype(np.float32)
    classes = rng.choice([0, 3, 8, IGNORE], (HEIGHT, WIDTH)).astype(np.uint8)
    rgb = rng.integers(0, 256, (HEIGHT, WIDTH, 3), dtype=np.uint8)
    return TrainingSample(rgb, depth, classes, FX)


def test_with_everything_off_nothing_changes():
    before = _sample()
    after = augment(before, np.random.default_rng(0), OFF, HEIGHT, WIDTH)
    np.testing.assert_array_equal(after.rgb, before.rgb)
    np.testing.assert_array_equal(after.depth, before.depth)
    np.testing.assert_array_equal(after.classes, before.classes)
    assert after.fx == before.fx


@given(st.integers(0, 2**31))
def test_labels_and_depths_are_never_interpolated(seed):
    before = _sample()
    after = augment(before, np.random.default_rng(seed), AugmentConfig(), HEIGHT, WIDTH)
    assert {*after.classes.flat} <= {*before.classes.flat}
    known = after.depth[np.isfinite(after.depth)]
    assert {*known.tolist()} <= {2., 7., 31.}
    assert after.rgb.shape == before.rgb.shape and after.rgb.dtype == np.uint8


def test_a_flip_mirrors_frame_and_truth_alike():
    before, after = _sample(), flip_horizontal(_sample())
    for name in ('rgb', 'depth', 'classes'):
        np.testing.assert_array_equal(getattr(after, name)[:, 3], getattr(before, name)[:, -4])


@given(st.floats(1, 2), st.floats(0, 1), st.floats(0, 1))
def test_depth_and_size_stay_consistent_after_a_zoom(factor, across, down):
    # A wall of known width: pixels across = fx * width / depth before and after.
    columns = np.arange(WIDTH)
    depth = np.broadcast_to(np.float32(12), (HEIGHT, WIDTH)).copy()
    classes = np.broadcast_to((columns % 2).astype(np.uint8), (HEIGHT, WIDTH)).copy()
    before = TrainingSample(np.zeros((HEIGHT, WIDTH, 3), np.uint8), depth, classes, FX)
    sample = crop_and_resize(before, factor, across, down, HEIGHT, WIDTH)
    part = round(WIDTH / factor)
    assert sample.fx == pytest.approx(FX * WIDTH / part)
    assert (sample.depth == 12).all()
    edges_before, edges_after = part - 1, (np.diff(sample.classes[0].astype(int)) != 0).sum()
    assert edges_after == edges_before  # each column of the part is there, larger


def test_zoom_keeps_rgb_and_truth_aligned():
    columns = np.tile(np.arange(0, 250, 5, dtype=np.uint8), (20, 1))
    rgb = np.stack([columns] * 3, axis=-1)
    sample = TrainingSample(rgb, columns.astype(np.float32), columns, FX)
    zooms = (crop_and_resize(sample, factor, .5, .5, *columns.shape)
             for factor in np.linspace(1, 1.5, 51))
    off_px = [np.mean(after.depth - after.rgb[..., 0]) / 5 for after in zooms]
    # where two pixels are as near the later one is taken, so a single zoom is off by up to .16
    assert np.mean(off_px) == pytest.approx(0, abs=.05) and max(np.abs(off_px)) < .2


def test_zoom_crops_at_the_given_position():
    before = _sample()
    corner = crop_and_resize(before, 2., 0., 0., HEIGHT, WIDTH)
    np.testing.assert_array_equal(corner.classes[::2, ::2], before.classes[:12, :20])
    corner = crop_and_resize(before, 2., 1., 1., HEIGHT, WIDTH)
    np.testing.assert_array_equal(corner.classes[::2, ::2], before.classes[12:, 20:])


def test_zoom_divides_canonical_depth_by_its_factor():
    sample = TrainingSample(np.zeros((HEIGHT, WIDTH, 3), np.uint8),
                            np.full((HEIGHT, WIDTH), 10, np.float32),
                            np.zeros((HEIGHT, WIDTH), np.uint8), FX)
    before = canonical_depth(sample, 60., 100.)
    after = canonical_depth(crop_and_resize(sample, 2., .5, .5, *sample.depth.shape), 60., 100.)
    assert before[0, 0] == pytest.approx(20)
    assert after[0, 0] == pytest.approx(10)


@pytest.mark.parametrize('name', ['exposure', 'contrast', 'saturation', 'tint', 'noise', 'blur',
                                  'jpeg'])
def test_each_colour_change_alters_rgb_only(name):
    values = {entry.name: getattr(OFF, entry.name) for entry in fields(OFF)}
    config = AugmentConfig(**{**values, name: 1 if name != 'noise' else 20})
    before = _sample()
    after = augment(before, np.random.default_rng(1), config, HEIGHT, WIDTH)
    assert (after.rgb != before.rgb).mean() > .1
    np.testing.assert_array_equal(after.depth, before.depth)
    np.testing.assert_array_equal(after.classes, before.classes)


def test_changes_are_too_mild_to_imitate_night():
    grey = TrainingSample(np.full((HEIGHT, WIDTH, 3), 128, np.uint8), _sample().depth,
                          _sample().classes, FX)
    means = [augment(grey, np.random.default_rng(seed), AugmentConfig(), HEIGHT, WIDTH)
             .rgb.mean() for seed in range(200)]
    assert min(means) > 80 and max(means) < 180


def test_saturation_zero_point_is_grey():
    # Saturation 0 gives the luma of an image; a half gives the mean of both.
    values = {entry.name: getattr(OFF, entry.name) for entry in fields(OFF)}
    before = _sample()
    rng = np.random.default_rng(5)
    after = augment(before, rng, AugmentConfig(**{**values, 'saturation': 1.}), HEIGHT, WIDTH)
    luma = before.rgb @ np.array([.299, .587, .114])
    shift = after.rgb.astype(float) - before.rgb
    toward = before.rgb - luma[..., None]
    inside = (after.rgb > 2) & (after.rgb < 253) & (abs(toward) > 20)
    factors = shift[inside] / toward[inside]
    assert factors.std() < .05 and abs(factors.mean()) > .05


@pytest.mark.parametrize('change', [{'flip': 2}, {'zoom': .5}, {'noise': -1}, {'tint': -1},
                                    {'jpeg': float('nan')}])
def test_impossible_changes_are_rejected_by_name(change):
    with pytest.raises(ValueError, match=next(iter(change))):
        AugmentConfig(**change)


def _tall_sample(depth):
    """Rows and columns are numbered in the colours; 20 x 20 px."""
    rows, columns = np.mgrid[:20, :20]
    rgb = np.stack([rows * 10, columns * 10, 0 * rows], axis=2).astype(np.uint8)
    return TrainingSample(rgb, np.full((20, 20), depth, np.float32), rows.astype(np.uint8), 30.)


def test_a_sample_with_depth_is_cropped():
    sample = fit_to_size(_tall_sample(5.), 10, 20)
    assert sample.rgb.shape == (10, 20, 3) and sample.fx == 30
    assert sample.classes[:, 0].tolist() == list(range(5, 15))


def test_a_sample_without_depth_is_squeezed():
    sample = fit_to_size(_tall_sample(np.nan), 10, 20)
    assert sample.classes[:, 0].tolist() == list(range(1, 20, 2))


def test_a_sample_of_the_right_size_is_unchanged():
    sample = _tall_sample(5.)
    assert fit_to_size(sample, 20, 20) is sample


@given(st.integers(0, 10000))
def test_depth_is_never_squeezed(seed):
    sample = augment(_tall_sample(5.), np.random.default_rng(seed),
                     AugmentConfig(zoom=1.5, jpeg=0, flip=0), 10, 20)
    columns = 30 * 20 / sample.fx  # of the original frame
    rows = sample.classes[-1, 0].astype(int) - sample.classes[0, 0] + 1
    assert rows == pytest.approx(columns / 2, abs=2)
