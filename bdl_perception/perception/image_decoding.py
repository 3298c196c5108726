# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""
Decode image messages of live cameras and of bags, and image files, to rgb (H, W, 3) uint8.

A message has the fields of sensor_msgs/Image or sensor_msgs/CompressedImage. All encodings are in
ENCODINGS. Values of 16 bits may be 10, 12 or 14 bits of a sensor: the highest value seen tells.
"""
import re
from typing import Any, Callable, NamedTuple

from bdl_perception.perception.compressed_images import decode_image
from bdl_perception.perception.data_types import Bytes, MAX_IMAGE_PIXELS
import cv2
import numpy as np
from numpy.typing import NDArray

SENSOR_BITS = (10, 12, 14, 16)  # of cameras whose values lie in the low end of 16 bits
BAYER = {'rggb': cv2.COLOR_BayerBG2RGB, 'bggr': cv2.COLOR_BayerRG2RGB,  # OpenCV names the others
         'gbrg': cv2.COLOR_BayerGR2RGB, 'grbg': cv2.COLOR_BayerGB2RGB}
MAX_NAME = 40  # characters of an encoding or a format that are read
LOW_IMAGES = 5  # consecutive images that need fewer bits, before this is logged
COLOURS = {'mono': (1, cv2.COLOR_GRAY2RGB), 'rgb': (3, None), 'bgr': (3, cv2.COLOR_BGR2RGB),
           'rgba': (4, cv2.COLOR_RGBA2RGB), 'bgra': (4, cv2.COLOR_BGRA2RGB)}
COMPRESSED_BAYER = re.compile(r'bayer_(rggb|bggr|gbrg|grbg)\d+')


class Encoding(NamedTuple):
    """Channels and bytes per value of a packed encoding; bits 0: the highest value seen tells."""

    channels: int
    item_bytes: int
    code: int | None  # of cv2.cvtColor, None: rgb already
    bits: int = 8


class PlanarEncoding(NamedTuple):
    """Luma, then blue and red of half the width; rows: pixel rows that share a colour."""

    rows: int
    interleaved: bool  # blue and red in one plane
    red_first: bool


ENCODINGS = {
    **{f'{name}8': Encoding(channels, 1, code) for name, (channels, code) in COLOURS.items()},
    **{f'{name}16': Encoding(channels, 2, code, 0) for name, (channels, code) in COLOURS.items()},
    **{f'bayer_{order}8': Encoding(1, 1, code) for order, code in BAYER.items()},
    **{f'bayer_{order}16': Encoding(1, 2, code, 0) for order, code in BAYER.items()},
    **{f'bayer_{order}{bits}': Encoding(1, 2, code, bits)
       for order, code in BAYER.items() for bits in SENSOR_BITS[:-1]},
    **{f'mono{bits}': Encoding(1, 2, cv2.COLOR_GRAY2RGB, bits) for bits in SENSOR_BITS[:-1]},
    'yuv422': Encoding(2, 1, cv2.COLOR_YUV2RGB_UYVY),
    'yuv422_yuy2': Encoding(2, 1, cv2.COLOR_YUV2RGB_YUY2),
    'yvyu': Encoding(2, 1, cv2.COLOR_YUV2RGB_YVYU),
}
PLANAR_ENCODINGS = {
    'nv12': PlanarEncoding(2, True, False), 'nv21': PlanarEncoding(2, True, True),
    'i420': PlanarEncoding(2, False, False), 'yv12': PlanarEncoding(2, False, True),
    'nv16': PlanarEncoding(1, True, False), 'nv61': PlanarEncoding(1, True, True),
    'yuv422p': PlanarEncoding(1, False, False),
}
ENCODING_ALIASES = {  # of some drivers, which also write any name in upper case
    'uyvy': 'yuv422', 'uyvy422': 'yuv422', 'yuyv': 'yuv422_yuy2', 'yuyv422': 'yuv422_yuy2',
    'yuy2': 'yuv422_yuy2', 'yvyu422': 'yvyu', 'yuv420': 'i420', 'yuv420p': 'i420', 'yu12': 'i420',
    '8uc1': 'mono8', '8uc3': 'bgr8', '8uc4': 'bgra8', '16uc1': 'mono16', '16uc3': 'bgr16',
    '16uc4': 'bgra16'}


class ImageDecoder:
    """
    Decodes the images of one camera.

    max_pixels: of a compressed image; report: gets a line when values of 16 bits are scaled.
    """

    def __init__(self, max_pixels: int = MAX_IMAGE_PIXELS,
                 report: Callable[[str], None] = lambda text: None) -> None:
        """Begin with an unknown range of values."""
        self._max_pixels = max_pixels
        self._report = report
        self._bits = 0
        self._low_images = 0

    def decode(self, message: Any) -> Bytes:
        """Decode a message to (H, W, 3) uint8 RGB; ValueError when that fails."""
        if hasattr(message, 'format'):
            return self.decode_compressed(bytes(message.data), message.format)
        name = message.encoding[:MAX_NAME].lower()
        encoding = ENCODING_ALIASES.get(name, name)
        if encoding in PLANAR_ENCODINGS:
            return _planar_to_rgb(message, PLANAR_ENCODINGS[encoding])
        if encoding not in ENCODINGS:
            names = [*ENCODINGS, *PLANAR_ENCODINGS, *ENCODING_ALIASES]
            raise ValueError(f'image encoding {message.encoding[:MAX_NAME]!r} is not known, must '
                             f'be one of {", ".join(names)}')
        kind = ENCODINGS[encoding]
        pixels = _packed_pixels(message, kind)
        return pixels if encoding == 'rgb8' else self._to_rgb(pixels, kind, encoding)

    def decode_compressed(self, data: bytes, image_format: str = '') -> Bytes:
        """Decode a JPEG, PNG or the like; a Bayer mosaic by the format of image_transport."""
        bayer = COMPRESSED_BAYER.match(image_format)
        try:
            pixels = decode_image(data, self._max_pixels, mosaic=bayer is not None)
        except ValueError as error:
            kind = f' (format {image_format[:MAX_NAME]!r})' if image_format else ''
            raise ValueError(f'compressed {error}{kind}') from error
        code = BAYER[bayer[1]] if bayer and pixels.ndim == 2 else cv2.COLOR_BGR2RGB
        item_bytes = pixels.dtype.itemsize
        return self._to_rgb(pixels, Encoding(3, item_bytes, code, 0 if item_bytes > 1 else 8),
                            'compressed image')

    def _to_rgb(self, pixels: Any, kind: Encoding, name: str) -> Bytes:
        rgb = pixels if kind.code is None else cv2.cvtColor(pixels, kind.code)
        if kind.item_bytes > 1:
            bits = kind.bits or self._sensor_bits(int(pixels.max()), name)
            rgb = cv2.convertScaleAbs(rgb, alpha=255 / (2**bits - 1))
        return np.asarray(rgb, np.uint8)

    def _sensor_bits(self, highest: int, name: str) -> int:
        """Return the bits that the highest value so far needs; a change is logged."""
        bits = next(bits for bits in SENSOR_BITS if highest < 2**bits)
        if bits > self._bits:
            if bits < SENSOR_BITS[-1] or self._bits:
                self._report(f'{name}: the values need {bits} of 16 bits, so they are scaled '
                             f'from {bits} bits')
            self._bits = bits
        self._low_images = self._low_images + 1 if bits < self._bits else 0
        if self._low_images == LOW_IMAGES:
            self._report(f'{name}: {LOW_IMAGES} images in turn need only {bits} of the '
                         f'{self._bits} bits seen before: in the dark, or another mode of the '
                         f'sensor? Restart the node after a change of mode')
        return self._bits


def rgb_from_image(message: Any) -> Bytes:
    """Decode one Image, of no known camera, to (H, W, 3) uint8 RGB; ValueError if that fails."""
    return ImageDecoder().decode(message)


def rgb_from_compressed(message: Any) -> Bytes:
    """Decode one CompressedImage to (H, W, 3) uint8 RGB; ValueError if that fails."""
    return ImageDecoder().decode(message)


def _check_size(message: Any, row_bytes: int, need_rows: int) -> None:
    """Check step and size of the data; ValueError for inconsistent fields."""
    height, width, step, size = message.height, message.width, message.step, len(message.data)
    if height == 0 or width == 0:
        raise ValueError(f'image is {width}x{height} px, must be at least 1x1')
    if step < row_bytes:
        raise ValueError(f'image step is {step} bytes, must be at least {row_bytes} for '
                         f'{width} px of {message.encoding}')
    # The last row may have no padding, for example in a view of a larger image.
    if size < step * (need_rows - 1) + row_bytes:
        raise ValueError(f'image has {size} bytes of data, must be {step * need_rows} for '
                         f'{width}x{height} px of {message.encoding} with {step} bytes per row')


def _packed_pixels(message: Any, kind: Encoding) -> Any:
    """Copy the data to (H, W) or (H, W, C), without row padding and in native byte order."""
    channels, item_bytes = kind.channels, kind.item_bytes
    height, width = message.height, message.width
    _check_size(message, width * channels * item_bytes, height)
    if channels == 2 and width % 2:
        raise ValueError(f'image is {width} px wide, must be even for {message.encoding}')
    dtype = np.dtype(f'{">" if message.is_bigendian else "<"}u{item_bytes}')
    view: NDArray[np.unsignedinteger] = np.ndarray(
        (height, width, channels), dtype, message.data,
        strides=(message.step, channels * item_bytes, item_bytes))
    pixels = np.array(view, dtype.newbyteorder('='), order='C')
    return pixels[..., 0] if channels == 1 else pixels


def _planar_to_rgb(message: Any, kind: PlanarEncoding) -> Bytes:
    """Convert YUV 4:2:0 (rows 2) or 4:2:2 (rows 1) in planes; BT.601 as every YUV here."""
    height, width, step = message.height, message.width, message.step
    if height % kind.rows or width % 2:
        raise ValueError(f'image is {width}x{height} px, must be even for {message.encoding}')
    colour_rows = height // kind.rows
    _check_size(message, width, height + colour_rows)
    data = np.frombuffer(message.data, np.uint8)
    luma = np.ndarray((height, width), np.uint8, data, strides=(step, 1))
    if kind.interleaved:
        pair = np.ndarray((colour_rows, width), np.uint8, data, step * height, (step, 1))
    else:
        planes = [np.ndarray((colour_rows, width // 2), np.uint8, data,
                             step * height + plane * (step // 2) * colour_rows, (step // 2, 1))
                  for plane in (0, 1)]
        pair = np.stack(planes, axis=-1).reshape(colour_rows, width)
    if kind.rows == 2:
        code = cv2.COLOR_YUV2RGB_NV21 if kind.red_first else cv2.COLOR_YUV2RGB_NV12
        return np.asarray(cv2.cvtColor(np.concatenate([luma, pair]), code), np.uint8)
    code = cv2.COLOR_YUV2RGB_YVYU if kind.red_first else cv2.COLOR_YUV2RGB_YUY2
    return np.asarray(cv2.cvtColor(np.stack([luma, pair], axis=-1), code), np.uint8)
