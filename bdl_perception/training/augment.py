# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""
Small changes of a picture that leave its truth known: other lenses, other cameras.

Mild on purpose. What the alarm must find strange (night, fog, a dirty lens) must not be taught
here: colour and exposure stay within what one camera does on one day.
"""
from dataclasses import dataclass
from dataclasses import replace

from bdl_perception.training.datasets import Sample
import cv2
import numpy as np
from numpy.typing import NDArray

GREY = np.array([0.299, 0.587, 0.114], np.float32)  # ITU-R BT.601 luma of rgb


@dataclass(frozen=True)
class AugmentConfig:
    """How far each change may go; zero switches it off."""

    flip: float = 0.5  # probability of mirroring: keep-left traffic beside keep-right
    zoom: float = 1.3  # largest magnification of a crop: fields of view of 65 to 52 degrees
    exposure: float = 0.25  # largest brightness change, as a share
    contrast: float = 0.2  # as a share
    saturation: float = 0.3  # as a share
    tint: float = 0.06  # of each colour channel, as a share: white balance
    noise: float = 5.0  # largest standard deviation, of 255
    blur: float = 0.15  # probability of a small blur
    jpeg: float = 0.2  # probability of being compressed again

    def __post_init__(self) -> None:
        """Refuse what is no probability or no share."""
        for name in ('flip', 'exposure', 'contrast', 'saturation', 'tint', 'blur', 'jpeg'):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f'augment {name} is {getattr(self, name)}, '
                                 f'must lie between 0 and 1')
        if not 1 <= self.zoom <= 4 or not 0 <= self.noise <= 64:
            raise ValueError(f'augment zoom is {self.zoom} (1 to 4 allowed), '
                             f'noise {self.noise} (0 to 64 allowed)')


def augment(sample: Sample, rng: np.random.Generator, config: AugmentConfig) -> Sample:
    """Change a sample in every way that config allows, as rng decides."""
    if rng.random() < config.flip:
        sample = mirrored(sample)
    sample = zoomed(sample, rng.uniform(1.0, config.zoom), *rng.random(2))
    rgb = _recolour(sample.rgb, rng, config)
    if rng.random() < config.blur:
        rgb = np.asarray(cv2.GaussianBlur(rgb, (3, 3), rng.uniform(0.3, 1.0)), np.uint8)
    rgb = _grain(rgb, rng, config.noise)
    if rng.random() < config.jpeg:
        rgb = _compress(rgb, int(rng.integers(40, 95)))
    return replace(sample, rgb=rgb)


def mirrored(sample: Sample) -> Sample:
    """Swap left and right."""
    return replace(sample, rgb=np.ascontiguousarray(sample.rgb[:, ::-1]),
                   depth=np.ascontiguousarray(sample.depth[:, ::-1]),
                   classes=np.ascontiguousarray(sample.classes[:, ::-1]))


def zoomed(sample: Sample, factor: float, across: float, down: float) -> Sample:
    """
    Cut out a part and enlarge it to the old size: a lens of factor times the focal length.

    across, down: 0 takes the part at the left or top edge, 1 at the right or bottom. Depths do
    not change, and no label is blended with its neighbour.
    """
    height, width = sample.depth.shape
    part_height, part_width = round(height / factor), round(width / factor)
    top, left = round((height - part_height) * down), round((width - part_width) * across)
    part = np.s_[top:top + part_height, left:left + part_width]
    size = (width, height)
    return Sample(
        cv2.resize(sample.rgb[part], size, interpolation=cv2.INTER_LINEAR).astype(np.uint8),
        cv2.resize(sample.depth[part], size, interpolation=cv2.INTER_NEAREST).astype(np.float32),
        cv2.resize(sample.classes[part], size, interpolation=cv2.INTER_NEAREST).astype(np.uint8),
        sample.fx * width / part_width)


def _recolour(rgb: NDArray[np.uint8], rng: np.random.Generator,
              config: AugmentConfig) -> NDArray[np.uint8]:
    """Change saturation, contrast, white balance and exposure, as one matrix on the colours."""
    def share(largest: float) -> float:
        return float(1.0 + rng.uniform(-largest, largest))

    saturation, contrast, exposure = (
        share(config.saturation), share(config.contrast), share(config.exposure))
    tint = np.array([share(config.tint) for _ in range(3)], np.float32)
    matrix = saturation * np.eye(3) + (1 - saturation) * GREY  # (3, 3), rows are outputs
    matrix = exposure * contrast * tint[:, None] * matrix
    shift = exposure * (1 - contrast) * 127.5 * tint  # contrast turns about mid grey
    changed = cv2.transform(rgb.astype(np.float32), np.c_[matrix, shift])
    return _to_bytes(np.asarray(changed, np.float32))


def _grain(rgb: NDArray[np.uint8], rng: np.random.Generator, largest: float) -> NDArray[np.uint8]:
    noise = rng.standard_normal(rgb.shape, np.float32) * np.float32(rng.uniform(0, largest))
    return _to_bytes(rgb + noise)


def _compress(rgb: NDArray[np.uint8], quality: int) -> NDArray[np.uint8]:
    done, data = cv2.imencode('.jpg', rgb, [cv2.IMWRITE_JPEG_QUALITY, quality])
    if not done:
        raise RuntimeError(f'OpenCV cannot compress a picture of shape {rgb.shape}')
    return np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR), np.uint8)


def _to_bytes(values: NDArray[np.float32]) -> NDArray[np.uint8]:
    rounded: NDArray[np.uint8] = np.clip(values + np.float32(0.5), 0, 255).astype(np.uint8)
    return rounded
