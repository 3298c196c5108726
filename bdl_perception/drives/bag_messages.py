# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""The messages of a bag as values; rosbags makes their classes while it reads."""
from typing import Any

from bdl_perception.perception.values import Bytes
from bdl_perception.perception.values import PinholeCamera
import cv2
import numpy as np
from rosbags.image import ImageError
from rosbags.image import message_to_cvimage
from rosbags.image.image import to_cvtype

ALIASES = {'8UC1': 'mono8', '8UC3': 'bgr8', '16UC1': 'mono16'}  # drivers that name only the type


def stamp_ns(message: Any) -> tuple[int, str]:
    """Give the camera's stamp in ns and its frame_id."""
    stamp = message.header.stamp
    return int(stamp.sec) * 10**9 + int(stamp.nanosec), str(message.header.frame_id)


def rgb_from_message(message: Any) -> Bytes:
    """Decode an Image or CompressedImage to (H, W, 3) rgb; ValueError says why it cannot be."""
    if hasattr(message, 'format'):
        return _decompressed(message)
    try:
        rgb = message_to_cvimage(_without_padding(message), 'rgb8')
    except (ImageError, TypeError, cv2.error) as error:
        raise ValueError(f'a picture of encoding {message.encoding!r} cannot be decoded: '
                         f'{error}') from error
    return np.ascontiguousarray(rgb, np.uint8)


def camera_from_info(info: Any) -> PinholeCamera | None:
    """Read K, after region of interest and binning; None when the camera is not calibrated."""
    if info.k[0] == 0:
        return None
    roi, across, down = info.roi, max(info.binning_x, 1), max(info.binning_y, 1)
    return PinholeCamera(
        int((roi.width or info.width) // across), int((roi.height or info.height) // down),
        float(info.k[0] / across), float(info.k[4] / down),
        float((info.k[2] - roi.x_offset) / across), float((info.k[5] - roi.y_offset) / down))


def _decompressed(message: Any) -> Bytes:
    bgr = cv2.imdecode(message.data, cv2.IMREAD_COLOR) if len(message.data) else None
    if bgr is None:
        raise ValueError(f'a compressed picture ({message.format!r}, {len(message.data)} bytes) '
                         f'cannot be decoded')
    return np.asarray(cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB), np.uint8)


def _without_padding(message: Any) -> Any:
    """Cut the filling off the rows, which message_to_cvimage does not know of."""
    encoding = ALIASES.get(message.encoding, message.encoding)
    bits, _, _, channels = to_cvtype(encoding)
    row_bytes = message.width * channels * bits // 8
    rows, need = message.height, message.step * message.height
    if rows < 1 or row_bytes < 1 or message.step < row_bytes or len(message.data) < need:
        raise ValueError(
            f'the picture claims {message.width}x{rows} px of {encoding!r} with {message.step} '
            f'bytes a row, but carries {len(message.data)} bytes')
    data = message.data[:need].reshape(rows, message.step)[:, :row_bytes]
    return type(message)(message.header, rows, message.width, encoding, message.is_bigendian,
                         row_bytes, np.ascontiguousarray(data).ravel())
