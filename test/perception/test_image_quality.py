# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""Why an image cannot be used, and its statistics."""
import math

from bdl_perception.perception.camera_health import CameraHealth, HealthPolicy
from bdl_perception.perception.data_types import Bytes
from bdl_perception.perception.image_quality import find_quality_fault, measure_image
import cv2
import numpy as np
import pytest

HEIGHT, WIDTH = 384, 640  # px


def street(seed: int = 1) -> Bytes:
    """Draw shapes and texture with the contrast of a street by day."""
    rng = np.random.default_rng(seed)
    coarse = rng.integers(40, 200, (6, 10, 1)) + rng.integers(-20, 20, (6, 10, 3))
    image = cv2.resize(coarse.astype(np.float32), (WIDTH, HEIGHT), interpolation=cv2.INTER_CUBIC)
    for column in rng.integers(0, WIDTH - 20, 30):
        row, level = rng.integers(0, HEIGHT - 40), rng.integers(30, 220)
        image[row:row + 40, column:column + rng.integers(4, 20)] = level
    return as_image(image + rng.normal(0, 2, image.shape))


def as_image(values: object) -> Bytes:
    return np.clip(np.rint(np.asarray(values, np.float64)), 0, 255).astype(np.uint8)


def filled(rows: slice, columns: slice, level: int) -> Bytes:
    rgb = street()
    rgb[rows, columns] = level
    return rgb


def night() -> Bytes:
    """Draw a black road with lamps."""
    rgb = as_image(np.random.default_rng(0).normal(3, .7, (HEIGHT, WIDTH, 3)))
    rgb[100:130, 40:600:20] = 220
    rgb[250:330, 200:440] = as_image(street()[250:330, 200:440] / 3.)
    return rgb


NOISE = np.random.default_rng(2)
ALL, HALF_ROWS, HALF_COLUMNS = slice(None), HEIGHT // 2, WIDTH // 2
UNUSABLE: dict[str, tuple[str, Bytes]] = {
    'covered': ('no contrast', as_image(NOISE.integers(0, 9, (HEIGHT, WIDTH, 3)))),
    'grey cover': ('no contrast', as_image(NOISE.normal(90, 3, (HEIGHT, WIDTH, 3)))),
    'under 20 %': ('under-exposed', as_image(street() * .2)),
    'under 8 %': ('under-exposed', as_image(street() * .08)),
    'over 300 %': ('over-exposed', as_image(street() * 3.)),
    'over 600 %': ('over-exposed', as_image(street() * 6.)),
    'lower half black': ('lower half', filled(slice(HALF_ROWS, None), ALL, 0)),
    'lower half grey': ('lower half', filled(slice(HALF_ROWS, None), ALL, 128)),
    'left half black': ('left half', filled(ALL, slice(HALF_COLUMNS), 0)),
    'right half grey': ('right half', filled(ALL, slice(HALF_COLUMNS, None), 128)),
    'right half white': ('right half', filled(ALL, slice(HALF_COLUMNS, None), 255)),
    'upper half black': ('50% of the frame is black', filled(slice(HALF_ROWS), ALL, 0)),
    'a sixth black': ('of the frame is black', filled(slice(112, 272), slice(192, 448), 0)),
    'blur of 6 px': ('blurred', as_image(cv2.GaussianBlur(street(), (0, 0), 6))),
    'noise of 40 levels': ('noise', as_image(street() + NOISE.normal(0, 40, street().shape))),
    'random bytes': ('noise', NOISE.integers(0, 256, (HEIGHT, WIDTH, 3), np.uint8)),
    'green': ('green is', as_image(street() * [.6, 1.2, .6])),
    'magenta': ('green is', as_image(street() * [1.2, .5, 1.2])),
}
USABLE: dict[str, Bytes] = {
    'street': street(), 'another': street(2), 'half the light': as_image(street() * .5),
    'blur of 1 px': as_image(cv2.GaussianBlur(street(), (0, 0), 1)), 'night': night(),
    'white sky': filled(slice(HALF_ROWS), ALL, 255),
    'black bonnet': filled(slice(360, None), ALL, 5),
    'noise of 5 levels': as_image(street() + NOISE.normal(0, 5, street().shape)),
    'small': np.zeros((119, 640, 3), np.uint8),
}


@pytest.mark.parametrize('name', UNUSABLE)
def test_an_unusable_image_has_its_own_reason(name: str) -> None:
    reason, rgb = UNUSABLE[name]
    assert reason in find_quality_fault(rgb)


@pytest.mark.parametrize('name', [name for name in UNUSABLE if 'blur' not in name])
def test_the_reason_survives_jpeg(name: str) -> None:
    reason, rgb = UNUSABLE[name]
    stored = cv2.imencode('.jpg', rgb, [cv2.IMWRITE_JPEG_QUALITY, 90])[1]
    decoded = np.asarray(cv2.imdecode(stored, cv2.IMREAD_COLOR), np.uint8)
    assert reason.split()[0] in find_quality_fault(decoded)


@pytest.mark.parametrize('width', [640, 846, 854, 1280])
def test_a_half_is_lost_wherever_its_border_lies_in_a_cell(width: int) -> None:
    rgb = np.asarray(cv2.resize(street(), (width, 477)), np.uint8)
    below, beside = rgb.copy(), rgb.copy()
    below[239:], beside[:, width // 2:] = 128, 128
    assert 'lower half' in find_quality_fault(below)
    assert 'right half' in find_quality_fault(beside)


@pytest.mark.parametrize('name', USABLE)
def test_a_usable_image_has_no_fault(name: str) -> None:
    assert find_quality_fault(USABLE[name]) == ''


@pytest.mark.parametrize(('good_before', 'reported_at'), [(0, 2), (1, 3), (2, 2), (3, 3)])
def test_the_third_examined_unusable_frame_in_a_row_is_a_fault(good_before: int,
                                                               reported_at: int) -> None:
    health = CameraHealth()
    good = [street(seed) for seed in range(10, 10 + good_before)]
    dark = [as_image(street(seed) * .1) for seed in range(5)]
    found = [health.detect_faults(rgb) for rgb in (*good, *dark, street(20))][good_before:]
    assert [bool(faults) for faults in found] == [index >= reported_at
                                                  for index in range(5)] + [False]
    assert 'under-exposed' in found[reported_at][0]


def test_two_unusable_frames_are_no_fault() -> None:
    health = CameraHealth()
    dark = [as_image(street(seed) * .1) for seed in range(4)]
    frames = [*dark[:2], street(10), street(11), *dark[2:], street(12)]
    assert not any(health.detect_faults(rgb) for rgb in frames)


def test_a_policy_needs_at_least_one_unusable_frame() -> None:
    with pytest.raises(ValueError, match='unusable_after is 0'):
        HealthPolicy(unusable_after=0)


def test_the_statistics_of_a_hand_made_image() -> None:
    rgb = np.zeros((90, 100, 3), np.uint8)
    rgb[:30] = (100, 100, 200)  # blue sky
    rgb[30:] = 80
    rgb[60:] = (80, 80, 64)
    found = measure_image(rgb)
    luma = round(.299 * 100 + .587 * 100 + .114 * 200)
    assert (found.bright_level, found.middle_level, found.contrast) == (luma, 80, luma - 78)
    assert found.noise == 1  # at least; a flat image has none
    assert found.red_blue == pytest.approx((100 + 80 + 80) / (200 + 80 + 64))
    assert found.green == pytest.approx((100 + 160) / ((260 + 344) / 2))
    assert found.sky_red_blue == pytest.approx((100 / 200) / (80 / 64))


def test_swapped_channels_invert_the_ratios_of_red_and_blue() -> None:
    rgb = as_image(street() * [.8, 1., .6])
    right, swapped = measure_image(rgb), measure_image(np.ascontiguousarray(rgb[..., ::-1]))
    assert swapped.red_blue == pytest.approx(1 / right.red_blue)
    assert swapped.sky_red_blue == pytest.approx(1 / right.sky_red_blue)
    assert swapped.green == pytest.approx(right.green)


def test_each_statistic_follows_its_fault() -> None:
    nominal = measure_image(street())
    dark, noisy = measure_image(as_image(street() * .5)), measure_image(UNUSABLE[
        'noise of 40 levels'][1])
    blurred = measure_image(UNUSABLE['blur of 6 px'][1])
    assert dark.bright_level == pytest.approx(.5 * nominal.bright_level, abs=1)
    assert dark.contrast == pytest.approx(.5 * nominal.contrast, abs=1)
    assert blurred.detail < .5 * nominal.detail
    assert noisy.noise > 3 * nominal.noise


@pytest.mark.parametrize('level', [0, 255])
def test_the_statistics_of_a_blank_image_are_finite_and_positive(level: int) -> None:
    found = measure_image(np.full((1, 1, 3), level, np.uint8))
    assert all(0 < value < math.inf for value in vars(found).values())
