# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""
Bring a picture of any size to the network's input size, and its camera with it.

Pixel centres have whole coordinates, as in OpenCV and sensor_msgs/CameraInfo: the picture covers
[-0.5, width - 0.5]. So a source point u lands on (u + 0.5 - left) * scale - 0.5.
"""
from dataclasses import dataclass
from typing import Any, cast, TypeVar

from bdl_perception.perception.backend import FIT_MODES
from bdl_perception.perception.types import Bytes, PinholeCamera
import cv2
import numpy as np
from numpy.typing import NDArray

Array = TypeVar('Array', bound=NDArray[Any])


@dataclass(frozen=True)
class ImageFit:
    """The rectangle of the source that is kept, and the size it is brought to; all in px."""

    source_width: int
    source_height: int
    left: int
    top: int
    crop_width: int
    crop_height: int
    output_width: int
    output_height: int

    def __post_init__(self) -> None:
        """Refuse a rectangle that does not lie in the source."""
        if min(self.crop_width, self.crop_height, self.output_width, self.output_height) < 1:
            raise ValueError(f'{self} keeps or makes nothing; every size must be at least 1 px')
        across = 0 <= self.left <= self.source_width - self.crop_width
        down = 0 <= self.top <= self.source_height - self.crop_height
        if not (across and down):
            raise ValueError(f'{self}: the kept rectangle must lie inside the source')

    def apply(self, rgb: Bytes) -> Bytes:
        """
        Cut and resize rgb (H, W, 3); the result is contiguous and may be the input itself.

        An axis that shrinks is averaged, so that nothing aliases; one that grows is interpolated.
        """
        if rgb.shape[:2] != (self.source_height, self.source_width):
            raise ValueError(
                f'the picture is {rgb.shape[1]}x{rgb.shape[0]} px, but the fit is for '
                f'{self.source_width}x{self.source_height} px; make a new one')
        kept = rgb[self.top:self.top + self.crop_height, self.left:self.left + self.crop_width]
        smaller = (min(self.crop_width, self.output_width),
                   min(self.crop_height, self.output_height))
        shrunk = _resize(kept, smaller, cv2.INTER_AREA)
        grown = _resize(shrunk, (self.output_width, self.output_height), cv2.INTER_LINEAR)
        return np.ascontiguousarray(grown)

    def apply_to_truth(self, values: Array) -> Array:
        """Cut and resize depth or class ids (H, W) by the nearest pixel: nothing is mixed."""
        kept = values[self.top:self.top + self.crop_height, self.left:self.left + self.crop_width]
        size = (self.output_width, self.output_height)
        return cast(Array, _resize(kept, size, cv2.INTER_NEAREST_EXACT))

    def transform_camera(self, camera: PinholeCamera) -> PinholeCamera:
        """Give the camera that would have taken the fitted picture directly."""
        if (camera.width, camera.height) != (self.source_width, self.source_height):
            raise ValueError(
                f'camera_info is for {camera.width}x{camera.height} px, but the picture is '
                f'{self.source_width}x{self.source_height}; publish the one of this picture')
        across = self.output_width / self.crop_width
        down = self.output_height / self.crop_height
        return PinholeCamera(
            self.output_width, self.output_height, camera.fx * across, camera.fy * down,
            (camera.cx + .5 - self.left) * across - .5, (camera.cy + .5 - self.top) * down - .5)


def fit_image(source_width: int, source_height: int, output_width: int, output_height: int,
              mode: str = 'crop') -> ImageFit:
    """
    Choose what to keep: 'crop' the centre, which keeps angles, or 'stretch' all of it.

    A cropped picture has the aspect ratio of the output to the nearest whole pixel; what is left
    of a difference is in fx and fy, so that the camera after it stays exact.
    """
    if mode not in FIT_MODES:
        raise ValueError(f'fit mode is {mode!r}, must be one of {", ".join(FIT_MODES)}')
    width, height = source_width, source_height
    if mode == 'crop':
        scale = min(source_width / output_width, source_height / output_height)
        width = min(width, max(1, round(output_width * scale)))
        height = min(height, max(1, round(output_height * scale)))
    return ImageFit(source_width, source_height, (source_width - width) // 2,
                    (source_height - height) // 2, width, height, output_width, output_height)


def _resize(image: Array, size: tuple[int, int], interpolation: int) -> Array:
    if (image.shape[1], image.shape[0]) == size:
        return image
    return cast(Array, cv2.resize(image, size, interpolation=interpolation))


def mean_luma(rgb: Bytes) -> float:
    """
    Give the mean luma of rgb (H, W, 3) as a part of white, 0 to 1 (ITU-R BT.601).

    By hand: pure green all over is 0.587.
    """
    red, green, blue, _ = cv2.mean(rgb)
    return (.299 * red + .587 * green + .114 * blue) / 255
