# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""A backend of a few lines of numpy, for tests that need a network but no inference library."""
from typing import Any, Sequence

from bdl_perception.perception.backend import ModelSpec, RawPrediction
from bdl_perception.perception.data_types import Bytes, CLASS_NAMES, Features, Floats, Moments, SKY
import numpy as np


def fake_spec(**changes: Any) -> ModelSpec:
    """Return the spec of a model of 24 x 40 px in chunks of two, with changed fields."""
    values: dict[str, Any] = {
        'name': 'fake', 'height': 24, 'width': 40, 'sample_height': 12, 'sample_width': 20,
        'canonical_focal_px': 32., 'max_depth_m': 40., 'class_names': CLASS_NAMES,
        'dropout_probability': .2, 'dropout_channels': (3, 5), 'chunk': 2,
        'perceive_sha256': 'a' * 64, 'sample_sha256': 'b' * 64}
    return ModelSpec(**{**values, **changes})


class FakeBackend:
    """
    Predicts a depth of 1 m + 0.1 m per grey level, and sky where blue exceeds red by 100.

    All other pixels are road. Tests may set `failure`, an exception that the next calls raise, and
    `poison`, a number that replaces depth[0, 0]. `perceive_calls` and `sample_calls` count.
    """

    name = 'fake'
    precision = 'fp32'

    def __init__(self, spec: ModelSpec | None = None) -> None:
        """Use a spec, by default that of fake_spec()."""
        self.spec = spec or fake_spec()
        self.failure: Exception | None = None
        self.poison: float | None = None
        self.perceive_calls = self.sample_calls = 0
        self.closed = False

    def perceive(self, rgb: Bytes) -> RawPrediction:
        """Predict from the colours; the features are the log-depth at sample size."""
        self._check()
        self.perceive_calls += 1
        size = (self.spec.height, self.spec.width)
        assert rgb.shape == (*size, 3) and rgb.dtype == np.uint8 and rgb.flags.c_contiguous
        grey = rgb.mean(axis=2, dtype=np.float32)  # (H, W)
        depth = 1 + .1 * grey  # (H, W) m
        if self.poison is not None:
            depth[0, 0] = self.poison
        red, blue = rgb[..., 0].astype(int), rgb[..., 2].astype(int)
        classes = np.where(blue - red > 100, SKY, CLASS_NAMES.index('road')).astype(np.uint8)
        entropy = np.full(size, .3, np.float32)
        small = np.log1p(.1 * self._shrink(grey))  # (h, w) log m
        plain = np.ones_like(small)
        return RawPrediction(depth, .1 * depth, classes, entropy, .9 * plain, -5 * plain,
                             .1 * plain, np.array(abs(grey.mean() - 128) / 10, np.float32),
                             np.ones((size[0] // 8, size[1] // 8), np.float32), small)

    def sample(self, features: Features, masks: Sequence[Floats]) -> Moments:
        """Scale log-depth by the mean of each sample's masks; likewise shift the classes."""
        self._check()
        self.sample_calls += 1
        shapes = [(self.spec.chunk, channels) for channels in self.spec.dropout_channels]
        assert [mask.shape for mask in masks] == shapes
        factor = np.mean([mask.mean(axis=1) for mask in masks], axis=0)  # (S,)
        log_depth = factor[:, None, None] * features  # (S, h, w)
        certain = np.clip(.5 + .3 * factor, 0, .99)  # (S,) probability of road
        probability = np.repeat((1 - certain)[:, None] / 10, 11, axis=1)  # (S, K)
        probability[:, CLASS_NAMES.index('road')] = certain
        entropy = -(probability * np.log(probability)).sum(axis=1)  # (S,) nat
        shape = features.shape
        mean = log_depth.mean(axis=0)
        sums = np.ones((1, *shape)) * probability.sum(axis=0)[:, None, None]  # (K, h, w)
        maps = (mean, ((log_depth - mean)**2).sum(axis=0), sums, np.full(shape, entropy.sum()))
        return Moments(self.spec.chunk, *(a_map.astype(np.float32) for a_map in maps))

    def close(self) -> None:
        """Mark as closed; further calls fail."""
        self.closed = True

    def _check(self) -> None:
        if self.closed:
            raise RuntimeError('the fake backend was used after close()')
        if self.failure is not None:
            raise self.failure

    def _shrink(self, image: Floats) -> Floats:
        rows = np.arange(self.spec.sample_height) * self.spec.height // self.spec.sample_height
        columns = np.arange(self.spec.sample_width) * self.spec.width // self.spec.sample_width
        return image[np.ix_(rows, columns)]  # (h, w)
