# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""The damage is done to the bytes, so the test knows what is whole and what is not."""
import struct
import zlib

from bdl_perception.perception.compressed_images import (
    decode_image,
    image_size,
    IMAGE_SUFFIXES,
)
from bdl_perception.perception.data_types import MAX_IMAGE_PIXELS
import cv2
import numpy as np
import pytest

NOISE = np.random.default_rng(1).integers(0, 256, (45, 70, 3), np.uint8)
SMOOTH = cv2.resize(NOISE[:6, :8], (70, 45), interpolation=cv2.INTER_CUBIC)


def encode(suffix, image=SMOOTH, *options):
    return cv2.imencode(suffix, image, list(options))[1].tobytes()


@pytest.mark.parametrize('suffix', IMAGE_SUFFIXES)
def test_the_header_gives_the_size_of_every_format_that_opencv_writes(suffix):
    try:
        data = encode(suffix, SMOOTH if suffix != '.pbm' and suffix != '.pgm' else SMOOTH[..., 0])
    except cv2.error:
        pytest.skip(f'this OpenCV does not write {suffix}')
    assert image_size(data)[1] == (70, 45)
    assert decode_image(data).shape == (45, 70, 3)


@pytest.mark.parametrize('quality', [60, 101])  # 101: lossless, another header
def test_both_kinds_of_webp_have_a_size(quality):
    data = encode('.webp', SMOOTH, cv2.IMWRITE_WEBP_QUALITY, quality)
    assert image_size(data) == ('WebP', (70, 45))


def jpeg_bomb(width, height):
    data = bytearray(encode('.jpg', np.full((16, 16, 3), 128, np.uint8)))
    at = data.find(b'\xff\xc0')
    data[at + 5:at + 9] = struct.pack('>HH', height, width)
    return bytes(data)


def png(width, height, rows, *, level=9, cut=0):
    """Write a grey PNG; rows: the inflated data."""
    def chunk(kind, body):
        return struct.pack('>I', len(body)) + kind + body + struct.pack('>I', zlib.crc32(
            kind + body))
    stream = zlib.compress(rows, level)
    header = struct.pack('>2I5B', width, height, 8, 0, 0, 0, 0)
    return (b'\x89PNG\r\n\x1a\n' + chunk(b'IHDR', header)
            + chunk(b'IDAT', stream[:len(stream) - cut]) + chunk(b'IEND', b''))


@pytest.mark.parametrize('data', [
    jpeg_bomb(30000, 30000), png(20000, 20000, bytes(1000)),
    b'BM' + bytes(12) + struct.pack('<Iii', 40, 10**9, -10**9), b'P6 99999 99999 255\n',
    b'GIF89a\xff\xff\xff\xff', b'RIFF\0\0\0\0WEBPVP8X' + bytes(8) + b'\xff' * 6])
def test_a_size_above_the_limit_is_refused_by_the_header(data):
    with pytest.raises(ValueError, match='too large to decode: max_image_pixels is 67108864'):
        decode_image(data)


needs_jpeg_2000 = pytest.mark.skipif(
    not cv2.haveImageWriter('image.jp2'), reason='this OpenCV does not write JPEG 2000')


@needs_jpeg_2000
def test_a_jpeg_2000_cannot_hide_its_size_behind_a_box_of_another_program():
    """The decoder skips the box, whose bytes look like a header of 10x10 px."""
    data, header = encode('.jp2'), b'ihdr' + struct.pack('>2I', 10, 10)
    boxes = [struct.pack('>I4s', 24 + len(header), b'uuid') + bytes(16) + header,
             struct.pack('>I4sQ', 1, b'uuid', 32 + len(header)) + bytes(16) + header]
    at = 12 + struct.unpack_from('>I', data, 12)[0]  # behind signature and file type
    for box in boxes:
        hidden = data[:at] + box + data[at:]
        assert image_size(hidden) == ('JPEG 2000', (70, 45))
        assert decode_image(hidden).shape == (45, 70, 3)
        with pytest.raises(ValueError, match='claims 70x45 px'):
            decode_image(hidden, 1000)


@needs_jpeg_2000
@pytest.mark.parametrize('length', [0, 1, 7, 2**32 - 1])
def test_a_jpeg_2000_without_a_header_is_refused(length):
    data = encode('.jp2')[:12] + struct.pack('>I4s', length, b'free') + bytes(40)
    with pytest.raises(ValueError, match='JPEG 2000 .* header is damaged'):
        image_size(data)


def test_an_avif_is_refused_since_its_header_may_name_another_size_than_its_data():
    data = b'\0\0\0\x1cftypavif' + bytes(16) + b'\0\0\0\x14ispe' + struct.pack('>3I', 0, 10, 10)
    with pytest.raises(ValueError, match='it is none of JPEG'):
        decode_image(data)


def tiff(*tags, width=(256, 4, 1, 16)):
    """Write a TIFF of 16x16 px whose pixels are missing; tags: tag, type, count and value."""
    entries = sorted([width, (257, 4, 1, 16), (258, 3, 1, 8), (277, 3, 1, 3), *tags])
    return (b'II*\0' + struct.pack('<IH', 8, len(entries))
            + b''.join(struct.pack('<2H2I', *entry) for entry in entries) + bytes(4))


@pytest.mark.parametrize('tags', [
    [(322, 4, 1, 16000), (323, 4, 1, 16000)], [(322, 3, 1, 16), (323, 4, 1, 10**6)],
    [(278, 4, 1, 10**6)]])
def test_a_tiff_whose_tile_or_strip_is_too_large_is_refused(tags):
    """A decoder took 1 GB for a tile of an image of 16x16 px."""
    with pytest.raises(ValueError, match='tile or strip that is too large.* is 10000'):
        decode_image(tiff(*tags), 10000)


@pytest.mark.parametrize('width', [(256, 16, 1, 100), (256, 4, 2, 100), (256, 1, 1, 16)])
def test_a_tiff_whose_size_is_at_another_place_is_refused(width):
    """The type of 64 bits has the offset of the value in place of the value."""
    with pytest.raises(ValueError, match='header is damaged'):
        image_size(tiff(width=width))


def test_a_tiff_of_one_strip_for_the_whole_image_is_read():
    data = bytearray(encode('.tif', SMOOTH, cv2.IMWRITE_TIFF_ROWSPERSTRIP, 45,
                            cv2.IMWRITE_TIFF_COMPRESSION, 1))
    at = data.index(struct.pack('<2HI', 278, 3, 1))
    data[at:at + 12] = struct.pack('<2H2I', 278, 4, 1, 2**32 - 1)
    assert np.array_equal(decode_image(bytes(data), 70 * 45), SMOOTH)


def test_the_limit_is_a_number_of_pixels():
    data = encode('.png')
    assert decode_image(data, 70 * 45).shape == (45, 70, 3)
    with pytest.raises(ValueError, match='max_image_pixels is 3149'):
        decode_image(data, 70 * 45 - 1)


def test_a_jpeg_below_the_limit_needs_data_for_its_size():
    with pytest.raises(ValueError, match='lost or damaged'):
        decode_image(jpeg_bomb(400, 400))
    assert MAX_IMAGE_PIXELS > 400 * 400


def test_a_png_of_which_any_byte_changed_is_refused():
    data = encode('.png')
    for at in range(8, len(data), 7):
        changed = data[:at] + bytes([data[at] ^ 16]) + data[at + 1:]
        with pytest.raises(ValueError, match='cannot be decoded'):
            decode_image(changed)


def test_a_png_that_ends_early_is_refused():
    data = encode('.png')
    for length in range(0, len(data), 11):
        with pytest.raises(ValueError, match='cannot be decoded'):
            decode_image(data[:length])


@pytest.mark.parametrize(('rows', 'cut'), [
    (bytes(9 * 8), 6), (bytes(9 * 7), 0), (bytes(3 * 10**7), 0)])
def test_a_png_with_the_wrong_amount_of_pixels_is_refused(rows, cut):
    with pytest.raises(ValueError, match='lost or damaged'):
        decode_image(png(8, 8, rows, cut=cut))
    assert decode_image(png(8, 8, bytes(9 * 8))).shape == (8, 8, 3)


@pytest.mark.parametrize('data', [
    b'', b'x', b'\xff\xd8\xff', b'MM\0*', b'P6', b'BM', b'RIFF0000WEBP',
    b'\x89PNG\r\n\x1a\n', b'II*\0\xff\xff\xff\xff', b'GIF8'])
def test_a_header_that_is_cut_off_is_refused(data):
    with pytest.raises(ValueError, match='cannot be decoded'):
        decode_image(data)


def test_bytes_that_were_changed_by_chance_never_raise_another_error():
    chance = np.random.default_rng(7)
    for suffix in ('.jpg', '.png', '.bmp', '.webp', '.tif', '.ppm'):
        data = np.frombuffer(encode(suffix), np.uint8)
        for _ in range(150):
            changed = data[:chance.integers(1, len(data) + 1)].copy()
            changed[chance.integers(0, len(changed), 3)] = chance.integers(0, 256, 3)
            try:
                decode_image(changed.tobytes(), 10**6)
            except ValueError:
                continue
