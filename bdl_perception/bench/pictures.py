# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""The pictures that the benchmark's camera sends: of the bundled drive, at 640x384 px."""
from itertools import takewhile
from pathlib import Path

from bdl_perception.drives import open_drive
from bdl_perception.perception.values import Bytes
import cv2
import numpy as np

DRIVE = Path(__file__).parent.parent / 'demo' / 'street_fog_dirt.mp4'
WIDTH, HEIGHT = 640, 384  # px; the drive has 480x288, the same shape
NOMINAL, STRANGE = 'nominal', 'strange'
# s of the drive; there are fewer pictures than are sent, so they repeat
PARTS_S = {NOMINAL: (1.0, 7.0), STRANGE: (18.0, 22.0)}  # sun, dense fog


def write_pictures(path: Path) -> None:
    """Write an .npz with (N, HEIGHT, WIDTH, 3) rgb for each part."""
    drive = open_drive(DRIVE)
    parts: dict[str, list[Bytes]] = {name: [] for name in PARTS_S}
    last_ns = max(end_s for _, end_s in PARTS_S.values()) * 1e9
    for frame in takewhile(lambda frame: frame.stamp_ns < last_ns, drive):
        for name, (begin_s, end_s) in PARTS_S.items():
            if begin_s <= frame.stamp_ns / 1e9 < end_s:
                parts[name].append(enlarged(frame.rgb))
    np.savez(path, nominal=np.stack(parts[NOMINAL]), strange=np.stack(parts[STRANGE]))


def enlarged(rgb: Bytes) -> Bytes:
    """Bring a picture to the size of the camera."""
    return np.asarray(cv2.resize(rgb, (WIDTH, HEIGHT), interpolation=cv2.INTER_LINEAR), np.uint8)
