# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""What a thing must do to run the network: three calls and a name."""
from typing import NamedTuple, Protocol, Sequence

from bdl_perception.perception.model_spec import ModelSpec
from bdl_perception.perception.values import Bytes
from bdl_perception.perception.values import Features
from bdl_perception.perception.values import Floats
from bdl_perception.perception.values import Moments


class RawPrediction(NamedTuple):
    """The outputs of the perceive graph, batch axis removed, in the canonical camera."""

    depth: Floats  # (H, W) m, as seen by a camera of the canonical focal length
    aleatoric_std: Floats  # (H, W) m, likewise
    classes: Bytes  # (H, W)
    entropy: Floats  # (H, W) nat
    max_probability: Floats  # (h, w)
    energy: Floats  # (h, w)
    log_depth_std: Floats  # (h, w)
    feature_distance: Floats  # ()
    cell_distance: Floats  # (h', w')
    features: Features


class Backend(Protocol):
    """Runs the two graphs of one model; see backends/ for the implementations."""

    name: str
    precision: str  # fp32 or fp16, of the graphs' arithmetic
    spec: ModelSpec

    def perceive(self, rgb: Bytes) -> RawPrediction:
        """Run the single pass on rgb (H, W, 3) uint8 of exactly the model's input size."""

    def sample(self, features: Features, masks: Sequence[Floats]) -> Moments:
        """Run one chunk of S stochastic passes; masks: one (S, C_k) array per dropout layer."""

    def close(self) -> None:
        """Give back what the backend holds; it cannot be used afterwards."""
