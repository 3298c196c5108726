# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""Random edits of bytes and of JSON, from a seed: what a damaged or a hostile file looks like."""
from copy import deepcopy
import json
import random
from typing import Any, Callable, Sequence

NUMBERS = (0, 1, 2, 3, 7, 8, 127, 128, 254, 255, 256, 32767, 32768, 65535, 65536, 2**31 - 1, 2**31,
           2**32 - 1, 2**63 - 1, 2**64 - 1)
VALUES: tuple[Any, ...] = (
    None, True, False, 0, 1, -1, 2, .5, 1.5, 1e-9, 1e300, -1e300, 10**400, float('nan'),
    float('inf'), float('-inf'), '', 'a', 'a' * 300, '\n\x1b[31m', [], [[]], {}, {'a': 1},
    [0.] * 1000, '1e5')
MAX_GROWTH = 4096  # bytes that one edit may add


def edited(data: bytes, others: Sequence[bytes], draw: random.Random) -> bytes:
    """Return data after one to six edits; others: what parts may be taken from."""
    for _ in range(draw.choice((1, 1, 1, 2, 3, 6))):
        edit = draw.choice(EDITS)
        data = edit(bytearray(data), draw.choice(others), draw) if data else draw.choice(others)
    return data


def _flip(data: bytearray, other: bytes, draw: random.Random) -> bytes:
    at = draw.randrange(len(data))
    data[at] ^= 1 << draw.randrange(8)
    return bytes(data)


def _number(data: bytearray, other: bytes, draw: random.Random) -> bytes:
    """Write a number at the edge of a type in either byte order: sizes and counts become large."""
    width, order = draw.choice((1, 2, 4, 8)), draw.choice(('little', 'big'))
    value = draw.choice(NUMBERS) % 256**width
    at = draw.randrange(len(data))
    data[at:at + width] = value.to_bytes(width, order)  # type: ignore[arg-type]
    return bytes(data)


def _cut(data: bytearray, other: bytes, draw: random.Random) -> bytes:
    begin = draw.randrange(len(data))
    end = draw.choice((len(data), begin + draw.randrange(1, 64)))
    return bytes(data[:begin] + data[end:])


def _repeat(data: bytearray, other: bytes, draw: random.Random) -> bytes:
    begin = draw.randrange(len(data))
    part = data[begin:begin + draw.randrange(1, 64)]
    return bytes(data[:begin] + part * draw.randrange(1, MAX_GROWTH // len(part)) + data[begin:])


def _splice(data: bytearray, other: bytes, draw: random.Random) -> bytes:
    """Begin as one input and go on as another."""
    return bytes(data[:draw.randrange(len(data) + 1)] + other[draw.randrange(len(other) + 1):])


def _noise(data: bytearray, other: bytes, draw: random.Random) -> bytes:
    at = draw.randrange(len(data))
    data[at:at] = draw.randbytes(draw.randrange(1, 16))
    return bytes(data)


EDITS: tuple[Callable[[bytearray, bytes, random.Random], bytes], ...] = (
    _flip, _flip, _number, _number, _cut, _repeat, _splice, _noise)


def edited_json(data: bytes, others: Sequence[bytes], draw: random.Random) -> bytes:
    """Edit the values of a JSON text, which stays JSON; one in four is edited as bytes."""
    if draw.randrange(4) == 0:
        return edited(data, others, draw)
    try:
        root = json.loads(data)
    except (ValueError, RecursionError):
        root = json.loads(draw.choice(others))
    for _ in range(draw.choice((1, 1, 2, 4))):
        root = _with_edit(root, draw)
    return json.dumps(root).encode()


def _with_edit(value: Any, draw: random.Random) -> Any:
    """Go down to a random value and replace, remove, add or repeat it."""
    if isinstance(value, (dict, list)) and value and draw.randrange(5):
        keys = list(value) if isinstance(value, dict) else range(len(value))
        key = draw.choice(keys)
        action = draw.randrange(12)
        if action == 0:
            del value[key]
        elif action == 1 and isinstance(value, dict):
            value[draw.choice(('format', 'x', *map(str, keys)))] = value[key]
        elif action == 1:
            value.append(value[key])
        else:
            value[key] = _with_edit(value[key], draw)
        return value
    if type(value) in (int, float) and abs(value) < 1e300 and draw.randrange(2):
        return draw.choice((-value, value + 1, value / 2, value * 1e6, float(value)))
    return deepcopy(draw.choice(VALUES))
