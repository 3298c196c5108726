# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""
What is fuzzed: readers of data from outside, their seeds, and what must hold for each input.

A reader gives a valid value or raises ValueError (DriveError and ModelError are some). What it
gives is used further, as a node would. Anything else that is raised is a fault.
"""
from functools import cache
import hashlib
import json
import math
from pathlib import Path
import tempfile
from typing import Callable, NamedTuple, Sequence

from bdl_perception.alarm.alert import AlertMachine
from bdl_perception.alarm.alert_types import AlertLevel, AlertPolicy
from bdl_perception.alarm.calibration_io import calibration_to_dict
from bdl_perception.drives.bag import open_bag
from bdl_perception.model_store import load_calibration, load_model_files, save_calibration
from bdl_perception.perception.backend import ModelSpec, spec_to_dict
from bdl_perception.perception.compressed_images import image_size
from bdl_perception.perception.data_types import Scores
from bdl_perception.perception.image_decoding import (
    ENCODING_ALIASES,
    ENCODINGS,
    ImageDecoder,
    PLANAR_ENCODINGS,
)
from bdl_perception.perception.jpeg_check import parse_jpeg
from bdl_perception.perception.status import PerceptionStatus
from calibrations import IDENTITY, small_calibration
import cv2
from drive_files import camera_drive, compressed, frame_image, write_bag
from edits import edited, edited_json
import numpy as np

MAX_PIXELS = 1 << 20
MAX_FRAMES = 20  # of a bag that are read
SECOND_NS = 10**9
Edit = Callable[..., bytes]


class Target(NamedTuple):
    """A reader; run returns whether it accepted the input, and raises what is not documented."""

    run: Callable[[bytes], bool]
    seeds: Callable[[], Sequence[bytes]]
    edit: Edit = edited


class Message(NamedTuple):
    """The fields of sensor_msgs/Image."""

    height: int
    width: int
    encoding: str
    is_bigendian: int
    step: int
    data: bytes


@cache
def folder() -> Path:
    """Return a folder for the files of this process; it is removed at its end."""
    made = tempfile.TemporaryDirectory(prefix='bdl_fuzz_')
    folder.made = made  # type: ignore[attr-defined]  # removed when it is collected
    return Path(made.name)


def check(holds: bool, text: str) -> None:
    """Raise AssertionError for a result that is not valid; also under python -O."""
    if not holds:
        raise AssertionError(text)


# --- images ---
NAMES = (*ENCODINGS, *PLANAR_ENCODINGS, *ENCODING_ALIASES, 'rgb', '')
HEADER_BYTES = 10  # encoding, height, width, step, byte order of an image target


def image_from_bytes(data: bytes) -> Message:
    """Make an Image; sizes of 16 bits and a step of 24, so that all of them can be absurd."""
    head = data.ljust(HEADER_BYTES, b'\0')[:HEADER_BYTES]
    return Message(int.from_bytes(head[1:3], 'little'), int.from_bytes(head[3:5], 'little'),
                   NAMES[head[0] % len(NAMES)], head[8] % 2,
                   int.from_bytes(head[5:8], 'little'), data[HEADER_BYTES:])


def decode_image_message(data: bytes) -> bool:
    message = image_from_bytes(data)
    try:
        rgb = ImageDecoder(MAX_PIXELS).decode(message)
    except ValueError:
        return False
    check(rgb.shape == (message.height, message.width, 3) and rgb.dtype == np.uint8,
          f'{message[:5]} gave {rgb.shape} {rgb.dtype}')
    return True


def image_seeds() -> list[bytes]:
    seeds = []
    for index, name in enumerate(NAMES):
        height, width = 4, 6
        step = width * 8
        seeds.append(bytes([index]) + b''.join(
            value.to_bytes(size, 'little') for value, size in (
                (height, 2), (width, 2), (step, 3), (len(name) % 2, 1), (0, 1)))
            + bytes(range(256))[:step * height] * 2)
    return seeds


# --- compressed images ---
FORMATS = ('jpeg', 'bayer_rggb8; jpeg compressed bgr8', 'png', '')


def decode_compressed(data: bytes) -> bool:
    """Decode as the format in the first byte says: a mosaic or not."""
    image_format = FORMATS[data[0] % len(FORMATS) if data else 0]
    try:
        rgb = ImageDecoder(MAX_PIXELS).decode_compressed(data[1:], image_format)
    except ValueError:
        return False
    size = image_size(data[1:])[1]
    check(rgb.dtype == np.uint8 and rgb.shape[2:] == (3,), f'{rgb.dtype} {rgb.shape}')
    check(sorted(rgb.shape[:2]) == sorted(size), f'{rgb.shape} of {size}')  # EXIF may turn it
    check(rgb.shape[0] * rgb.shape[1] <= MAX_PIXELS, f'{rgb.shape} is too large')
    return True


def encoded_images() -> list[tuple[str, bytes]]:
    """Encode a small image in every way that OpenCV writes."""
    rgb, found = frame_image(3), []
    ways = [('.jpg', []), ('.jpg', [cv2.IMWRITE_JPEG_PROGRESSIVE, 1]),
            ('.jpg', [cv2.IMWRITE_JPEG_RST_INTERVAL, 3]), ('.png', []), ('.bmp', []),
            ('.webp', []), ('.tiff', []), ('.jp2', []), ('.gif', []), ('.ppm', []), ('.hdr', []),
            ('.ras', [])]
    for suffix, options in ways:
        for pixels in (rgb, rgb[..., 0], rgb.astype(np.uint16) * 200):
            try:
                done, data = cv2.imencode(suffix, pixels, options)
            except cv2.error:  # this way has no such pixels
                continue
            if done:
                found.append((suffix, data.tobytes()))
    return found


def compressed_seeds() -> list[bytes]:
    return [bytes([index % 4]) + data for index, (_, data) in enumerate(encoded_images())]


def read_jpeg(data: bytes) -> bool:
    try:
        jpeg = parse_jpeg(data)
    except ValueError:
        return False
    check(0 <= jpeg.width < 1 << 16 and 0 <= jpeg.height < 1 << 16, f'{jpeg.width} px')
    check(all(0 <= one.begin <= one.end <= len(data) for one in jpeg.scans),
          f'{jpeg.scans} of {len(data)} bytes')
    return True


def jpeg_seeds() -> list[bytes]:
    return [data for suffix, data in encoded_images() if suffix == '.jpg']


# --- calibration and model ---
def read_calibration(data: bytes) -> bool:
    """Read a calibration; the alert runs with it over frames of low, high and broken scores."""
    path = folder() / 'calibration.json'
    path.write_bytes(data)
    try:
        calibration = load_calibration(path)
    except ValueError:
        return False
    save_calibration(path, calibration)
    again = calibration_to_dict(load_calibration(path))
    check(repr(again) == repr(calibration_to_dict(calibration)), 'it is not stored as it was read')
    machine = AlertMachine(AlertPolicy(), calibration)
    for second, value in enumerate((0., 1e9, float('nan'), -1e9), start=1):
        machine.update_status(second, PerceptionStatus('active', identity=IDENTITY))
        for cycle in (0, 1):
            machine.update_scores(second, Scores(second * SECOND_NS, '', dict.fromkeys(
                calibration.distribution.watched, value), cycle))
        check(machine.state(second).level in AlertLevel, 'no level')
    return True


def calibration_seeds() -> list[bytes]:
    two_sided = small_calibration(tails='two_sided', slow=5.)
    return [json.dumps(calibration_to_dict(one)).encode()
            for one in (small_calibration(), two_sided)]


def read_model(data: bytes) -> bool:
    """Read a model folder with this model.json beside graphs that stay as they are."""
    place = folder() / 'model'
    place.mkdir(exist_ok=True)
    for name in ('perceive', 'sample'):
        if not (place / f'{name}.onnx').exists():
            (place / f'{name}.onnx').write_bytes(name.encode())
    (place / 'model.json').write_bytes(data)
    try:
        files = load_model_files(place)
    except ValueError:
        return False
    spec = files.spec
    check(files.perceive == b'perceive' and files.sample == b'sample', 'other graphs')
    for name in ('height', 'width', 'sample_height', 'sample_width', 'chunk'):
        check(type(getattr(spec, name)) is int, f'{name} is {getattr(spec, name)!r}')
    check(all(type(one) is int for one in spec.dropout_channels), 'dropout_channels')
    check(all(isinstance(one, str) for one in (spec.name, *spec.class_names)), 'names')
    check(0 < spec.canonical_focal_px < math.inf and 0 < spec.max_depth_m < math.inf, 'px, m')
    return True


def model_seeds() -> list[bytes]:
    hashes = [hashlib.sha256(name).hexdigest() for name in (b'perceive', b'sample')]
    spec = ModelSpec('tiny', 24, 40, 12, 20, 30., 80., ('road', 'sky'), .2, (8, 8), 4, *hashes)
    return [json.dumps(spec_to_dict(spec)).encode()]


# --- bags ---
def read_bag(data: bytes) -> bool:
    """Read frames of an .mcap or a .db3 file, by its first bytes."""
    path = folder() / ('drive.db3' if data[:6] == b'SQLite' else 'drive.mcap')
    path.write_bytes(data)
    count = 0
    try:
        for frame in open_bag(path):
            check(frame.rgb.dtype == np.uint8 and frame.rgb.shape[2:] == (3,), 'no rgb')
            count += 1
            if count == MAX_FRAMES:
                break
    except ValueError:
        return False
    return count > 0


def bag_seeds() -> list[bytes]:
    seeds = []
    jpegs = [('/front/image_raw/compressed', 10**18 + index * 10**8, compressed(
        frame_image(index), 10**18 + index * 10**8)) for index in range(3)]
    for kind, messages in (('raw', camera_drive(2)), ('jpeg', jpegs)):
        for mcap in (True, False):
            place = write_bag(folder() / f'seed_{kind}_{mcap}', messages, mcap)
            seeds += [file.read_bytes() for file in sorted(place.iterdir())
                      if file.suffix in ('.mcap', '.db3')]
    return seeds


TARGETS = {
    'image': Target(decode_image_message, cache(image_seeds)),
    'compressed': Target(decode_compressed, cache(compressed_seeds)),
    'jpeg': Target(read_jpeg, cache(jpeg_seeds)),
    'calibration': Target(read_calibration, cache(calibration_seeds), edited_json),
    'model': Target(read_model, cache(model_seeds), edited_json),
    'bag': Target(read_bag, cache(bag_seeds)),
}
