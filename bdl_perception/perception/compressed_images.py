# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""
Decode JPEG, PNG and other compressed images, but only whole ones of a limited size.

The size is read from the header, before memory is taken for the pixels. A decoder may fill what
is missing with grey: lost data are found as described in `jpeg_check`, or by the checksums of a
PNG. Other formats rely on their decoder. AVIF is left out, since its decoder takes the size from
another place than its header.
"""
import re
import struct
from typing import Any, Callable, NamedTuple
import zlib

from bdl_perception.perception.data_types import MAX_IMAGE_PIXELS
from bdl_perception.perception.jpeg_check import has_lost_data, parse_jpeg
import cv2
import numpy as np
from numpy.typing import NDArray

IMAGE_SUFFIXES = (  # of the formats of `image_size`
    '.jpg', '.jpeg', '.jpe', '.png', '.bmp', '.dib', '.webp', '.tif', '.tiff', '.jp2', '.gif',
    '.pbm', '.pgm', '.ppm', '.pnm', '.sr', '.ras', '.hdr', '.pic')
PNG_BITS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}  # colour type -> values per pixel
TIFF_WIDTH, TIFF_HEIGHT, TIFF_STRIP_ROWS = 256, 257, 278  # tags
TIFF_TILE_WIDTH, TIFF_TILE_HEIGHT = 322, 323
TIFF_SIZES = {TIFF_WIDTH, TIFF_HEIGHT, TIFF_STRIP_ROWS, TIFF_TILE_WIDTH, TIFF_TILE_HEIGHT}
TIFF_TYPES = {3: 'H', 4: 'I'}  # of a size
WHOLE_IMAGE = 2**32 - 1  # rows of a strip
STREAM_BYTES = 2**20  # of a PNG that are inflated at once

Size = tuple[int, int]  # width, height in px
Pixels = NDArray[np.uint8] | NDArray[np.uint16]


class ImageFormat(NamedTuple):
    """The first bytes of a format, and a function that reads the size from its header."""

    name: str
    signature: re.Pattern[bytes]
    size: Callable[[bytes], Size]


def decode_image(data: bytes, max_pixels: int = MAX_IMAGE_PIXELS, mosaic: bool = False) -> Pixels:
    """
    Decode to BGR (H, W, 3), or to (H, W) when mosaic is set and the image has one channel.

    Images of 16 bits stay uint16. ValueError: the image is too large, damaged or unknown.
    """
    name, (width, height) = image_size(data)
    if width < 1 or height < 1:
        raise ValueError(f'{name} image is {width}x{height} px and cannot be decoded')
    if width * height > max_pixels:
        raise ValueError(f'{name} image of {len(data)} bytes claims {width}x{height} px, too '
                         f'large to decode: max_image_pixels is {max_pixels}')
    if name == 'PNG':
        _check_png(data)
    if name == 'TIFF':
        _check_tiff(data, max_pixels)
    flags = cv2.IMREAD_UNCHANGED if mosaic else cv2.IMREAD_COLOR | cv2.IMREAD_ANYDEPTH
    pixels: Pixels = _decode(data, flags)
    if pixels.dtype not in (np.uint8, np.uint16) or pixels.ndim == 3 and pixels.shape[2] != 3:
        pixels = _decode(data, cv2.IMREAD_COLOR)
    if name == 'JPEG' and has_lost_data(data, pixels):
        raise ValueError(f'JPEG image of {len(data)} bytes cannot be decoded: a part of its data '
                         f'is lost or damaged')
    return pixels


def image_size(data: bytes) -> tuple[str, Size]:
    """Read the name of the format and the size from the header; ValueError when that fails."""
    for known in FORMATS:
        if known.signature.match(data):
            try:
                return known.name, known.size(data)
            except (struct.error, IndexError, AttributeError, ValueError) as error:
                raise ValueError(f'{known.name} image of {len(data)} bytes cannot be decoded: its '
                                 f'header is damaged') from error
    raise ValueError(f'image of {len(data)} bytes cannot be decoded: it is none of '
                     f'{", ".join(known.name for known in FORMATS)}')


def _decode(data: bytes, flags: int) -> Any:
    try:
        pixels = cv2.imdecode(np.frombuffer(data, np.uint8), flags)
    except cv2.error as error:
        raise ValueError(f'image of {len(data)} bytes cannot be decoded: {error.err}') from error
    if pixels is None:
        raise ValueError(f'image of {len(data)} bytes cannot be decoded; is it truncated?')
    return pixels


def _check_png(data: bytes) -> None:
    """Check the checksum of each chunk and of the pixels; ValueError when a part is missing."""
    at, pixel_data, ended = 8, [], False
    while at + 12 <= len(data) and not ended:
        length, kind = struct.unpack_from('>I4s', data, at)
        body = data[at + 4:at + 8 + length]
        if zlib.crc32(body) != int.from_bytes(data[at + 8 + length:at + 12 + length], 'big'):
            break
        if kind == b'IDAT':
            pixel_data.append(body[4:])
        ended, at = kind == b'IEND', at + 12 + length
    if not ended or not _is_whole_stream(b''.join(pixel_data), _png_bytes(data)):
        raise ValueError(f'PNG image of {len(data)} bytes cannot be decoded: a part of it is '
                         f'lost or damaged')


def _png_bytes(data: bytes) -> int:
    """Count the bytes of the inflated pixels; of an interlaced image a lower bound."""
    width, height, bits, kind, _, _, interlaced = struct.unpack_from('>2I5B', data, 16)
    row_bytes = -(-width * bits * PNG_BITS.get(kind, 1) // 8)
    return int(height * (row_bytes if interlaced else row_bytes + 1))


def _is_whole_stream(data: bytes, need: int) -> bool:
    stream, count = zlib.decompressobj(), 0
    try:
        while not stream.eof and count <= 2 * need + STREAM_BYTES:  # ends with its checksum
            inflated = stream.decompress(data, STREAM_BYTES)
            count, data = count + len(inflated), stream.unconsumed_tail
            if not inflated and not data:
                break
    except zlib.error:
        return False
    return stream.eof and count >= need


def _jpeg_size(data: bytes) -> Size:
    header = parse_jpeg(data)
    return header.width, header.height


def _bmp_size(data: bytes) -> Size:
    if struct.unpack_from('<I', data, 14)[0] == 12:  # OS/2
        width, height = struct.unpack_from('<2H', data, 18)
    else:
        width, height = struct.unpack_from('<2i', data, 18)
    return width, abs(height)  # negative: the first row is on top


def _webp_size(data: bytes) -> Size:
    kind = data[12:16]
    if kind == b'VP8X':
        across, down = data[24:27], data[27:30]
        return int.from_bytes(across, 'little') + 1, int.from_bytes(down, 'little') + 1
    if kind == b'VP8L':
        bits = struct.unpack_from('<I', data, 21)[0]
        return (bits & 0x3fff) + 1, (bits >> 14 & 0x3fff) + 1
    width, height = struct.unpack_from('<2H', data, 26)
    return width & 0x3fff, height & 0x3fff


def _tiff_size(data: bytes) -> Size:
    found = _tiff_sizes(data)
    return found.get(TIFF_WIDTH, 0), found.get(TIFF_HEIGHT, 0)


def _check_tiff(data: bytes, max_pixels: int) -> None:
    """Check that a tile or strip, for which the decoder takes memory, is not too large."""
    found = _tiff_sizes(data)
    width = found.get(TIFF_TILE_WIDTH, found[TIFF_WIDTH])
    rows = found.get(TIFF_STRIP_ROWS, WHOLE_IMAGE)
    strip = found[TIFF_WIDTH] * rows if rows != WHOLE_IMAGE else 0
    if max(width * found.get(TIFF_TILE_HEIGHT, 0), strip) > max_pixels:
        raise ValueError(f'TIFF image of {len(data)} bytes has a tile or strip that is too large '
                         f'to decode: max_image_pixels is {max_pixels}')


def _tiff_sizes(data: bytes) -> dict[int, int]:
    """Read the sizes in the first directory: tag -> value; ValueError for another type."""
    order = '<' if data[:2] == b'II' else '>'
    offset, found = struct.unpack_from(f'{order}I', data, 4)[0], dict[int, int]()
    for index in range(struct.unpack_from(f'{order}H', data, offset)[0]):
        at = offset + 2 + 12 * index
        tag, kind, count = struct.unpack_from(f'{order}2HI', data, at)
        if tag not in TIFF_SIZES:
            continue
        if kind not in TIFF_TYPES or count != 1:  # the value may be at another place
            raise ValueError(f'tag {tag} is no number')
        found.setdefault(tag, struct.unpack_from(order + TIFF_TYPES[kind], data, at + 8)[0])
    return found


def _text_size(pattern: bytes, order: tuple[int, int] = (1, 2)) -> Callable[[bytes], Size]:
    """Return a function that finds width and height, which are text, in the header."""
    compiled = re.compile(pattern)

    def size(data: bytes) -> Size:
        found = compiled.search(data[:4096])
        if found is None:
            raise ValueError('no size')
        return int(found[order[0]]), int(found[order[1]])
    return size


def _packed_size(layout: str, marker: bytes) -> Callable[[bytes], Size]:
    """Return a function that unpacks width and height behind the marker."""
    def size(data: bytes) -> Size:
        width, height = struct.unpack_from(layout, data, data.index(marker) + len(marker))
        return width, height
    return size


def _jp2_size(data: bytes) -> Size:
    """Read the first ihdr of the first jp2h, as the decoder does; other boxes may name it."""
    begin, end = _find_box(data, 0, len(data), b'jp2h')
    height, width = struct.unpack_from('>2I', data, _find_box(data, begin, end, b'ihdr')[0])
    return width, height


def _find_box(data: bytes, begin: int, end: int, kind: bytes) -> tuple[int, int]:
    """Return begin and end of the content of the first box of a kind (ISO/IEC 15444-1, I.4)."""
    while begin < end:
        length, found = struct.unpack_from('>I4s', data, begin)
        content = begin + 8
        if length == 1:  # the length has 64 bits
            length, content = struct.unpack_from('>Q', data, content)[0], content + 8
        following = begin + length if length else end  # 0: the last box
        if found == kind:
            return content, following
        if following < content:
            break
        begin = following
    raise ValueError(f'no box {kind!r}')


FORMATS = tuple(ImageFormat(name, re.compile(signature, re.DOTALL), size)
                for name, signature, size in (
    ('JPEG', rb'\xff\xd8\xff', _jpeg_size),
    ('PNG', rb'\x89PNG\r\n\x1a\n', _packed_size('>2I', b'IHDR')),
    ('BMP', rb'BM', _bmp_size),
    ('WebP', rb'RIFF....WEBP', _webp_size),
    ('TIFF', rb'II\*\0|MM\0\*', _tiff_size),
    ('JPEG 2000', rb'\0\0\0\x0cjP  ', _jp2_size),
    ('GIF', rb'GIF8', _packed_size('<2H', b'a')),
    ('PNM', rb'P[1-6]\s', _text_size(rb'P[1-6](?:\s+|#[^\n]*\n)+(\d+)(?:\s+|#[^\n]*\n)+(\d+)')),
    ('Sun raster', rb'\x59\xa6\x6a\x95', _packed_size('>2I', b'\x59\xa6\x6a\x95')),
    ('HDR', rb'#\?R', _text_size(rb'\n[-+]Y (\d+) [-+]X (\d+)', (2, 1)))))
