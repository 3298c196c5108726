# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""
Single-pass prediction of each frame and time-sliced Monte Carlo sampling of a held frame.

perceive() runs the single pass on every frame. sample() runs one chunk of Monte Carlo samples on
the held frame. When all samples of that frame are merged, the next perceived frame becomes the
held one. The frame path never waits for the epistemic uncertainty.
"""
import math
from typing import NamedTuple

from bdl_perception.perception.backend import (
    Backend,
    count_non_finite,
    PERCEIVE_OUTPUTS,
    RawPrediction,
)
from bdl_perception.perception.data_types import (
    CameraFrame,
    Epistemic,
    Features,
    ImageStatistics,
    Moments,
    PinholeCamera,
    Prediction,
    SKY,
)
from bdl_perception.perception.image_geometry import fit_image, ImageFit, mean_luma
from bdl_perception.perception.image_quality import measure_image
from bdl_perception.perception.monte_carlo import draw_masks, epistemic_from_moments, merge
import numpy as np


class _HeldFrame(NamedTuple):
    """The frame that is being sampled, and the moments of its samples so far."""

    prediction: Prediction
    features: Features
    moments: Moments | None


class Perceiver:
    """Runs a backend: draws the masks, holds a frame for sampling, converts outputs to metres."""

    def __init__(self, backend: Backend, samples: int, seed: int, fit_mode: str = 'crop') -> None:
        """
        Plan the samples (T) of each held frame; every cycle uses the same masks.

        ValueError: samples is no multiple of the chunk, or an unknown fit mode.
        """
        spec = backend.spec
        spec.check_samples(samples)
        self.backend = backend
        self.samples = samples
        self.seed = seed
        self.fit_mode = fit_mode
        self._masks = draw_masks(seed, samples, spec.dropout_channels, spec.dropout_probability)
        self._held: _HeldFrame | None = None
        self.image_fit(spec.width, spec.height)  # checks the mode before the first frame

    @property
    def samples_left(self) -> int:
        """Return how many samples the held frame still needs; 0 when no frame is held."""
        if self._held is None:
            return 0
        done = self._held.moments.count if self._held.moments else 0
        return self.samples - done

    def image_fit(self, width: int, height: int) -> ImageFit:
        """Return the crop and resize from this image size to the network's input."""
        spec = self.backend.spec
        return fit_image(width, height, spec.width, spec.height, self.fit_mode)

    def perceive(self, frame: CameraFrame) -> Prediction:
        """
        Run the single pass; the frame is held for sampling if no other frame is.

        frame: an image of any size; it is cropped or stretched to the (h, w) of the network.
        Returns depth and aleatoric_std, (h, w) m; classes, (h, w) ids; entropy, (h, w) nat.
        Without frame.camera the depth is that of the camera of the training data. RuntimeError:
        the backend failed.
        """
        height, width = frame.rgb.shape[:2]
        fit = self.image_fit(width, height)
        camera = fit.transform_camera(frame.camera) if frame.camera else None
        rgb = fit.apply(frame.rgb)
        raw = self.backend.perceive(rgb)
        prediction = self._to_prediction(raw, frame, camera, mean_luma(rgb), measure_image(rgb))
        if self._held is None:
            self._held = _HeldFrame(prediction, raw.features, None)
        return prediction

    def sample(self) -> Epistemic | None:
        """
        Run one chunk on the held frame; returns None until the last chunk of the cycle.

        An error in a chunk ends the cycle: it is raised, and the frame is no longer held.
        RuntimeError: no frame is held.
        """
        held, self._held = self._held, None
        if held is None:
            raise RuntimeError('no frame is held; perceive one before sampling')
        start = held.moments.count if held.moments else 0
        rows = slice(start, start + self.backend.spec.chunk)
        chunk = self.backend.sample(held.features, [mask[rows] for mask in self._masks])
        moments = merge(held.moments, chunk) if held.moments else chunk
        if moments.count == self.samples:
            return epistemic_from_moments(moments, held.prediction)
        self._held = held._replace(moments=moments)
        return None

    def discard_frame(self) -> None:
        """Drop the held frame when its samples are of no use any more."""
        self._held = None

    def _focal_px(self, camera: PinholeCamera) -> float:
        """
        Return the focal length that scales depth, px.

        A stretched image has two, and the network judges depth by widths and heights: with their
        geometric mean, bands of half the height of 14 real drives have 1.00 times the depth of the
        whole image (median), with fx 0.70 and with fy 1.41.
        """
        return math.sqrt(camera.fx * camera.fy) if self.fit_mode == 'stretch' else camera.fx

    def _to_prediction(self, raw: RawPrediction, frame: CameraFrame,
                       camera: PinholeCamera | None, brightness: float,
                       image: ImageStatistics) -> Prediction:
        spec = self.backend.spec
        # The network predicts for the canonical camera; depth grows in proportion to focal length.
        scale = np.float32(self._focal_px(camera) / spec.canonical_focal_px if camera else 1)
        unmeasured = (raw.classes == SKY) | (raw.depth > spec.max_depth_m)  # (H, W)
        depth = np.where(unmeasured, np.float32(np.inf), raw.depth * scale)  # (H, W) m
        std = np.where(np.isfinite(depth), raw.aleatoric_std * scale, np.float32(np.nan))
        values = {output.name: getattr(raw, output.name) for output in PERCEIVE_OUTPUTS}
        values.update(depth=depth, aleatoric_std=std,
                      feature_distance=float(raw.feature_distance))
        return Prediction(
            stamp_ns=frame.stamp_ns, frame_id=frame.frame_id, camera=camera,
            non_finite=count_non_finite(raw, PERCEIVE_OUTPUTS), brightness=brightness,
            image=image, **values)
