# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""Stamps as one number, and headers made of them, bit for bit."""
from builtin_interfaces.msg import Time
from std_msgs.msg import Header

SECOND_NS = 10**9


def stamp_to_ns(stamp: Time) -> int:
    """Give a stamp as one number; ValueError when it would not come back bit for bit."""
    if stamp.nanosec >= SECOND_NS:
        raise ValueError(f'stamp has {stamp.nanosec} ns after the second, must be below 10^9')
    return int(stamp.sec) * SECOND_NS + int(stamp.nanosec)


def header(stamp_ns: int, frame_id: str) -> Header:
    """Make the header of everything that is computed from a frame."""
    sec, nanosec = divmod(stamp_ns, SECOND_NS)
    return Header(stamp=Time(sec=sec, nanosec=nanosec), frame_id=frame_id)
