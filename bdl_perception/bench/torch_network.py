# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""
The network of a model in torch, for comparison.

It is that of weights.pt. A folder without one gets the architecture that its last train_*.yaml
says, with random weights: what a convolution costs does not depend on what was learned.
"""
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from bdl_perception.backends.model_files import has_weights
from bdl_perception.backends.model_files import load_model_files
from bdl_perception.backends.model_files import read_weights
from bdl_perception.backends.model_files import WEIGHTS
from bdl_perception.backends.torch_reference import TorchBackend
from bdl_perception.network.cells import kept_directions
from bdl_perception.network.feature_statistics import FeatureStatistics
from bdl_perception.network.model import Network
from bdl_perception.network.model import NetworkConfig
from bdl_perception.network.weights import weights_from_bytes
from bdl_perception.training.config import read_config
import torch

SEED = 1


class Rebuilt(NamedTuple):
    """The network, where it was read, and how its features lie."""

    network: Network
    source: str
    statistics: FeatureStatistics


def rebuild(model: str | Path) -> Rebuilt:
    """Build the network of a shipped model or a model folder, ready to predict."""
    files = load_model_files(model)
    if has_weights(files):
        network, statistics = weights_from_bytes(read_weights(files), WEIGHTS)
        return Rebuilt(network, WEIGHTS, statistics)
    said = sorted(files.folder.glob('train_*.yaml'))
    if said:
        config = read_config(said[-1]).network
        source = f'{said[-1].name}, random weights'
    else:
        config = NetworkConfig(height=files.spec.height, width=files.spec.width)
        source = ('the default architecture, random weights: the model folder has neither '
                  'weights.pt nor train_*.yaml')
    if (config.height, config.width) != (files.spec.height, files.spec.width):
        raise ValueError(f'{said[-1]} says {config.width}x{config.height} px, '
                         f'model.json {files.spec.width}x{files.spec.height}; which is it?')
    network = random_network(config)
    return Rebuilt(network, source, blank_statistics(network))


def random_network(config: NetworkConfig) -> Network:
    """Draw weights, always the same ones."""
    torch.manual_seed(SEED)
    return Network(config).eval()


def blank_statistics(network: Network) -> FeatureStatistics:
    """Make feature statistics that leave pooled features, and the first of cells, as they are."""
    pooled = network.config.feature_channels[-1]
    cell = sum(network.config.decoder_channels[1:])
    kept = kept_directions(cell)
    return FeatureStatistics(torch.zeros(pooled), torch.eye(pooled),
                             torch.zeros(cell), torch.eye(cell)[:, :kept],
                             torch.zeros(1, kept), torch.eye(kept)[None])


def torch_backend(model: str | Path, rebuilt: Rebuilt) -> TorchBackend:
    """Run the network eagerly behind the interface that the graphs have."""
    network = rebuilt.network
    spec = replace(load_model_files(model).spec, dropout_channels=network.config.mask_channels)
    return TorchBackend(spec, network, rebuilt.statistics)
