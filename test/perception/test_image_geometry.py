# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""Fitted images and cameras against projected points and images of coordinates."""
from bdl_perception.perception.data_types import check_field_of_view, PinholeCamera
from bdl_perception.perception.image_geometry import (
    fit_image,
    FIT_MODES,
    ImageFit,
    mean_luma,
)
from hypothesis import given
from hypothesis import strategies as st
import numpy as np
import pytest

sizes = st.one_of(st.integers(1, 12), st.integers(13, 2500))
modes = st.sampled_from(FIT_MODES)


def project(camera, point):
    """Pinhole projection written out; x right, y down, z forward."""
    x, y, z = point
    return np.array([camera.fx * x / z + camera.cx, camera.fy * y / z + camera.cy])


def move_pixel(fit, pixel):
    """Edge coordinates (0 at the left border of the image) scale; centres are offset by 0.5."""
    edge = np.asarray(pixel) + .5
    scale = np.array([fit.output_width / fit.crop_width, fit.output_height / fit.crop_height])
    return (edge - [fit.left, fit.top]) * scale - .5


@given(sizes, sizes, st.integers(1, 400), st.integers(1, 400), modes,
       st.tuples(st.floats(-9, 9), st.floats(-9, 9), st.floats(.5, 90)))
def test_the_fitted_camera_projects_to_the_moved_pixel(w, h, ow, oh, mode, point):
    camera = PinholeCamera(w, h, fx=.8 * w, fy=.9 * w, cx=.47 * w, cy=.55 * h)
    fit = fit_image(w, h, ow, oh, mode)
    after = fit.transform_camera(camera)
    assert (after.width, after.height) == (ow, oh)
    np.testing.assert_allclose(project(after, point), move_pixel(fit, project(camera, point)),
                               rtol=1e-9, atol=1e-6)


@pytest.mark.parametrize('mode', FIT_MODES)
@pytest.mark.parametrize('source', [(640, 480), (1920, 1080), (300, 900), (320, 192), (100, 60)])
def test_the_fitted_camera_agrees_with_the_resized_pixels(source, mode):
    """The grey level is the source column, so a fitted pixel shows its origin."""
    width, height = source
    columns = np.linspace(0, 255, width)
    rgb = np.repeat(np.repeat(columns[None, :, None], height, 0), 3, 2).round().astype(np.uint8)
    fit = fit_image(width, height, 320, 192, mode)
    fitted = fit.apply(rgb)
    for u in (20, 160, 300):
        column = fitted[96, u, 0] / 255 * (width - 1)  # px of the source
        assert move_pixel(fit, (column, 0))[0] == pytest.approx(u, abs=320 / 255 + .5)


@pytest.mark.parametrize('mode', FIT_MODES)
def test_halving_an_image_averages_two_by_two(mode):
    rgb = np.random.default_rng(1).integers(0, 256, (48, 80, 3)).astype(np.uint8)
    mean = rgb.reshape(24, 2, 40, 2, 3).mean(axis=(1, 3))
    assert np.abs(fit_image(80, 48, 40, 24, mode).apply(rgb) - mean).max() <= .5


def test_a_shrinking_axis_is_averaged_while_the_other_grows():
    """Stripes one pixel wide would alias to bands if the shrinking axis were interpolated."""
    rgb = np.zeros((10, 412, 3), np.uint8)
    rgb[:, ::2] = 200
    fitted = fit_image(412, 10, 40, 24, 'stretch').apply(rgb)
    assert np.abs(fitted.astype(int) - 100).max() <= 10  # 10.3 stripes fall in a pixel


def test_a_growing_image_is_interpolated_between_pixel_centres():
    ramp = np.arange(0, 200, 10, dtype=np.uint8)[None, :, None].repeat(12, 0).repeat(3, 2)
    fitted = fit_image(20, 12, 40, 24).apply(ramp)
    expected = np.clip(((np.arange(40) + .5) / 2 - .5) * 10, 0, 190)
    assert np.abs(fitted[5, :, 1] - expected).max() <= .5


@given(sizes, sizes)
def test_a_crop_is_the_largest_centred_rectangle_of_the_aspect_ratio(w, h):
    fit = fit_image(w, h, 320, 192)
    assert fit.crop_width == w or fit.crop_height == h
    assert abs(fit.crop_width * 192 - fit.crop_height * 320) <= 320 * .5 + 192
    assert abs(2 * fit.left + fit.crop_width - w) <= 1
    assert abs(2 * fit.top + fit.crop_height - h) <= 1


def test_a_stretch_uses_every_pixel():
    assert fit_image(640, 480, 320, 192, 'stretch') == ImageFit(640, 480, 0, 0, 640, 480, 320, 192)


@given(st.integers(1, 90), st.integers(1, 90), modes)
def test_every_image_is_fitted_to_a_contiguous_input(w, h, mode):
    rgb = np.full((h, w, 3), 7, np.uint8)
    fitted = fit_image(w, h, 40, 24, mode).apply(rgb)
    assert fitted.shape == (24, 40, 3) and fitted.dtype == np.uint8
    assert fitted.flags.c_contiguous and (fitted == 7).all()


def test_a_row_padded_image_is_read_by_its_rows():
    padded = np.zeros((24, 44, 3), np.uint8)
    padded[:, :40] = 9
    fitted = fit_image(40, 24, 40, 24).apply(padded[:, :40])
    assert fitted.flags.c_contiguous and (fitted == 9).all()


def test_a_camera_info_of_another_size_is_an_error():
    camera = PinholeCamera(1280, 960, 900, 900, 640, 480)
    with pytest.raises(ValueError, match='camera_info is for 1280x960 px.*640x480'):
        fit_image(640, 480, 320, 192).transform_camera(camera)


# 500 tan(70 deg) / tan(70 deg): 10 degrees are 5715 px, 140 degrees are 182 px at 1000 px
@pytest.mark.parametrize('focal_px', [5715, 1000, 500, 318.3, 182])
def test_focal_lengths_of_lenses_are_accepted(focal_px):
    check_field_of_view(focal_px, 1000)


@pytest.mark.parametrize('focal_px, degrees', [
    (1e-6, '180'), (50, '168.6'), (181, '140.2'), (5720, '9.991'), (10000, '5.725'), (1e9, '')])
def test_focal_lengths_of_no_lens_are_an_error(focal_px, degrees):
    with pytest.raises(ValueError, match=f'a field of view of {degrees}.* must be 10 to 140'):
        check_field_of_view(focal_px, 1000)


def test_an_image_of_another_size_is_an_error():
    with pytest.raises(ValueError, match='is 10x20 px.*640x480'):
        fit_image(640, 480, 320, 192).apply(np.zeros((20, 10, 3), np.uint8))


def test_an_unknown_fit_mode_lists_the_known_ones():
    with pytest.raises(ValueError, match="'letterbox'.*crop, stretch"):
        fit_image(640, 480, 320, 192, 'letterbox')


@pytest.mark.parametrize('rectangle', [(-1, 0, 4, 4), (0, 5, 4, 4), (7, 0, 4, 4), (0, 0, 0, 4)])
def test_a_rectangle_outside_the_source_is_an_error(rectangle):
    with pytest.raises(ValueError):
        ImageFit(10, 8, *rectangle, 4, 4)


def test_mean_luma_matches_the_weights_of_bt_601() -> None:
    image = np.zeros((2, 2, 3), np.uint8)
    for channel, weight in enumerate((.299, .587, .114)):
        one = image.copy()
        one[..., channel] = 255
        assert mean_luma(one) == pytest.approx(weight)
    image[0] = 255
    assert mean_luma(image) == pytest.approx(.5)
