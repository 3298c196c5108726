# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""
Frames with ground truth: samples of data sets for training, labelled frames for evaluation.

Unknown depth of a sample is NaN and an unknown class is IGNORE, so that data sets can be mixed. A
labelled frame has None where a drive or data set has no depth or no classes at all.
"""
from dataclasses import dataclass
from typing import NamedTuple, Protocol, Sequence

from bdl_perception.perception.data_types import (
    Bytes,
    CameraFrame,
    Floats,
    IGNORE,
    PinholeCamera,
)
import numpy as np
from numpy.typing import NDArray


class DatasetError(ValueError):
    """A data set cannot be read; the message gives the path and what is missing."""


@dataclass(frozen=True)
class TrainingSample:
    """One training frame with its ground truth; all maps have one size."""

    rgb: NDArray[np.uint8]  # (H, W, 3)
    depth: NDArray[np.float32]  # (H, W) m along the optical axis, NaN unknown, +Inf far
    classes: NDArray[np.uint8]  # (H, W) ids, IGNORE without label
    fx: float  # px, focal length at this size
    coarse: NDArray[np.uint8] | None = None  # (H, W) ids of metrics.coarse_classes, IGNORE void
    anomalies: NDArray[np.uint8] | None = None  # (H, W) 1 unknown object, 0 none, IGNORE void

    def __post_init__(self) -> None:
        """Refuse maps of different sizes or types."""
        if self.rgb.ndim != 3 or self.rgb.dtype != np.uint8:
            raise DatasetError(f'rgb is {self.rgb.dtype} {self.rgb.shape}, '
                               f'must be uint8 (H, W, 3)')
        shape = self.rgb.shape[:2]
        if self.depth.shape != shape or self.classes.shape != shape:
            raise DatasetError(f'rgb is {shape}, depth {self.depth.shape}, classes '
                               f'{self.classes.shape}; all must have one size')
        for name in ('coarse', 'anomalies'):
            labels = getattr(self, name)
            if labels is not None and labels.shape != shape:
                raise DatasetError(f'rgb is {shape}, {name} {labels.shape}; all must have one '
                                   f'size')
        if not 0 < self.fx < np.inf:
            raise DatasetError(f'fx is {self.fx} px, must be positive')


class Dataset(Protocol):
    """Samples by index."""

    def __len__(self) -> int:
        """Count the samples."""

    def __getitem__(self, index: int) -> TrainingSample:
        """Read one; DatasetError when it fails."""


class FrameName(NamedTuple):
    """The name of a frame, and of the sequence that it belongs to."""

    sequence: str
    name: str


class Reader(Dataset, Protocol):
    """A data set on disk."""

    @property
    def frame_names(self) -> Sequence[FrameName]:
        """Name each frame, in the order of the samples."""


def canonical_depth(sample: TrainingSample, focal_px: float,
                    max_depth_m: float) -> NDArray[np.float32]:
    """
    Convert depth to the canonical camera: depth * focal_px / fx.

    An image determines the ratio of depth to focal length only. focal_px: px, focal length of the
    canonical camera. Returns (H, W) m; NaN where unknown or beyond max_depth_m. By hand: 10 m at
    fx 400 px is 5 m for a camera of 200 px.
    """
    depth: NDArray[np.float32] = sample.depth * np.float32(focal_px / sample.fx)  # (H, W) m
    depth[~(np.isfinite(depth) & (depth > 0) & (depth <= max_depth_m))] = np.nan
    return depth


class LabelledFrame(NamedTuple):
    """A camera frame with its ground truth at the size of the frame; None: not available."""

    title: str  # drive or data set, frame, condition: one line each
    frame: CameraFrame
    depth: Floats | None = None  # (H, W) m, NaN unknown, +Inf far
    classes: Bytes | None = None  # (H, W) ids, IGNORE without label
    coarse: Bytes | None = None  # (H, W) ids of metrics.coarse_classes, IGNORE void
    anomalies: Bytes | None = None  # (H, W) 1 unknown object, 0 none, IGNORE void


def to_labelled(sample: TrainingSample, title: str, frame_id: str, stamp_ns: int) -> LabelledFrame:
    """Convert a sample to a labelled frame; the principal point is the centre of the image."""
    height, width = sample.classes.shape
    camera = PinholeCamera(width, height, sample.fx, sample.fx, width / 2 - .5, height / 2 - .5)
    return LabelledFrame(
        title, CameraFrame(sample.rgb, stamp_ns, frame_id, camera),
        None if np.isnan(sample.depth).all() else sample.depth,
        None if (sample.classes == IGNORE).all() else sample.classes,
        sample.coarse, sample.anomalies)
