# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""
Crop and resize of images to the network's input size, with the matching camera geometry.

Pixel centres have integer coordinates, as in OpenCV and sensor_msgs/CameraInfo: the image covers
[-0.5, width - 0.5]. So a source point u maps to (u + 0.5 - left) * scale - 0.5.
"""
from dataclasses import dataclass
from typing import Any, cast, TypeVar

from bdl_perception.perception.backend import FIT_MODES
from bdl_perception.perception.data_types import Bytes, Floats, PinholeCamera
import cv2
import numpy as np
from numpy.typing import NDArray

Array = TypeVar('Array', bound=NDArray[Any])


@dataclass(frozen=True)
class ImageFit:
    """The rectangle cropped from the source, and the output size; all in px."""

    source_width: int
    source_height: int
    left: int
    top: int
    crop_width: int
    crop_height: int
    output_width: int
    output_height: int

    def __post_init__(self) -> None:
        """Check that the rectangle lies inside the source; ValueError if not."""
        if min(self.crop_width, self.crop_height, self.output_width, self.output_height) < 1:
            raise ValueError(f'{self}: every size must be at least 1 px')
        across = 0 <= self.left <= self.source_width - self.crop_width
        down = 0 <= self.top <= self.source_height - self.crop_height
        if not (across and down):
            raise ValueError(f'{self}: the rectangle must lie inside the source')

    def apply(self, rgb: Bytes) -> Bytes:
        """
        Crop and resize rgb (H, W, 3); the result is contiguous and may be the input itself.

        A shrinking axis is averaged to avoid aliasing; a growing axis is interpolated.
        """
        if rgb.shape[:2] != (self.source_height, self.source_width):
            raise ValueError(
                f'the image is {rgb.shape[1]}x{rgb.shape[0]} px, but the fit is for '
                f'{self.source_width}x{self.source_height} px; make a new one')
        cropped = self._crop(rgb)
        smaller = (min(self.crop_width, self.output_width),
                   min(self.crop_height, self.output_height))
        shrunk = _resize(cropped, smaller, cv2.INTER_AREA)
        grown = _resize(shrunk, (self.output_width, self.output_height), cv2.INTER_LINEAR)
        return np.ascontiguousarray(grown)

    def apply_to_truth(self, values: Array) -> Array:
        """Crop and resize depth or class ids (H, W) by nearest neighbour: values do not mix."""
        size = (self.output_width, self.output_height)
        return _resize(self._crop(values), size, cv2.INTER_NEAREST_EXACT)

    def transform_camera(self, camera: PinholeCamera) -> PinholeCamera:
        """Return the camera of the fitted image."""
        if (camera.width, camera.height) != (self.source_width, self.source_height):
            raise ValueError(
                f'camera_info is for {camera.width}x{camera.height} px, but the image is '
                f'{self.source_width}x{self.source_height}; publish the camera_info of this image')
        across = self.output_width / self.crop_width
        down = self.output_height / self.crop_height
        return PinholeCamera(
            self.output_width, self.output_height, camera.fx * across, camera.fy * down,
            (camera.cx + .5 - self.left) * across - .5, (camera.cy + .5 - self.top) * down - .5)

    def _crop(self, image: Array) -> Array:
        rows = slice(self.top, self.top + self.crop_height)
        columns = slice(self.left, self.left + self.crop_width)
        return cast(Array, image[rows, columns])


def fit_image(source_width: int, source_height: int, output_width: int, output_height: int,
              mode: str = 'crop') -> ImageFit:
    """
    Choose the crop: 'crop' takes the centre and preserves angles, 'stretch' takes everything.

    A crop has the aspect ratio of the output to the nearest pixel; fx and fy contain the remaining
    difference, so that the resulting camera is exact. ValueError: unknown mode.
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


def resize_map(values: NDArray[np.floating], shape: tuple[int, ...]) -> Floats:
    """Resize a map (h, w) to (H, W) bilinearly; some maps of a network are coarser."""
    narrow = np.ascontiguousarray(values, np.float32)
    return _resize(narrow, (shape[1], shape[0]), cv2.INTER_LINEAR)


def skip_pixels(rgb: Bytes, min_width: int, min_height: int) -> Bytes:
    """Keep every n-th pixel, with the largest n that keeps at least these sizes if there are."""
    step = max(1, min(rgb.shape[1] // min_width, rgb.shape[0] // min_height))
    small = cv2.resize(rgb, None, fx=1 / step, fy=1 / step, interpolation=cv2.INTER_NEAREST)
    return np.asarray(small, np.uint8)


def mean_luma(rgb: Bytes) -> float:
    """
    Return the mean luma of rgb (H, W, 3), 0 to 1 (ITU-R BT.601): it separates day from night.

    By hand: a pure green image has 0.587.
    """
    red, green, blue, _ = cv2.mean(rgb)
    return (.299 * red + .587 * green + .114 * blue) / 255
