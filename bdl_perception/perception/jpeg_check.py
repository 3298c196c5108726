# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""
Find out whether data of a JPEG were lost (ITU-T T.81).

The end marker, every restart marker and every pass of a progressive image must be there, and each
block needs two bits. A decoder that runs out of data fills the rest with grey and only prints a
warning. Where an interval ends in that grey, or the end cannot be seen, the image is decoded again
with more bytes at the end of each interval: whole data have no use for them. Changed bytes that
leave the number of blocks as it is are not found, nor is a loss within the last block, or within
one of the first passes of a progressive image.
"""
from dataclasses import dataclass, field
from itertools import pairwise
import re
import struct
from typing import Any, Iterator, NamedTuple

import cv2
import numpy as np

FILL = 128  # of a decoder, where data are missing
SPARE = b'\xa5'
MANY = 64  # bytes for several blocks; a decoder says on stderr that they were left over
MARKER = re.compile(rb'\xff([\x01-\xcf\xd8-\xfe])')  # in data, ff is followed by 00
RESTART = re.compile(rb'\xff([\xd0-\xd7])')
FILL_BYTE = 0xff  # any number before a marker; a pattern with ff+ takes the square of their number
FIRST_RESTART = 0xd0
START, END, SCAN, RESTART_INTERVAL, EXIF = 0xd8, 0xd9, 0xda, 0xdd, 0xe1
FRAMES = {*range(0xc0, 0xd0)} - {0xc4, 0xc8, 0xcc}  # tables and a reserved one
SEQUENTIAL, PROGRESSIVE = (0xc0, 0xc1), 0xc2
BLOCK = 8  # px


class Scan(NamedTuple):
    """One scan: its components, coefficients first to last, the bit still missing, its data."""

    components: tuple[int, ...]
    first: int
    last: int
    low_bit: int
    restart_interval: int  # in units (MCUs), 0: no restart
    begin: int
    end: int


@dataclass
class Jpeg:
    """What the markers tell; sampling: component -> blocks of a unit, across and down."""

    frame: int = 0
    width: int = 0
    height: int = 0
    sampling: dict[int, tuple[int, int]] = field(default_factory=dict)
    scans: list[Scan] = field(default_factory=list)
    has_exif: bool = False
    has_end: bool = False

    def unit_px(self, scan: Scan) -> tuple[int, int]:
        """Size of the unit of a scan, as px of the image."""
        across, down = (max(sizes) for sizes in zip(*self.sampling.values(), strict=True))
        if len(scan.components) > 1:
            return BLOCK * across, BLOCK * down
        own = self.sampling[scan.components[0]]
        return BLOCK * across // own[0], BLOCK * down // own[1]

    def units(self, scan: Scan) -> tuple[int, int]:
        """Count the units of a scan, across and down."""
        width, height = self.unit_px(scan)
        return -(-self.width // width), -(-self.height // height)


def parse_jpeg(data: bytes) -> Jpeg:
    """Read the markers; ValueError when there is no size or the header is cut off."""
    try:
        jpeg = _read_markers(data)
    except (IndexError, struct.error) as error:
        raise ValueError(f'a JPEG of {len(data)} bytes ends within a header') from error
    if not jpeg.sampling:
        raise ValueError('a JPEG without a size')
    return jpeg


def _read_markers(data: bytes) -> Jpeg:
    jpeg, interval = Jpeg(), 0
    for code, begin, end in _segments(data):
        if code in FRAMES and not jpeg.frame:
            jpeg.frame = code
            jpeg.height, jpeg.width, count = struct.unpack_from('>2HB', data, begin + 1)
            for at in range(begin + 6, begin + 6 + 3 * count, 3):
                jpeg.sampling[data[at]] = data[at + 1] >> 4 or 1, data[at + 1] & 15 or 1
        elif code == RESTART_INTERVAL:
            interval = struct.unpack_from('>H', data, begin)[0]
        elif code == SCAN:
            jpeg.scans.append(_parse_scan(data, begin, end, interval))
        jpeg.has_exif |= code == EXIF
        jpeg.has_end |= code == END
    return jpeg


def has_lost_data(data: bytes, bgr: Any) -> bool:
    """Return whether data are missing; bgr (H, W, 3) or (H, W): the decoded image."""
    jpeg = parse_jpeg(data)
    if not jpeg.has_end or not jpeg.scans or not _has_all_coefficients(jpeg):
        return True
    if any(_lacks_data(data, jpeg, scan) for scan in jpeg.scans):
        return True
    spare = _spare_bytes(jpeg, bgr)
    if not spare:
        return False
    flags = cv2.IMREAD_UNCHANGED if bgr.ndim == 2 else cv2.IMREAD_COLOR
    again = cv2.imdecode(np.frombuffer(_extend(data, jpeg, spare), np.uint8), flags)
    return again is None or not np.array_equal(again, bgr)


def _segments(data: bytes) -> Iterator[tuple[int, int, int]]:
    """Give the code of each marker, and begin and end of its parameters, up to the end marker."""
    at = 2
    while found := MARKER.search(data, at):
        code, at = found[1][0], found.end()
        if code in (START, END, 1):
            yield code, at, at
            if code == END:
                return
            continue
        end = at + struct.unpack_from('>H', data, at)[0]
        if end > len(data):
            raise ValueError(f'a JPEG of {len(data)} bytes ends within a header')
        yield code, at + 2, end
        at = end


def _parse_scan(data: bytes, begin: int, end: int, interval: int) -> Scan:
    count = data[begin]
    components = tuple(data[begin + 1:begin + 1 + 2 * count:2])
    first, last, bits = data[begin + 1 + 2 * count:begin + 4 + 2 * count]
    following = MARKER.search(data, end)
    return Scan(components, first, last, bits & 15, interval, end,
                _marker_start(data, end, following.start()) if following else len(data))


def _marker_start(data: bytes, begin: int, start: int) -> int:
    """Go back over the fill bytes before a marker, at most to begin."""
    while start > begin and data[start - 1] == FILL_BYTE:
        start -= 1
    return start


def _has_all_coefficients(jpeg: Jpeg) -> bool:
    """Return whether each component was sent, of a progressive image to the last bit."""
    if jpeg.frame != PROGRESSIVE:
        return {one for scan in jpeg.scans for one in scan.components} >= set(jpeg.sampling)
    low_bits = {(one, index): scan.low_bit for scan in jpeg.scans for one in scan.components
                for index in range(scan.first, min(scan.last + 1, BLOCK * BLOCK))}
    return all(low_bits.get((one, index), 1) == 0
               for one in jpeg.sampling for index in range(BLOCK * BLOCK))


def _lacks_data(data: bytes, jpeg: Jpeg, scan: Scan) -> bool:
    """Return whether a restart marker is missing, or blocks have less than two bits each."""
    if not set(scan.components) <= set(jpeg.sampling) or not scan.components:
        return True
    across, down = jpeg.units(scan)
    if scan.restart_interval:
        found = [one[1][0] for one in RESTART.finditer(data, scan.begin, scan.end)]
        need = -(-across * down // scan.restart_interval) - 1
        if len(found) < need or any(code != FIRST_RESTART + index % 8
                                    for index, code in enumerate(found)):
            return True
    sizes = [jpeg.sampling[one] for one in scan.components]
    blocks = sum(one[0] * one[1] for one in sizes) if len(sizes) > 1 else 1
    return jpeg.frame in SEQUENTIAL and 8 * (scan.end - scan.begin) < 2 * blocks * across * down


def _spare_bytes(jpeg: Jpeg, bgr: Any) -> bytes:
    """Give many bytes when an interval ends in grey, one when its end is not known, else none."""
    scan = jpeg.scans[0]
    if (len(jpeg.scans) > 1 or jpeg.frame not in SEQUENTIAL or len(jpeg.sampling) > 3
            or jpeg.has_exif or bgr.shape[:2] != (jpeg.height, jpeg.width)):
        return SPARE
    (width, height), (across, down) = jpeg.unit_px(scan), jpeg.units(scan)
    step = scan.restart_interval or across * down
    last = np.append(np.arange(step, across * down, step), across * down) - 1
    rows = np.minimum(last // across * height + height // 2, jpeg.height - 1)
    columns = np.minimum(last % across * width + width // 2, jpeg.width - 1)
    values = bgr[rows, columns].reshape(len(last), -1)  # the centre of the last unit
    return MANY * SPARE if (values == FILL).all(axis=1).any() else b''


def _extend(data: bytes, jpeg: Jpeg, spare: bytes) -> bytes:
    """Insert bytes before each restart marker, and at the end of each scan that may be cut off."""
    scans = jpeg.scans[-1:] if jpeg.frame == PROGRESSIVE else jpeg.scans
    ends = {scan.end for scan in scans}
    for scan in scans:
        if scan.restart_interval:
            ends |= {_marker_start(data, scan.begin, one.start())
                     for one in RESTART.finditer(data, scan.begin, scan.end)}
    places = [0, *sorted(ends), len(data)]
    return spare.join(data[begin:end] for begin, end in pairwise(places))
