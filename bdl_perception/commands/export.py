# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""`bdl export`: turn a checkpoint into the folder that the node runs."""
import argparse
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bdl_perception.network.feature_statistics import FeatureStatistics
    from bdl_perception.network.model import Network
    from bdl_perception.training.datasets import Dataset
    from torch import Tensor

PARITY_PICTURES = 3  # real frames on which ONNX Runtime must agree with torch, beside noise
BATCH = 8  # frames whose features are taken together


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what an export can be told."""
    parser.add_argument('checkpoint', type=Path,
                        help='RUN/checkpoint.pt or RUN/best.pt of `bdl train`')
    parser.add_argument('model', type=Path, metavar='MODEL_DIR', help='folder to write')
    parser.add_argument('--data', type=Path, required=True, metavar='DIR',
                        help='the drives that it was trained on: what is familiar')
    parser.add_argument('--name', help='of the model (default: name of its folder)')
    parser.add_argument('--chunk', type=int, default=4,
                        help='stochastic passes in one run (default: %(default)s)')
    parser.add_argument('--stride', type=int, default=4,
                        help='take every n-th frame of a drive (default: %(default)s)')


def run(arguments: argparse.Namespace) -> int:
    """Fit the feature statistics, export, compare, write."""
    from bdl_perception.network.export import export_model
    from bdl_perception.training.checkpoint import read_checkpoint
    from bdl_perception.training.datasets.world import WorldDataset
    network = read_checkpoint(arguments.checkpoint).build_network()
    config = network.config
    data = WorldDataset(arguments.data, 'train', config.height, config.width, arguments.stride)
    spec = export_model(
        arguments.model, network, fit_statistics(network, data),
        name=arguments.name or arguments.model.resolve().name, chunk=arguments.chunk,
        pictures=parity_pictures(network, data))
    size = sum(path.stat().st_size for path in arguments.model.iterdir())
    print(f'{arguments.model}: {spec.name}, {size / 1e6:.1f} MB, '
          f'perceive {spec.perceive_sha256[:12]}, sample {spec.sample_sha256[:12]}')
    return 0


def fit_statistics(network: 'Network', data: 'Dataset') -> 'FeatureStatistics':
    """Look at all the data once and remember how its features lie."""
    from bdl_perception.network.feature_statistics import feature_statistics
    from bdl_perception.network.feature_statistics import pool_features
    from bdl_perception.training.batches import plain_batches
    from tqdm import tqdm
    batches = plain_batches(data, BATCH, range(len(data)), network.config)
    shown = tqdm(batches, 'feature statistics', -(-len(data) // BATCH), disable=None)
    return feature_statistics(pool_features(network, (batch.rgb for batch in shown)))


def parity_pictures(network: 'Network', data: 'Dataset') -> list['Tensor']:
    """Choose some frames of the data and one of noise, (H, W, 3) uint8."""
    from bdl_perception.training.batches import spread_indices
    import torch
    frames = [torch.from_numpy(data[index].rgb)
              for index in spread_indices(len(data), PARITY_PICTURES)]
    shape = (network.config.height, network.config.width, 3)
    generator = torch.Generator().manual_seed(0)
    return [*frames, torch.randint(0, 256, shape, generator=generator, dtype=torch.uint8)]
