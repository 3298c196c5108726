# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""The eleven semantic classes (CamVid, SegNet order) and how they are drawn."""
from dataclasses import dataclass, field
import re
from typing import Any, Mapping

import numpy as np
from numpy.typing import NDArray

CLASS_NAMES = (
    'sky', 'building', 'pole', 'road', 'pavement', 'tree',
    'sign_symbol', 'fence', 'car', 'pedestrian', 'bicyclist',
)
SKY = CLASS_NAMES.index('sky')
CAMERA_NAME_PATTERN = re.compile(r'[A-Za-z][A-Za-z0-9_]*')  # of a ROS namespace
IGNORE = 255  # no label: takes part in no loss and no metric

CLASS_COLOURS = np.array([  # (11, 3) uint8 rgb
    (110, 170, 215), (150, 70, 60), (190, 190, 170), (120, 70, 130), (225, 120, 175),
    (90, 130, 40), (220, 200, 40), (100, 90, 130), (40, 60, 190), (220, 40, 60),
    (20, 170, 160),
], dtype=np.uint8)


def colourise(classes: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """
    Draw class ids as colours.

    classes: (H, W) ids; returns (H, W, 3) rgb. Ids without a class are black.
    """
    table = np.zeros((256, 3), np.uint8)
    table[:len(CLASS_COLOURS)] = CLASS_COLOURS
    return table[classes]  # (H, W, 3)


Floats = NDArray[np.float32]
Bytes = NDArray[np.uint8]
Reals = NDArray[np.floating[Any]]  # float32 out of a network, float64 while sums are taken


@dataclass(frozen=True)
class PinholeCamera:
    """An ideal camera for pictures of width x height px; focal lengths and centre in px."""

    width: int
    height: int
    fx: float
    fy: float
    cx: float
    cy: float

    def __post_init__(self) -> None:
        """Refuse what no lens can be."""
        if self.width < 1 or self.height < 1:
            raise ValueError(f'camera size is {self.width}x{self.height} px, must be at least 1x1')
        if not (0 < self.fx < np.inf and 0 < self.fy < np.inf):
            raise ValueError(f'focal length is ({self.fx}, {self.fy}) px, must be positive')
        if not (np.isfinite(self.cx) and np.isfinite(self.cy)):
            raise ValueError(f'principal point is ({self.cx}, {self.cy}) px, must be finite')


@dataclass(frozen=True)
class CameraFrame:
    """One picture: rgb (H, W, 3) uint8, the camera's own stamp and frame_id, its geometry."""

    rgb: Bytes
    stamp_ns: int
    frame_id: str
    camera: PinholeCamera | None = None  # None: nobody told us the focal length

    def __post_init__(self) -> None:
        """Refuse what is not a picture."""
        if self.rgb.dtype != np.uint8 or self.rgb.ndim != 3 or self.rgb.shape[2] != 3:
            raise ValueError(
                f'rgb is {self.rgb.dtype} of shape {self.rgb.shape}, must be uint8 (H, W, 3)')
        if self.rgb.size == 0:
            raise ValueError(f'rgb is empty, shape {self.rgb.shape}; is the camera running?')


@dataclass(frozen=True)
class Prediction:
    """What the single deterministic pass says about one frame; every map is (h, w)."""

    stamp_ns: int
    frame_id: str
    camera: PinholeCamera | None  # of the maps below, after crop and resize
    depth: Floats  # m along the optical axis, +Inf in the sky
    aleatoric_std: Floats  # m, NaN where depth is not finite
    classes: Bytes  # ids of perception.classes
    entropy: Floats  # nat, of the class probabilities
    max_probability: Floats  # of the most likely class
    energy: Floats  # -logsumexp(logits); higher is stranger
    log_depth_std: Floats  # aleatoric standard deviation of log-depth, no unit
    feature_distance: float  # Mahalanobis distance of the pooled encoder features
    cell_distance: Floats  # (h', w') cells of the picture, of the decoder's features from a class
    non_finite: int  # how many numbers of the raw network output were NaN or infinite
    brightness: float = float('nan')  # mean luma of what the network saw, 0 to 1; NaN: unknown


@dataclass(frozen=True)
class Moments:
    """
    Sums over Monte Carlo samples that can be merged (Chan, Golub & LeVeque 1979).

    Maps are (h, w) at the network's own output resolution; probability_sum is (K, h, w).
    """

    count: int
    log_depth_mean: Reals
    log_depth_m2: Reals  # sum of squared deviations from the mean
    probability_sum: Reals
    entropy_sum: Reals  # nat


@dataclass(frozen=True)
class Epistemic:
    """What a full Monte Carlo cycle says about the held frame; every map is (h, w)."""

    stamp_ns: int  # of the held frame
    frame_id: str
    samples: int
    depth_std: Floats  # m, NaN where depth is not finite
    log_depth_std: Floats  # standard deviation of log-depth, no unit
    mutual_information: Floats  # nat, >= 0
    non_finite: int


@dataclass(frozen=True)
class Scores:
    """Name -> number of one frame; higher is stranger, NaN is the worst."""

    stamp_ns: int
    frame_id: str
    values: Mapping[str, float] = field(default_factory=dict)
    cycle: int = 0  # 0: from the single pass; n: from the n-th Monte Carlo cycle


CELL_PX = 8  # side of the cells of a picture whose features are compared with those of training
Features = Any  # whatever the backend keeps of a frame for its samples; opaque to everyone else
