# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""Drives on disk for tests of training: a road, a sky and a wall, in milliseconds."""
import json
from pathlib import Path

from bdl_perception.perception.data_types import CLASS_NAMES, IGNORE
import cv2
import numpy as np

ROAD, SKY, BUILDING = (CLASS_NAMES.index(name) for name in ('road', 'sky', 'building'))
COLOURS = {ROAD: (90, 90, 95), SKY: (150, 190, 240), BUILDING: (170, 110, 80)}  # rgb
CAMERA_HEIGHT_M = 1.5


def make_tiny_drives(root: Path, *, split: str = 'train', drives: int = 2, frames: int = 3,
                     height: int = 32, width: int = 64, seed: int = 0) -> Path:
    """Write drives train_0000, train_0001, ... in the format of `bdl render`; returns root."""
    rng = np.random.default_rng(seed)
    for number in range(drives):
        _write_drive(root / f'{split}_{number:04d}', split, frames, height, width, rng)
    return root


def _write_drive(folder: Path, split: str, frames: int, height: int, width: int,
                 rng: np.random.Generator) -> None:
    for part in ('rgb', 'depth', 'classes'):
        (folder / part).mkdir(parents=True)
    fx = .8 * width
    for number in range(frames):
        rgb, depth, classes = _street(height, width, fx, rng)
        name = f'{number:06d}'
        stored = np.where(np.isinf(depth), 65535, np.round(np.nan_to_num(depth, posinf=0) * 256))
        cv2.imwrite(str(folder / 'rgb' / f'{name}.jpg'), rgb[..., ::-1],
                    [cv2.IMWRITE_JPEG_QUALITY, 95])
        cv2.imwrite(str(folder / 'depth' / f'{name}.png'), stored.astype(np.uint16))
        cv2.imwrite(str(folder / 'classes' / f'{name}.png'), classes)
    (folder / 'drive.json').write_text(json.dumps({
        'format': 1, 'name': folder.name, 'seed': 0, 'split': split,
        'conditions': [{'name': 'day', 'start_s': 0, 'end_s': frames / 10}], 'rate_hz': 10.,
        'width': width, 'height': height, 'frames': frames,
        'camera': {'fx': fx, 'fy': fx, 'cx': width / 2 - .5, 'cy': height / 2 - .5},
        'stamps_ns': [number * 100_000_000 for number in range(frames)],
        'software_version': '0.1.0'}))


def _street(height: int, width: int, fx: float,
            rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Draw rgb, depth in m and classes; the upper left pixel is unknown and without label."""
    horizon = height // 2 - 2
    rows = np.arange(height)[:, None] - horizon  # (H, 1) px below the horizon
    depth = np.where(rows > 0, CAMERA_HEIGHT_M * fx / np.maximum(rows, 1), np.inf)
    depth = np.broadcast_to(depth, (height, width)).copy()  # (H, W) m
    classes = np.where(np.isinf(depth), SKY, ROAD).astype(np.uint8)
    left, wall_m = int(rng.integers(0, width // 2)), float(rng.uniform(5, 20))
    wall = np.s_[horizon - 6:horizon + 3, left:left + width // 4]
    depth[wall], classes[wall] = wall_m, BUILDING
    rgb = np.zeros((height, width, 3))
    for class_id, colour in COLOURS.items():
        rgb[classes == class_id] = colour
    rgb += rng.normal(0, 6, rgb.shape)
    depth[0, 0], classes[0, 0] = np.nan, IGNORE
    return np.clip(rgb, 0, 255).astype(np.uint8), depth, classes
