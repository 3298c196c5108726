# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""
Pictures with truth, one reader each.

A reader gives samples by index and says how many there are. What a set does not know is NaN
(depth) or IGNORE (classes), so that sets can be mixed.
"""
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from bdl_perception.perception.types import Bytes, CameraFrame, Floats
import numpy as np
from numpy.typing import NDArray


class DatasetError(ValueError):
    """A data set that cannot be read; the message says what is missing and where."""


@dataclass(frozen=True)
class Sample:
    """One picture and what is true of it; all maps are of one size."""

    rgb: NDArray[np.uint8]  # (H, W, 3)
    depth: NDArray[np.float32]  # (H, W) m along the optical axis, NaN unknown, +Inf too far
    classes: NDArray[np.uint8]  # (H, W) ids, IGNORE without label
    fx: float  # px, focal length at this size

    def __post_init__(self) -> None:
        """Refuse maps that do not belong together."""
        if self.rgb.ndim != 3 or self.rgb.dtype != np.uint8:
            raise DatasetError(f'rgb is {self.rgb.dtype} {self.rgb.shape}, '
                               f'must be uint8 (H, W, 3)')
        shape = self.rgb.shape[:2]
        if self.depth.shape != shape or self.classes.shape != shape:
            raise DatasetError(f'rgb is {shape}, depth {self.depth.shape}, classes '
                               f'{self.classes.shape}; all must be of one size')
        if not 0 < self.fx < np.inf:
            raise DatasetError(f'fx is {self.fx} px, must be positive')


class Dataset(Protocol):
    """Anything that gives samples by index."""

    def __len__(self) -> int:
        """Count the samples."""

    def __getitem__(self, index: int) -> Sample:
        """Read one; DatasetError when it cannot be."""


def canonical_depth(sample: Sample, focal_px: float, max_depth_m: float) -> NDArray[np.float32]:
    """
    Turn depth into what a camera with a focal length of focal_px would need to see the same.

    A picture tells the ratio of depth to focal length, not both: depth * focal_px / fx.
    Returns (H, W) m; NaN where unknown, too far or beyond farthest_m: that is not taught.
    """
    depth: NDArray[np.float32] = sample.depth * np.float32(focal_px / sample.fx)  # (H, W) m
    depth[~(np.isfinite(depth) & (depth > 0) & (depth <= max_depth_m))] = np.nan
    return depth


class LabelledFrame(NamedTuple):
    """A picture, whose it is, and its truth at the picture's size; None: nobody knows."""

    title: str  # drive or set, frame, condition: one line each
    frame: CameraFrame
    depth: Floats | None = None  # (H, W) m, NaN unknown, +Inf too far
    classes: Bytes | None = None  # (H, W) ids, IGNORE without label
