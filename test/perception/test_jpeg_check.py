# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""Data are cut out of JPEGs of every kind that OpenCV writes; whole ones must pass."""
from bdl_perception.perception.compressed_images import decode_image
from bdl_perception.perception.jpeg_check import parse_jpeg
import cv2
import numpy as np
import pytest

KINDS = {'baseline': [], 'progressive': [cv2.IMWRITE_JPEG_PROGRESSIVE, 1],
         'restarts': [cv2.IMWRITE_JPEG_RST_INTERVAL, 7], 'fine': [cv2.IMWRITE_JPEG_QUALITY, 99],
         'optimised': [cv2.IMWRITE_JPEG_OPTIMIZE, 1]}
kinds = pytest.mark.parametrize('kind', KINDS)


def street(seed, height=150, width=210, channels=3):
    """Draw an image with detail down to its last row."""
    noise = np.random.default_rng(seed).integers(0, 256, (height, width, channels), np.uint8)
    return cv2.normalize(cv2.GaussianBlur(noise, (0, 0), 2), None, 0, 255, cv2.NORM_MINMAX)


def jpeg(image, kind):
    return cv2.imencode('.jpg', image, KINDS[kind])[1].tobytes()


@kinds
def test_whole_images_pass_whatever_they_show(kind):
    grey = np.full((75, 90, 3), 128, np.uint8)
    half = street(3)
    half[70:] = 128
    sizes = [street(index, 9 + 3 * index, 200 - 5 * index) for index in range(30)]
    flat = [grey, half, np.zeros_like(grey), ~np.zeros_like(grey)]
    for image in (*flat, street(1)[..., 0], *sizes):
        decode_image(jpeg(image, kind))


@kinds
@pytest.mark.parametrize('lost', [.02, .05, .15, .5, .9])
@pytest.mark.parametrize('end', [b'', b'\xff\xd9'])
def test_data_that_are_missing_at_the_end_are_found(kind, lost, end):
    for seed in range(5):
        data = jpeg(street(seed, 150 + seed), kind)
        head = parse_jpeg(data).scans[0].begin
        length = head + int((len(data) - head) * (1 - lost))
        with pytest.raises(ValueError, match='decoded'):
            decode_image(data[:length].rstrip(b'\xff') + end)


def test_every_image_without_its_end_marker_is_refused():
    data = jpeg(street(1), 'baseline')
    for length in (1, 2, len(data) - 1):
        with pytest.raises(ValueError, match='decoded'):
            decode_image(data[:-length])
    decode_image(data + bytes(300))  # cameras fill their buffer


def test_a_lost_restart_interval_is_found():
    data = jpeg(street(2), 'restarts')
    begin, end = data.index(b'\xff\xd1'), data.index(b'\xff\xd3')
    with pytest.raises(ValueError, match='lost or damaged'):
        decode_image(data[:begin] + data[end:])


def test_a_loss_within_one_restart_interval_is_found():
    found = 0
    for seed in range(10):
        data = jpeg(street(seed), 'restarts')
        begin, end = data.index(b'\xff\xd1'), data.index(b'\xff\xd2')
        with pytest.raises(ValueError, match='lost or damaged'):
            decode_image(data[:(begin + end) // 2].rstrip(b'\xff') + data[end:])
        found += 1
    assert found == 10


def test_a_thumbnail_in_the_header_does_not_count_as_the_image():
    small, large = jpeg(street(1, 16, 16), 'baseline'), jpeg(street(2), 'baseline')
    block = b'\xff\xe1' + (len(small) + 8).to_bytes(2, 'big') + b'Exif\0\0' + small
    data = large[:2] + block + large[2:]
    assert decode_image(data).shape == (150, 210, 3)
    with pytest.raises(ValueError, match='decoded'):
        decode_image(data[:-3000] + b'\xff\xd9')


@kinds
def test_a_header_that_is_cut_off_anywhere_is_a_value_error(kind):
    data = jpeg(street(1, 16, 16), kind)
    for length in range(len(data)):
        try:
            assert parse_jpeg(data[:length]).width == 16
        except ValueError:
            assert length < data.rindex(b'\xff\xda') + 14  # the end of the last scan header


def test_fill_bytes_before_a_marker_belong_to_no_scan():
    data = jpeg(street(2), 'restarts')
    plain, at = parse_jpeg(data).scans[0], data.index(b'\xff\xd1')
    padded = data[:at] + b'\xff' * 50 + data[at:-2] + b'\xff' * 9 + data[-2:]
    scan = parse_jpeg(padded).scans[0]
    assert (scan.begin, scan.end - scan.begin) == (plain.begin, plain.end - plain.begin + 50)
    assert np.array_equal(decode_image(padded), decode_image(data))
    data = jpeg(np.full((32, 32, 3), 128, np.uint8), 'restarts')  # is decoded again: all is grey
    at = data.index(b'\xff\xd9')
    assert (decode_image(data[:at] + b'\xff' * 9 + data[at:]) == 128).all()


def test_many_fill_bytes_are_read_in_a_time_that_grows_with_their_number():
    # A pattern that tries each of them anew took 9.6 s for 32,000: hours for these.
    with pytest.raises(ValueError, match='JPEG'):
        decode_image(b'\xff\xd8' + b'\xff' * 2_000_000 + b'\0')


def test_a_header_that_claims_more_than_there_is_is_a_value_error():
    data = jpeg(street(1), 'baseline')
    at = data.index(b'\xff\xda')
    for length in (b'\xff\xff', len(data).to_bytes(2, 'big')):
        with pytest.raises(ValueError, match='ends within a header'):
            parse_jpeg(data[:at + 2] + length + data[at + 4:])
