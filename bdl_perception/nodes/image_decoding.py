# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""
Convert image messages of any encoding to rgb (H, W, 3) uint8.

The fields of a message are checked here. Then the cv_bridge of ROS 2 converts the pixels, or
rosbags-image if there is no cv_bridge. Both get data without row padding in the byte order of
this machine: for other data they disagree or fail.
"""
import array
from importlib.metadata import PackageNotFoundError, version
import sys
from typing import Callable, NamedTuple

from bdl_perception.perception.data_types import Bytes
import cv2
import numpy as np
from numpy.typing import NDArray
from sensor_msgs.msg import CompressedImage, Image

BAYER_ORDERS = ('rggb', 'bggr', 'gbrg', 'grbg')
ENCODINGS = {  # encoding -> (channels, bytes per channel)
    'rgb8': (3, 1), 'bgr8': (3, 1), 'rgba8': (4, 1), 'bgra8': (4, 1), 'mono8': (1, 1),
    'rgb16': (3, 2), 'bgr16': (3, 2), 'rgba16': (4, 2), 'bgra16': (4, 2), 'mono16': (1, 2),
    'yuv422': (2, 1), 'yuv422_yuy2': (2, 1),
    **{f'bayer_{order}8': (1, 1) for order in BAYER_ORDERS},
    **{f'bayer_{order}16': (1, 2) for order in BAYER_ORDERS},
}
ENCODING_ALIASES = {'uyvy': 'yuv422', 'yuyv': 'yuv422_yuy2', '8UC1': 'mono8', '8UC3': 'bgr8',
                    '16UC1': 'mono16'}


class PackedImage(NamedTuple):
    """A checked image with the fields of sensor_msgs/Image: no row padding, native byte order."""

    height: int
    width: int
    encoding: str
    is_bigendian: int
    step: int
    data: 'array.array[int]'


def rgb_from_image(message: Image) -> Bytes:
    """Convert an Image to rgb (H, W, 3) uint8; ValueError when its fields are inconsistent."""
    encoding = ENCODING_ALIASES.get(message.encoding, message.encoding)
    if encoding not in ENCODINGS:
        raise ValueError(f'image encoding {message.encoding!r} is not known, must be one of '
                         f'{", ".join([*ENCODINGS, *ENCODING_ALIASES])}')
    pixels = _pixel_view(message, *ENCODINGS[encoding])  # (H, W, C)
    if encoding == 'rgb8':
        return pixels.astype(np.uint8, copy=False)
    return _convert_to_rgb(_pack(pixels, encoding))


def rgb_from_compressed(message: CompressedImage) -> Bytes:
    """Decode a JPEG or PNG to rgb (H, W, 3) uint8; ValueError when it cannot be decoded."""
    data = np.frombuffer(message.data, np.uint8)
    bgr = cv2.imdecode(data, cv2.IMREAD_COLOR) if data.size else None
    if bgr is None:
        raise ValueError(f'compressed image of {data.size} bytes (format {message.format!r}) '
                         f'cannot be decoded; is it truncated?')
    return np.asarray(cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB), np.uint8)


def _pixel_view(message: Image, channels: int, item_bytes: int) -> NDArray[np.unsignedinteger]:
    """View the data as (H, W, C) without the row padding; ValueError for inconsistent fields."""
    height, width, step, size = message.height, message.width, message.step, len(message.data)
    row_bytes = width * channels * item_bytes
    if height == 0 or width == 0:
        raise ValueError(f'image is {width}x{height} px, must be at least 1x1')
    if step < row_bytes:
        raise ValueError(f'image step is {step} bytes, must be at least {row_bytes} for '
                         f'{width} px of {message.encoding}')
    # The last row may have no padding, for example in a view of a larger image.
    if size < step * (height - 1) + row_bytes:
        raise ValueError(f'image has {size} bytes of data, must be {step * height} for '
                         f'{height} rows of {step} bytes')
    if channels == 2 and width % 2:
        raise ValueError(f'image is {width} px wide, must be even for {message.encoding}')
    kind = np.dtype(f'{">" if message.is_bigendian else "<"}u{item_bytes}')
    pixels: NDArray[np.unsignedinteger] = np.ndarray(
        (height, width, channels), kind, message.data,
        strides=(step, channels * item_bytes, item_bytes))
    return pixels


def _pack(pixels: NDArray[np.unsignedinteger], encoding: str) -> PackedImage:
    height, width, _ = pixels.shape
    native = np.ascontiguousarray(pixels, pixels.dtype.newbyteorder('='))
    data = array.array('B')
    data.frombytes(native.data.cast('B'))
    return PackedImage(height, width, encoding, int(sys.byteorder == 'big'),
                       len(data) // height, data)


def _select_converter() -> Callable[[PackedImage], Bytes]:
    """Select the cv_bridge of ROS 2 if it can be imported, else rosbags-image."""
    try:
        if int(version('cv_bridge').split('.')[0]) >= 3:  # 1.x on PyPI is for ROS 1 and broken
            from cv_bridge import CvBridge
            bridge = CvBridge()
            return lambda image: np.asarray(bridge.imgmsg_to_cv2(image, 'rgb8'), np.uint8)
    except (ImportError, PackageNotFoundError):  # built for another numpy, or not installed
        pass
    from rosbags.image import message_to_cvimage
    return lambda image: np.asarray(
        message_to_cvimage(image, 'rgb8'), np.uint8)  # type: ignore[arg-type]


_convert_to_rgb = _select_converter()
