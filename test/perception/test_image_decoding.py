# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""The expected pixels come from the definitions of the encodings, not from a converter."""
import array
from types import SimpleNamespace

from bdl_perception.perception.image_decoding import (
    ENCODING_ALIASES,
    ENCODINGS,
    ImageDecoder,
    rgb_from_compressed,
    rgb_from_image,
)
import cv2
from hypothesis import given
from hypothesis import strategies as st
import numpy as np
import pytest

RGB = np.random.default_rng(5).integers(0, 256, (6, 8, 3), dtype=np.uint8)


def image(pixels, encoding, padding=0, big=False):
    """Pack pixels (H, W, C) row by row, with random bytes as padding."""
    height, width = pixels.shape[:2]
    ordered = pixels.astype(pixels.dtype.newbyteorder('>' if big else '<'))
    rows = [row.tobytes() + b'\xa5' * padding for row in ordered]
    return SimpleNamespace(height=height, width=width, encoding=encoding, is_bigendian=int(big),
                           step=len(rows[0]), data=array.array('B', b''.join(rows)))


def with_alpha(pixels):
    return np.concatenate([pixels, np.full_like(pixels[..., :1], 77)], axis=-1)


@pytest.mark.parametrize('padding', [0, 1, 64])
@pytest.mark.parametrize('encoding, pixels', [
    ('rgb8', RGB), ('bgr8', RGB[..., ::-1]), ('8UC3', RGB[..., ::-1]),
    ('rgba8', with_alpha(RGB)), ('bgra8', with_alpha(RGB[..., ::-1]))])
def test_colours_are_exact_for_any_channel_order_and_padding(encoding, pixels, padding):
    assert np.array_equal(rgb_from_image(image(pixels, encoding, padding)), RGB)


@pytest.mark.parametrize('driver, standard', [
    ('RGB8', 'rgb8'), ('MONO16', 'mono16'), ('BAYER_RGGB8', 'bayer_rggb8'), ('NV12', 'nv12'),
    ('NV21', 'nv21'), ('I420', 'i420'), ('UYVY', 'yuv422'), ('uyvy422', 'yuv422'),
    ('YUYV', 'yuv422_yuy2'), ('yuyv422', 'yuv422_yuy2'), ('YVYU', 'yvyu')])
def test_the_names_of_drivers_are_those_of_the_standard(driver, standard):
    data = np.random.default_rng(3).integers(0, 256, 12 * 8 * 2, dtype=np.uint8)
    message = SimpleNamespace(height=6, width=8, encoding=standard, is_bigendian=0,
                              step=24 if standard == 'rgb8' else 16, data=data)
    expected = rgb_from_image(message)
    message.encoding = driver
    assert np.array_equal(rgb_from_image(message), expected)


@pytest.mark.parametrize('encoding', ['mono8', '8UC1'])
def test_grey_becomes_three_equal_channels(encoding):
    grey = RGB[..., :1]
    assert np.array_equal(rgb_from_image(image(grey, encoding, 3)), np.repeat(grey, 3, axis=2))


@pytest.mark.parametrize('big', [False, True])
@pytest.mark.parametrize('encoding, order', [
    ('mono16', [0]), ('16UC1', [0]), ('rgb16', [0, 1, 2]), ('bgr16', [2, 1, 0])])
def test_16_bits_become_8_in_either_byte_order(encoding, order, big):
    wide = np.random.default_rng(2).integers(0, 2**16, (6, 8, 3), dtype=np.uint16)
    rgb = rgb_from_image(image(wide[..., order], encoding, 6, big)).astype(int)
    expected = wide[..., [0] * 3 if len(order) == 1 else [0, 1, 2]] / 257.0
    assert np.abs(rgb - expected).max() <= 1


@pytest.mark.parametrize('bits', [8, 16])
@pytest.mark.parametrize('order', ['rggb', 'bggr', 'gbrg', 'grbg'])
def test_a_bayer_mosaic_of_one_colour_gives_that_colour(order, bits):
    colour = {'r': 200, 'g': 90, 'b': 30}
    tile = np.array([colour[letter] for letter in order]).reshape(2, 2)
    mosaic = np.tile(tile, (4, 5))[..., None]  # (8, 10, 1)
    kind, scale = (np.uint8, 1) if bits == 8 else (np.uint16, 257)
    rgb = rgb_from_image(image((mosaic * scale).astype(kind), f'bayer_{order}{bits}', 4))
    assert np.abs(rgb[2:-2, 2:-2].astype(int) - (200, 90, 30)).max() <= (bits == 16)


def bt601(luma, blue, red):
    """Convert YUV to RGB by ITU-R BT.601 with 8-bit studio range."""
    scaled_luma = 255 / 219 * (luma - 16)
    return np.clip([scaled_luma + 1.596 * (red - 128),
                    scaled_luma - 0.392 * (blue - 128) - 0.813 * (red - 128),
                    scaled_luma + 2.017 * (blue - 128)], 0, 255)


@pytest.mark.parametrize('encoding, order', [
    ('yuv422', 'uyvy'), ('uyvy', 'uyvy'), ('yuv422_yuy2', 'yuyv'), ('yuyv', 'yuyv')])
def test_yuv422_follows_bt601_with_one_colour_per_pixel_pair(encoding, order):
    first, second, blue, red = 60, 180, 110, 150
    lumas = iter([first, second] * 12)
    quad = ''.join(order) * 12  # 4 rows of 6 px
    data = [{'u': blue, 'v': red}.get(letter) or next(lumas) for letter in quad]
    rgb = rgb_from_image(image(np.array(data, np.uint8).reshape(4, 6, 2), encoding, 8))
    assert np.abs(rgb[:, ::2] - bt601(first, blue, red)).max() <= 2
    assert np.abs(rgb[:, 1::2] - bt601(second, blue, red)).max() <= 2


ROWS = {'nv12': 2, 'nv21': 2, 'i420': 2, 'yv12': 2, 'nv16': 1, 'nv61': 1, 'yuv422p': 1}


def colour_planes(blue, red, encoding, padding):
    """Arrange the colour planes (H / ROWS, W / 2) as an encoding defines it."""
    first, second = (red, blue) if encoding in ('nv21', 'nv61', 'yv12') else (blue, red)
    if encoding.startswith('nv'):
        rows = np.stack([first, second], axis=-1).reshape(len(first), -1)
        return b''.join(row.tobytes() + b'\xa5' * padding for row in rows)
    return b''.join(row.tobytes() + b'\xa5' * (padding // 2)
                    for plane in (first, second) for row in plane)


@pytest.mark.parametrize('padding', [0, 10])
@pytest.mark.parametrize('encoding', ROWS)
def test_planar_yuv_follows_bt601_with_one_colour_per_block(encoding, padding):
    chance, rows = np.random.default_rng(3), ROWS[encoding]
    luma = chance.integers(16, 236, (4, 6)).astype(np.uint8)
    blue, red = (chance.integers(90, 160, (4 // rows, 3)).astype(np.uint8) for _ in range(2))
    message = image(luma[..., None], encoding, padding)
    message.data.frombytes(colour_planes(blue, red, encoding, padding))
    wide_blue, wide_red = (np.repeat(np.repeat(plane, rows, 0), 2, 1).astype(float)
                           for plane in (blue, red))
    expected = np.moveaxis(bt601(luma.astype(float), wide_blue, wide_red), 0, -1)
    assert np.abs(rgb_from_image(message) - expected).max() <= 2


@pytest.mark.parametrize('bits', [10, 12, 14, 16])
@pytest.mark.parametrize('name', ['mono', 'rgb', 'bayer_rggb'])
def test_values_in_the_low_bits_are_scaled_from_the_highest_value(name, bits):
    reports = list[str]()
    decoder = ImageDecoder(report=reports.append)
    channels = 3 if name == 'rgb' else 1
    for level, expected in ((2**bits - 1, 255), (2**bits // 2, 128)):  # the second: same scale
        pixels = np.full((4, 4, channels), level, np.uint16)
        rgb = decoder.decode(image(pixels, f'{name}16'))
        assert abs(int(rgb.min()) - expected) <= 1 and rgb.min() == rgb.max()
    assert len(reports) == (bits < 16) and all(f'{bits} of 16 bits' in one for one in reports)


def test_a_higher_value_corrects_the_scale_and_is_reported():
    reports = list[str]()
    decoder = ImageDecoder(report=reports.append)
    greys = [int(decoder.decode(image(np.full((2, 2, 1), value, np.uint16), 'mono16')).max())
             for value in (1023, 1024, 65535, 1023)]
    assert greys == [255, 64, 255, 4]
    assert [one.split('need ')[1][:2] for one in reports] == ['10', '12', '16']


def test_images_that_need_fewer_bits_than_before_keep_the_scale_and_are_reported_once():
    reports = list[str]()
    decoder = ImageDecoder(report=reports.append)
    for value, count in ((65535, 0), *[(4095, 0)] * 4, (65535, 0), *[(4095, 0)] * 4, (4095, 1),
                         *[(4095, 1)] * 9):
        rgb = decoder.decode(image(np.full((2, 2, 1), value, np.uint16), 'mono16'))
        assert rgb.max() == round(value / 257)
        assert len(reports) == count
    assert '12 of the 16 bits' in reports[0]


@pytest.mark.parametrize('bits', [10, 12, 14])
@pytest.mark.parametrize('name', ['mono', 'bayer_grbg'])
def test_an_encoding_that_names_its_bits_needs_no_guess(name, bits):
    pixels = np.full((4, 4, 1), 2**bits // 8, np.uint16)
    assert abs(int(rgb_from_image(image(pixels, f'{name}{bits}')).max()) - 32) <= 1


@pytest.mark.parametrize('order', ['rggb', 'bggr', 'gbrg', 'grbg'])
@pytest.mark.parametrize('bits', [8, 16])
def test_a_compressed_mosaic_gets_its_colour_from_the_format(order, bits):
    colour = {'r': 200, 'g': 90, 'b': 30}
    tile = np.array([colour[letter] for letter in order]).reshape(2, 2)
    mosaic = np.tile(tile, (4, 5)) * (1 if bits == 8 else 257)
    mosaic[0, 0] = mosaic[0, 0] if bits == 8 else 65535  # all of 16 bits are in use
    data = cv2.imencode('.png', mosaic.astype(f'u{bits // 8}'))[1].tobytes()
    rgb = rgb_from_compressed(SimpleNamespace(
        format=f'bayer_{order}{bits}; png compressed', data=data))
    assert np.abs(rgb[3:-2, 3:-2].astype(int) - (200, 90, 30)).max() <= 1


def test_a_mosaic_that_the_sender_turned_into_colours_stays_as_it_is():
    data = cv2.imencode('.png', RGB[..., ::-1])[1].tobytes()
    message = SimpleNamespace(format='bayer_rggb8; png compressed bgr8', data=data)
    assert np.array_equal(rgb_from_compressed(message), RGB)


def test_the_last_row_may_have_no_padding():
    message = image(RGB, 'rgb8', padding=10)
    message.data = message.data[:-10]
    assert np.array_equal(rgb_from_image(message), RGB)


@given(encoding=st.sampled_from([*ENCODINGS, *ENCODING_ALIASES, *ROWS]),
       missing=st.integers(1, 500))
def test_short_data_is_rejected(encoding, missing):
    kind = ENCODINGS.get(ENCODING_ALIASES.get(encoding, encoding))
    shape = (4, 6, kind.channels) if kind else (4 + 4 // ROWS.get(encoding, 2), 6, 1)
    message = image(np.zeros(shape, np.uint8 if not kind or kind.item_bytes == 1 else np.uint16),
                    encoding)
    message.height = 4
    rgb_from_image(message)
    message.data = message.data[:max(0, len(message.data) - missing)]
    with pytest.raises(ValueError, match='bytes of data'):
        rgb_from_image(message)


@pytest.mark.parametrize('change, message_part', [
    ({'encoding': 'rgb9'}, "encoding 'rgb9' is not known"),
    ({'encoding': '32FC1'}, "encoding '32FC1' is not known"),
    ({'encoding': ''}, 'not known'),
    ({'height': 0}, 'image is 8x0 px'),
    ({'width': 0}, 'image is 0x6 px'),
    ({'step': 23}, 'step is 23 bytes, must be at least 24'),
    ({'height': 7}, 'must be 168'),
    ({'encoding': 'yuyv', 'width': 7}, 'must be even'),
    ({'encoding': 'nv12', 'height': 5}, 'must be even'),
    ({'encoding': 'x' * 10**6}, 'not known')])
def test_inconsistent_fields_are_rejected(change, message_part):
    message = image(RGB, 'rgb8')
    for name, value in change.items():
        setattr(message, name, value)
    with pytest.raises(ValueError, match=message_part):
        rgb_from_image(message)


@pytest.mark.parametrize('kind', ['.png', '.jpg'])
def test_compressed_images_are_decoded(kind):
    smooth = cv2.resize(RGB, (64, 48), interpolation=cv2.INTER_CUBIC)
    data = cv2.imencode(kind, smooth[..., ::-1])[1].tobytes()
    rgb = rgb_from_compressed(SimpleNamespace(format=kind, data=array.array('B', data)))
    assert np.abs(rgb.astype(int) - smooth).mean() <= (0 if kind == '.png' else 6)


@pytest.mark.parametrize('data', [b'', b'\xff\xd8\xff\xe0 not a jpeg'])
def test_a_truncated_compressed_image_is_rejected(data):
    with pytest.raises(ValueError, match='cannot be decoded'):
        rgb_from_compressed(SimpleNamespace(format='jpeg', data=array.array('B', data)))
