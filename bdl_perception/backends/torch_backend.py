# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""The reference backend: the torch modules from which the graphs were exported."""
from typing import Sequence, TypeVar

from bdl_perception.model_store import ModelError, ModelFiles, read_weights, WEIGHTS_FILE
from bdl_perception.network.feature_statistics import FeatureStatistics
from bdl_perception.network.graphs import MAP_NAMES, MOMENT_NAMES, Perceive, Sample
from bdl_perception.network.model import Network
from bdl_perception.network.weights import weights_from_bytes
from bdl_perception.perception.backend import ModelSpec, RawPrediction
from bdl_perception.perception.data_types import Bytes, Features, Floats, Moments
import numpy as np
import torch

Module = TypeVar('Module', Perceive, Sample)


class TorchBackend:
    """Runs the torch modules of a model."""

    name = 'torch'
    precision = 'fp32'

    def __init__(self, spec: ModelSpec, network: Network, statistics: FeatureStatistics) -> None:
        """Use the network behind a model; ValueError: the spec does not match the network."""
        config = network.config
        if (spec.height, spec.width, spec.dropout_channels) != (
                config.height, config.width, config.mask_channels):
            raise ValueError(f'model {spec.name!r} was not exported from this network: '
                             f'sizes or dropout channels differ')
        self.spec = spec
        self._perceive: Perceive | None = Perceive(network, statistics).eval()
        self._sample: Sample | None = Sample(network).eval()

    @torch.no_grad()
    def perceive(self, rgb: Bytes) -> RawPrediction:
        """Run the single pass on rgb (H, W, 3) uint8."""
        size = (self.spec.height, self.spec.width, 3)
        if rgb.shape != size or rgb.dtype != np.uint8:
            raise ValueError(f'rgb is {rgb.dtype} {rgb.shape}, the model takes uint8 {size}')
        outputs = _require_open(self._perceive)(torch.from_numpy(rgb.copy())[None])
        maps = {name: value[0].numpy()
                for name, value in zip(MAP_NAMES, outputs, strict=False)}
        return RawPrediction(**maps, features=outputs[len(MAP_NAMES):])

    @torch.no_grad()
    def sample(self, features: Features, masks: Sequence[Floats]) -> Moments:
        """Run one chunk; masks: one (S, C_k) array per dropout layer, of any S."""
        shaped = [torch.from_numpy(mask)[:, :, None, None] for mask in masks]
        outputs = _require_open(self._sample)(*features, *shaped)
        maps = {name: value.numpy() for name, value in zip(MOMENT_NAMES, outputs, strict=True)}
        return Moments(count=len(masks[0]), **maps)

    def close(self) -> None:
        """Release the network."""
        self._perceive = self._sample = None


def open_torch(files: ModelFiles, threads: int = 0) -> TorchBackend:
    """
    Load the network of a model folder; ModelError if it is missing or does not match.

    threads: of torch in the whole process; 0 leaves the setting unchanged.
    """
    if threads:
        torch.set_num_threads(threads)
    data = read_weights(files)
    try:
        network, statistics = weights_from_bytes(data, str(files.folder / WEIGHTS_FILE))
        return TorchBackend(files.spec, network, statistics)
    except ValueError as error:
        raise ModelError(str(error)) from error


def _require_open(module: Module | None) -> Module:
    if module is None:
        raise RuntimeError('the backend is closed; open a new one')
    return module
