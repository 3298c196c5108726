# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""The points of a depth map in the optical frame of its camera, with their uncertainties."""
from typing import Any, TypeAlias

from bdl_perception.perception.data_types import Bytes, Epistemic, Floats, Prediction
import numpy as np
from numpy.typing import NDArray

POINT = np.dtype({  # little-endian, 28 bytes a point
    'names': ['x', 'y', 'z', 'rgb', 'epistemic_std', 'aleatoric_std', 'class_id'],
    'formats': ['<f4', '<f4', '<f4', '<u4', '<f4', '<f4', 'u1'],
    'offsets': [0, 4, 8, 12, 16, 20, 24], 'itemsize': 28})
MAX_EPISTEMIC_AGE_NS = 1_000_000_000  # older maps show another place: 14 m at 50 km/h
Points: TypeAlias = NDArray[Any]


def point_cloud(prediction: Prediction, rgb: Bytes, epistemic: Epistemic | None) -> Points:
    """
    Return the points (N,) of the pixels with finite depth, in their order, by the pinhole model.

    x = (u - cx) z / fx to the right, y = (v - cy) z / fy down, z = depth forward, in m (REP-103).
    By hand: z = 10 m, u - cx = 50 px, fx = 100 px gives x = 5 m.
    rgb: (H, W, 3), of the size of the maps; packed as 0x00RRGGBB. epistemic: of the last cycle,
    see epistemic_std_of. Lens distortion is not removed. ValueError: the camera is unknown.
    """
    camera = prediction.camera
    if camera is None:
        raise ValueError('the camera is unknown: points need a camera_info')
    rows, columns = np.nonzero(np.isfinite(prediction.depth))
    depth = prediction.depth[rows, columns]  # (N,) m
    points = np.zeros(len(depth), POINT)
    points['x'] = (columns - camera.cx) / camera.fx * depth
    points['y'] = (rows - camera.cy) / camera.fy * depth
    points['z'] = depth
    points['rgb'] = rgb[rows, columns].astype(np.uint32) @ np.array([1 << 16, 1 << 8, 1],
                                                                    np.uint32)
    points['epistemic_std'] = epistemic_std_of(prediction, epistemic)[rows, columns]
    points['aleatoric_std'] = prediction.aleatoric_std[rows, columns]
    points['class_id'] = prediction.classes[rows, columns]
    return points


def epistemic_std_of(prediction: Prediction, epistemic: Epistemic | None) -> Floats:
    """
    Return the epistemic standard deviation (H, W) m for the depth of a newer frame.

    A Monte Carlo cycle ends after its frame. Its std of log-depth at the same pixel is multiplied
    by the depth of this frame: 0.1 at 20 m gives 2 m. NaN: the pixel had no depth in that frame,
    there is no cycle, or it is older than MAX_EPISTEMIC_AGE_NS.
    """
    depth = prediction.depth
    if epistemic is None or epistemic.log_depth_std.shape != depth.shape or not (
            0 <= prediction.stamp_ns - epistemic.stamp_ns <= MAX_EPISTEMIC_AGE_NS):
        return np.full(depth.shape, np.nan, np.float32)
    return depth * epistemic.log_depth_std  # (H, W) m
