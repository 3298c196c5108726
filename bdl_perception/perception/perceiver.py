# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""
One frame in; what is seen, and every now and then how sure the model is.

The frame path never waits for the uncertainty: perceive() runs the single pass on each frame;
sample() runs one chunk of Monte Carlo samples on one held frame. When all samples of that frame
are merged, the next frame that is perceived becomes the held one.
"""
from typing import NamedTuple

from bdl_perception.perception.backend import Backend, RawPrediction
from bdl_perception.perception.image_geometry import fit_image, ImageFit, mean_luma
from bdl_perception.perception.monte_carlo import draw_masks, epistemic_from_moments, merge
from bdl_perception.perception.types import (
    CameraFrame,
    Epistemic,
    Features,
    Moments,
    PinholeCamera,
    Prediction,
    SKY,
)
import numpy as np


class _HeldFrame(NamedTuple):
    """The frame that is being sampled, and its samples so far."""

    prediction: Prediction
    features: Features
    moments: Moments | None


class Perceiver:
    """Owns the backend's use: the masks, the held frame, and what raw numbers mean in metres."""

    def __init__(self, backend: Backend, samples: int, seed: int, fit_mode: str = 'crop') -> None:
        """Plan samples (T) for each held frame; the masks are the same in every cycle."""
        spec = backend.spec
        spec.check_samples(samples)
        self.backend = backend
        self.samples = samples
        self.seed = seed
        self.fit_mode = fit_mode
        self._masks = draw_masks(seed, samples, spec.dropout_channels, spec.dropout_probability)
        self._held: _HeldFrame | None = None
        self.image_fit(spec.width, spec.height)  # a wrong mode fails now, not at the first frame

    @property
    def samples_left(self) -> int:
        """How many samples the held frame still needs; 0 when no frame is held."""
        if self._held is None:
            return 0
        done = self._held.moments.count if self._held.moments else 0
        return self.samples - done

    def image_fit(self, width: int, height: int) -> ImageFit:
        """Tell how a picture of this size is brought to the network's input."""
        spec = self.backend.spec
        return fit_image(width, height, spec.width, spec.height, self.fit_mode)

    def perceive(self, frame: CameraFrame) -> Prediction:
        """Run the single pass; the frame is held for sampling when no other one is."""
        height, width = frame.rgb.shape[:2]
        fit = self.image_fit(width, height)
        camera = fit.transform_camera(frame.camera) if frame.camera else None
        rgb = fit.apply(frame.rgb)
        raw = self.backend.perceive(rgb)
        prediction = self._interpret(raw, frame, camera, mean_luma(rgb))
        if self._held is None:
            self._held = _HeldFrame(prediction, raw.features, None)
        return prediction

    def sample(self) -> Epistemic | None:
        """
        Run one chunk on the held frame; None until the last one of the cycle.

        A chunk that fails ends the cycle: its error is raised and the frame is no longer held.
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
        """Let go of the held frame, when its samples are of no use any more."""
        self._held = None

    def _interpret(self, raw: RawPrediction, frame: CameraFrame,
                   camera: PinholeCamera | None, brightness: float) -> Prediction:
        spec = self.backend.spec
        # An object in a longer lens looks nearer than it is: the network saw it that way.
        scale = np.float32(camera.fx / spec.canonical_focal_px if camera else 1)
        unmeasured = (raw.classes == SKY) | (raw.depth > spec.max_depth_m)  # (H, W)
        depth = np.where(unmeasured, np.float32(np.inf), raw.depth * scale)  # (H, W) m
        std = np.where(np.isfinite(depth), raw.aleatoric_std * scale, np.float32(np.nan))
        return Prediction(
            stamp_ns=frame.stamp_ns, frame_id=frame.frame_id, camera=camera,
            depth=depth, aleatoric_std=std, classes=raw.classes, entropy=raw.entropy,
            max_probability=raw.max_probability, energy=raw.energy,
            log_depth_std=raw.log_depth_std, feature_distance=float(raw.feature_distance),
            cell_distance=raw.cell_distance,
            non_finite=_count_non_finite(raw), brightness=brightness)


def _count_non_finite(raw: RawPrediction) -> int:
    arrays = (raw.depth, raw.aleatoric_std, raw.entropy, raw.max_probability, raw.energy,
              raw.log_depth_std, raw.feature_distance, raw.cell_distance)
    return sum(array.size - int(np.isfinite(array).sum()) for array in arrays)
