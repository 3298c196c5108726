# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""Faults of what surrounds an image: stamps, headers of messages, camera_info, JPEG data."""
from functools import cache
import struct
from typing import Any, Callable, Mapping
import zlib

from bdl_perception.faults.camera import CameraFault, compressed_message
from bdl_perception.nodes.messages import NS_PER_S, pixel_buffer, uint8_image
from builtin_interfaces.msg import Time
import numpy as np
from sensor_msgs.msg import CameraInfo, CompressedImage, Image

HOUR_NS = 3600 * NS_PER_S
FAR_NS = (2**31 - 1) * NS_PER_S  # the last second of a stamp, in 2038
RATE_HZ = 10  # of the clock whose stamps stand still for a part of a second
END_OF_IMAGE = b'\xff\xd9'  # of a JPEG
PNG_BOMB_PX = 12000  # side
JPEG_TAIL = 20  # bytes of random data in a JPEG


class _FirstStamp:
    """Stamps that depend on the first one of the fault."""

    def __init__(self, change: Callable[[int, int], int]) -> None:
        """Start before the first frame; change: first and present time, ns -> stamp, ns."""
        self._change, self._first_ns = change, 0

    def __call__(self, now_ns: int, count: int) -> int:
        """Return the stamp; count 0 is the first frame."""
        self._first_ns = now_ns if count == 0 else self._first_ns
        return self._change(self._first_ns, now_ns)


def _shifted(shift_ns: int) -> CameraFault:
    return CameraFault(stamp=lambda now_ns, count: now_ns + shift_ns)


STAMP_FAULTS: Mapping[str, CameraFault] = {
    'stamp_stands_still': CameraFault(stamp=_FirstStamp(lambda first_ns, now_ns: first_ns)),
    'stamp_zero': CameraFault(stamp=lambda now_ns, count: 0),
    'stamp_negative': CameraFault(stamp=lambda now_ns, count: -5 * NS_PER_S),
    'stamp_5_s_old': _shifted(-5 * NS_PER_S),
    'stamp_5_s_ahead': _shifted(5 * NS_PER_S),
    'stamp_09_ahead': _shifted(9 * NS_PER_S // 10),
    'stamp_1_h_ahead': _shifted(HOUR_NS),
    'stamp_in_2038': CameraFault(stamp=lambda now_ns, count: FAR_NS - 10 * NS_PER_S + count),
    'stamp_half_speed': CameraFault(
        stamp=_FirstStamp(lambda first_ns, now_ns: first_ns + (now_ns - first_ns) // 2)),
    'stamp_once_1_h_ahead': CameraFault(stamp=lambda now_ns, count: now_ns + HOUR_NS, frames=1),
}


def _header(**values: Any) -> Callable[[Image, int], Image]:
    """Change fields of a message."""
    def change(message: Image, count: int) -> Image:
        for name, value in values.items():
            setattr(message, name, value)
        return message
    return change


def _bad_nanosec(message: Any, count: int) -> Any:
    message.header.stamp = Time(sec=message.header.stamp.sec, nanosec=1_500_000_000)
    return message


def _short_data(message: Image, count: int) -> Image:
    message.data = message.data[:len(message.data) // 2]
    return message


def _other_size(message: Image, count: int) -> Image:
    return uint8_image(np.random.default_rng(count).integers(60, 180, (240, 400, 3), np.uint8),
                       message.header)


def _focal(factor: float) -> Callable[[CameraInfo], CameraInfo]:
    """Multiply the focal length."""
    def change(info: CameraInfo) -> CameraInfo:
        for values, indices in ((info.k, (0, 4)), (info.p, (0, 5))):
            for index in indices:
                values[index] *= factor
        return info
    return change


def _info_size(info: CameraInfo) -> CameraInfo:
    info.width, info.height = 2 * info.width, 2 * info.height
    return info


def _uncalibrated(info: CameraInfo) -> CameraInfo:
    return CameraInfo(header=info.header, width=info.width, height=info.height)


def _jpeg(change: Callable[[bytes, int], bytes]) -> CameraFault:
    """Change the data of a compressed image."""
    def changed(message: CompressedImage, count: int) -> CompressedImage:
        return compressed_message(change(bytes(message.data), count), message.header)
    return CameraFault(message=changed)


def _without_end(share: float) -> Callable[[bytes, int], bytes]:
    return lambda data, count: data[:int(len(data) * (1 - share))] + END_OF_IMAGE


def _without_middle(data: bytes, count: int) -> bytes:
    return data[:len(data) // 2] + data[len(data) // 2 + 600:]


def _random_data(data: bytes, count: int) -> bytes:
    return np.random.default_rng(count).bytes(len(data))


def jpeg_bomb(side: int) -> bytes:
    """Make the header of a JPEG that claims side x side px and has no data."""
    frame = struct.pack('>BHHB', 8, side, side, 3) + bytes((1, 0x11, 0, 2, 0x11, 0, 3, 0x11, 0))
    table = bytes(1) + bytes([1] * 64)
    scan = bytes((3, 1, 0, 2, 0, 3, 0, 0, 63, 0))
    parts = ((0xdb, table), (0xc0, frame), (0xda, scan))
    body = b''.join(struct.pack('>BBH', 0xff, kind, len(data) + 2) + data for kind, data in parts)
    return b'\xff\xd8' + body + bytes(JPEG_TAIL) + END_OF_IMAGE


@cache
def png_bomb(side: int) -> bytes:
    """Make a small PNG of side x side black px."""
    def chunk(kind: bytes, data: bytes) -> bytes:
        return (struct.pack('>I', len(data)) + kind + data
                + struct.pack('>I', zlib.crc32(kind + data)))
    pack = zlib.compressobj(9)
    row = bytes(1 + 3 * side)
    data = b''.join(pack.compress(row) for _ in range(side)) + pack.flush()
    header = struct.pack('>IIBBBBB', side, side, 8, 2, 0, 0, 0)
    return (b'\x89PNG\r\n\x1a\n' + chunk(b'IHDR', header) + chunk(b'IDAT', data)
            + chunk(b'IEND', b''))


def png_bomb_fault() -> CameraFault:
    """Make the fault; the PNG is made before the camera needs it, which takes seconds."""
    data = png_bomb(PNG_BOMB_PX)
    return CameraFault(message=lambda message, count: compressed_message(
        data, message.header, 'png'))


MESSAGE_FAULTS: Mapping[str, CameraFault] = {
    'nanosec_1_5e9': CameraFault(message=_bad_nanosec),
    'encoding_unknown': CameraFault(message=_header(encoding='no_such_encoding')),
    'encoding_1_mb': CameraFault(message=_header(encoding='x' * 10**6)),
    'encoding_depth': CameraFault(message=_header(encoding='32FC1')),
    'data_short': CameraFault(message=_short_data),
    'data_empty': CameraFault(message=_header(data=pixel_buffer(np.zeros(0, np.uint8)))),
    'size_zero': CameraFault(message=_header(width=0, height=0)),
    'size_huge': CameraFault(message=_header(width=20000, height=20000)),
    'size_2_32': CameraFault(message=_header(width=2**32 - 1, height=2**32 - 1)),
    'step_zero': CameraFault(message=_header(step=0)),
    'step_huge': CameraFault(message=_header(step=4 * 10**9)),
    'size_other': CameraFault(message=_other_size),
    'every_second_bad': CameraFault(message=_header(encoding='no_such_encoding'), every=2),
    'every_tenth_bad': CameraFault(message=_header(encoding='no_such_encoding'), every=10),
    'info_nan': CameraFault(info=_focal(float('nan'))),
    'info_negative': CameraFault(info=_focal(-1.)),
    'info_tiny': CameraFault(info=_focal(1e-8)),
    'info_tenth': CameraFault(info=_focal(.1)),
    'info_huge': CameraFault(info=_focal(1e4)),
    'info_other_size': CameraFault(info=_info_size),
    'info_uncalibrated': CameraFault(info=_uncalibrated),
    'jpeg_random': _jpeg(_random_data),
    'jpeg_empty': _jpeg(lambda data, count: b''),
    'jpeg_cut': _jpeg(lambda data, count: data[:len(data) // 2]),
    'jpeg_lost_5': _jpeg(_without_end(.05)),
    'jpeg_lost_15': _jpeg(_without_end(.15)),
    'jpeg_lost_middle': _jpeg(_without_middle),
    'jpeg_bomb': _jpeg(lambda data, count: jpeg_bomb(30000)),
}
