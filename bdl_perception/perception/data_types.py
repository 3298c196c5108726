# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""
The values between a camera frame and an alert, and the eleven semantic classes (CamVid, SegNet).

Arrays are never changed after construction. Invalid depth is NaN, "too far" is +Inf (REP-117).
"""
from dataclasses import dataclass, field
import math
import re
from typing import Any, Mapping

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Bytes = NDArray[np.uint8]
Reals = NDArray[np.floating[Any]]  # float32 from a network, float64 in sums
Features = Any  # encoder features of one frame; only the backend that made them reads them

CLASS_NAMES = (
    'sky', 'building', 'pole', 'road', 'pavement', 'tree',
    'sign_symbol', 'fence', 'car', 'pedestrian', 'bicyclist',
)
SKY = CLASS_NAMES.index('sky')
MAX_IMAGE_PIXELS = 64 * 2**20  # of a compressed image; 200 MB as RGB
IGNORE = 255  # no label; left out of every loss and metric
# Horizontal, of a pinhole image. The fx of a fisheye lens of 220 degrees corresponds to 125.
MIN_FIELD_OF_VIEW_DEG, MAX_FIELD_OF_VIEW_DEG = 10., 140.
CLASS_COLOURS = np.array([  # (11, 3) uint8 rgb
    (110, 170, 215), (150, 70, 60), (190, 190, 170), (120, 70, 130), (225, 120, 175),
    (90, 130, 40), (220, 200, 40), (100, 90, 130), (40, 60, 190), (220, 40, 60),
    (20, 170, 160),
], dtype=np.uint8)
CELL_PX = 8  # px, side of the cells whose features are compared with those of training
CAMERA_NAME_PATTERN = re.compile(r'[A-Za-z][A-Za-z0-9_]*')  # of a ROS namespace


def colourise(classes: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """
    Draw class ids as colours.

    classes: (H, W) ids; returns (H, W, 3) rgb. Ids without a class are black.
    """
    table = np.zeros((256, 3), np.uint8)
    table[:len(CLASS_COLOURS)] = CLASS_COLOURS
    return table[classes]  # (H, W, 3)


@dataclass(frozen=True)
class PinholeCamera:
    """An ideal camera for images of width x height px; focal lengths and centre in px."""

    width: int
    height: int
    fx: float
    fy: float
    cx: float
    cy: float

    def __post_init__(self) -> None:
        """Check that the values are possible; ValueError names the wrong one."""
        if self.width < 1 or self.height < 1:
            raise ValueError(f'camera size is {self.width}x{self.height} px, must be at least 1x1')
        if not (0 < self.fx < np.inf and 0 < self.fy < np.inf):
            raise ValueError(f'focal length is ({self.fx}, {self.fy}) px, must be positive')
        if not (np.isfinite(self.cx) and np.isfinite(self.cy)):
            raise ValueError(f'principal point is ({self.cx}, {self.cy}) px, must be finite')


def check_field_of_view(focal_px: float, width: int) -> None:
    """
    Raise ValueError for a focal length that no lens has: depth would have a wrong scale.

    The field of view of a pinhole image is 2 atan(width / 2 focal_px). By hand: 90 degrees where
    the width is twice the focal length.
    """
    degrees = math.degrees(2 * math.atan2(width / 2, focal_px))
    if not MIN_FIELD_OF_VIEW_DEG <= degrees <= MAX_FIELD_OF_VIEW_DEG:
        raise ValueError(
            f'camera_info has a focal length of {focal_px:.4g} px for a width of {width} px, a '
            f'field of view of {degrees:.4g} degrees, must be {MIN_FIELD_OF_VIEW_DEG:g} to '
            f'{MAX_FIELD_OF_VIEW_DEG:g}')


@dataclass(frozen=True)
class CameraFrame:
    """One frame: rgb (H, W, 3) uint8, the camera's own stamp and frame_id, its geometry."""

    rgb: Bytes
    stamp_ns: int
    frame_id: str
    camera: PinholeCamera | None = None  # None: the focal length is unknown

    def __post_init__(self) -> None:
        """Check type and shape; ValueError if rgb is no image."""
        if self.rgb.dtype != np.uint8 or self.rgb.ndim != 3 or self.rgb.shape[2] != 3:
            raise ValueError(
                f'rgb is {self.rgb.dtype} of shape {self.rgb.shape}, must be uint8 (H, W, 3)')
        if self.rgb.size == 0:
            raise ValueError(f'rgb is empty, shape {self.rgb.shape}; is the camera running?')


@dataclass(frozen=True)
class ImageStatistics:
    """Exposure, sharpness and colour of the network's input; all are above 0."""

    bright_level: float  # 95th percentile of luma, grey levels
    middle_level: float  # median of luma, grey levels
    contrast: float  # 5th to 95th percentile of luma, grey levels
    detail: float  # fine detail / coarse detail
    noise: float  # median of the Laplacian, grey levels
    green: float  # green / mean of red and blue
    red_blue: float  # red / blue
    sky_red_blue: float  # red / blue of the upper third, by that of the lower third


@dataclass(frozen=True)
class Prediction:
    """The result of the single deterministic pass on one frame, in the frame's own camera."""

    stamp_ns: int
    frame_id: str
    camera: PinholeCamera | None  # of the maps below, after crop and resize
    depth: Floats  # (H, W) m along the optical axis, +Inf in the sky
    aleatoric_std: Floats  # (H, W) m, NaN where depth is not finite
    classes: Bytes  # (H, W) ids, indices of CLASS_NAMES
    entropy: Floats  # (H, W) nat, of the class probabilities
    max_probability: Floats  # (h, w) of the most likely class
    energy: Floats  # (h, w) -logsumexp(logits); higher is more anomalous
    log_depth_std: Floats  # (h, w) aleatoric standard deviation of log-depth, no unit
    feature_distance: float  # Mahalanobis distance of the pooled encoder features
    cell_distance: Floats  # (cells_h, cells_w) distance of decoder features to the nearest class
    non_finite: int  # count of NaN and infinite numbers in the raw network output
    brightness: float = float('nan')  # mean luma of the network's input, 0 to 1; NaN: unknown
    image: ImageStatistics | None = None  # None: unknown


@dataclass(frozen=True)
class Moments:
    """
    Sums over Monte Carlo samples that can be merged (Chan, Golub & LeVeque 1979).

    Maps are (h, w) at the resolution of the sample graph; probability_sum is (K, h, w).
    """

    count: int
    log_depth_mean: Reals
    log_depth_m2: Reals  # sum of squared deviations from the mean
    probability_sum: Reals
    entropy_sum: Reals  # nat


@dataclass(frozen=True)
class Epistemic:
    """The result of a full Monte Carlo cycle on the held frame; every map is (H, W)."""

    stamp_ns: int  # of the held frame
    frame_id: str
    samples: int
    depth_std: Floats  # m, NaN where depth is not finite
    log_depth_std: Floats  # standard deviation of log-depth, no unit
    mutual_information: Floats  # nat, >= 0
    non_finite: int
    probability: Floats | None = None  # (K, h, w) of the sample graph, mean class probability


@dataclass(frozen=True)
class Scores:
    """Anomaly scores of one frame by name; higher is more anomalous, NaN is the worst."""

    stamp_ns: int
    frame_id: str
    values: Mapping[str, float] = field(default_factory=dict)
    cycle: int = 0  # 0: from the single pass; n: from the n-th Monte Carlo cycle
