# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""A KITTI of noise with lidar in every other row, in the layout of its depth data set."""
from pathlib import Path

import cv2
import numpy as np

DATE = '2011_09_26'
CAMERAS = ('image_02', 'image_03')


def make_tiny_kitti(root: Path, split: str, frames: int, *, height: int = 32,
                    width: int = 64) -> Path:
    """Write one drive of a split with that many frames of each of both cameras."""
    rng = np.random.default_rng(0)
    drive = f'{DATE}_drive_{len(split):04d}_sync'
    depth = np.zeros((height, width), np.uint16)
    depth[::2] = 256 * np.linspace(40, 4, height // 2)[:, None]
    for camera in CAMERAS:
        truth = root / split / drive / 'proj_depth' / 'groundtruth' / camera
        images = root / DATE / drive / camera / 'data'
        for number in range(frames):
            rgb = rng.integers(0, 256, (height, width, 3), np.uint8)
            for folder, image in ((truth, depth), (images, rgb)):
                folder.mkdir(parents=True, exist_ok=True)
                cv2.imwrite(str(folder / f'{number:010d}.png'), image)
    (root / DATE / 'calib_cam_to_cam.txt').write_text(''.join(
        f'P_rect_{camera[-2:]}: {.8 * width} 0 0 0 0 1 0 0 0 0 1 0\n' for camera in CAMERAS))
    return root
