# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""
Data augmentation: random flips, crops and colour changes whose ground truth is known.

The changes are mild. They must not imitate the held-out conditions (night, fog, a dirty lens):
colour and exposure stay within the range of one camera on one day.
"""
from dataclasses import dataclass, replace

from bdl_perception.datasets.base import TrainingSample
import cv2
import numpy as np
from numpy.typing import NDArray

LUMA_WEIGHTS = np.array([0.299, 0.587, 0.114], np.float32)  # ITU-R BT.601 luma of rgb


@dataclass(frozen=True)
class AugmentConfig:
    """Limits of the random changes; zero switches one off."""

    flip: float = 0.5  # probability; keep-right traffic becomes keep-left
    zoom: float = 1.3  # largest magnification of a crop: fields of view of 65 to 52 degrees
    exposure: float = 0.25  # largest brightness change, as a share
    contrast: float = 0.2  # as a share
    saturation: float = 0.3  # as a share
    tint: float = 0.06  # of each colour channel, as a share: white balance
    noise: float = 5.0  # largest standard deviation, of 255
    blur: float = 0.15  # probability of a small blur
    jpeg: float = 0.2  # probability of a JPEG round trip
    paste: float = 0.0  # probability of a known object of another frame, see pasting
    outliers: float = 0.0  # probability of an unknown object, which needs outlier_weight

    def __post_init__(self) -> None:
        """Check that every value is a probability or a share."""
        for name in ('flip', 'exposure', 'contrast', 'saturation', 'tint', 'blur', 'jpeg', 'paste',
                     'outliers'):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f'augment {name} is {getattr(self, name)}, '
                                 f'must lie between 0 and 1')
        if not 1 <= self.zoom <= 4 or not 0 <= self.noise <= 64:
            raise ValueError(f'augment zoom is {self.zoom} (1 to 4 allowed), '
                             f'noise {self.noise} (0 to 64 allowed)')


def augment(sample: TrainingSample, rng: np.random.Generator, config: AugmentConfig,
            height: int, width: int) -> TrainingSample:
    """Apply the random changes of config to a sample and resize it to height x width px."""
    if rng.random() < config.flip:
        sample = flip_horizontal(sample)
    crop_fraction = 1.0 if np.isfinite(sample.depth).any() else rng.random()
    factor, across, down = rng.uniform(1.0, config.zoom), rng.random(), rng.random()
    sample = crop_and_resize(sample, factor, across, down, height, width, crop_fraction)
    rgb = _recolour(sample.rgb, rng, config)
    if rng.random() < config.blur:
        rgb = np.asarray(cv2.GaussianBlur(rgb, (3, 3), rng.uniform(0.3, 1.0)), np.uint8)
    rgb = _add_noise(rgb, rng, config.noise)
    if rng.random() < config.jpeg:
        rgb = _jpeg_roundtrip(rgb, int(rng.integers(40, 95)))
    return replace(sample, rgb=rgb)


def flip_horizontal(sample: TrainingSample) -> TrainingSample:
    """Mirror a sample left to right."""
    return replace(sample, rgb=np.ascontiguousarray(sample.rgb[:, ::-1]),
                   depth=np.ascontiguousarray(sample.depth[:, ::-1]),
                   classes=np.ascontiguousarray(sample.classes[:, ::-1]))


def crop_and_resize(sample: TrainingSample, factor: float, x_position: float, y_position: float,
                    height: int, width: int, crop_fraction: float = 1.0) -> TrainingSample:
    """
    Crop a sample and resize it to height x width px: a lens of factor times the focal length.

    x_position, y_position: 0 crops at the left or top edge, 1 at the right or bottom.
    crop_fraction: for another aspect ratio, 1 crops, 0 squeezes, values between do part of each;
    samples with depth need 1. Depth values do not change; no label is mixed with its neighbour.
    """
    whole_height, whole_width = sample.depth.shape
    shape = (whole_width / whole_height * height / width) ** crop_fraction  # above 1: too wide
    part_height = round(whole_height * min(1.0, shape) / factor)
    part_width = round(whole_width / max(1.0, shape) / factor)
    top = round((whole_height - part_height) * y_position)
    left = round((whole_width - part_width) * x_position)
    part = np.s_[top:top + part_height, left:left + part_width]
    size = width, height
    nearest = cv2.INTER_NEAREST_EXACT  # INTER_NEAREST is shifted by half a pixel
    smooth = cv2.INTER_AREA if part_width > width else cv2.INTER_LINEAR
    return TrainingSample(
        cv2.resize(sample.rgb[part], size, interpolation=smooth).astype(np.uint8),
        cv2.resize(sample.depth[part], size, interpolation=nearest).astype(np.float32),
        cv2.resize(sample.classes[part], size, interpolation=nearest).astype(np.uint8),
        sample.fx * width / part_width)


def fit_to_size(sample: TrainingSample, height: int, width: int) -> TrainingSample:
    """Resize a sample to height x width px: crop its centre, or squeeze it if it has no depth."""
    if sample.depth.shape == (height, width):
        return sample
    crop_fraction = 1.0 if np.isfinite(sample.depth).any() else 0.0
    return crop_and_resize(sample, 1.0, 0.5, 0.5, height, width, crop_fraction)


def _recolour(rgb: NDArray[np.uint8], rng: np.random.Generator,
              config: AugmentConfig) -> NDArray[np.uint8]:
    """Change saturation, contrast, white balance and exposure with one matrix on the colours."""
    def share(largest: float) -> float:
        return float(1.0 + rng.uniform(-largest, largest))

    saturation, contrast, exposure = (
        share(config.saturation), share(config.contrast), share(config.exposure))
    tint = np.array([share(config.tint) for _ in range(3)], np.float32)
    matrix = saturation * np.eye(3) + (1 - saturation) * LUMA_WEIGHTS  # (3, 3), rows are outputs
    matrix = exposure * contrast * tint[:, None] * matrix
    shift = exposure * (1 - contrast) * 127.5 * tint  # contrast changes about mid grey
    changed = cv2.transform(rgb.astype(np.float32), np.c_[matrix, shift])
    return _to_bytes(np.asarray(changed, np.float32))


def _add_noise(rgb: NDArray[np.uint8], rng: np.random.Generator,
               max_std: float) -> NDArray[np.uint8]:
    noise = rng.standard_normal(rgb.shape, np.float32) * np.float32(rng.uniform(0, max_std))
    return _to_bytes(rgb + noise)


def _jpeg_roundtrip(rgb: NDArray[np.uint8], quality: int) -> NDArray[np.uint8]:
    done, data = cv2.imencode('.jpg', rgb, [cv2.IMWRITE_JPEG_QUALITY, quality])
    if not done:
        raise RuntimeError(f'OpenCV could not encode an image of shape {rgb.shape}')
    return np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR), np.uint8)


def _to_bytes(values: NDArray[np.float32]) -> NDArray[np.uint8]:
    rounded: NDArray[np.uint8] = np.clip(values + np.float32(0.5), 0, 255).astype(np.uint8)
    return rounded
