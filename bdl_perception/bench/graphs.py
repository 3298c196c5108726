# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""
The two graphs alone: ONNX Runtime compared with torch eager, alternately, on the same threads.

The torch network is that of weights.pt. For a model folder without weights.pt it has the
architecture of the last train_*.yaml with random weights; the time does not depend on the weights.
"""
from dataclasses import replace
from pathlib import Path
from typing import Any, Callable, Mapping, NamedTuple

from bdl_perception.backends import open_backend
from bdl_perception.backends.torch_backend import TorchBackend
from bdl_perception.bench.row import BenchSettings, GroupResult, Row
from bdl_perception.bench.timing import paired_ratio, quartiles, time_interleaved
from bdl_perception.model_store import (
    has_weights,
    load_model_files,
    ModelOptions,
    read_weights,
    WEIGHTS_FILE,
)
from bdl_perception.network.class_distance import direction_count
from bdl_perception.network.feature_statistics import FeatureStatistics
from bdl_perception.network.graphs import moderated_logits, softmax_entropy
from bdl_perception.network.model import Network, NetworkConfig
from bdl_perception.network.weights import weights_from_bytes
from bdl_perception.perception.backend import Backend
from bdl_perception.perception.data_types import Bytes
from bdl_perception.perception.monte_carlo import draw_masks, merge_all
from bdl_perception.training.config import read_config
import numpy as np
import torch

SAMPLES = 16  # T
MAX_PERCEIVE_MS = 15.0
SEED = 1  # of random weights
Workloads = Mapping[str, Callable[[], object]]


class TorchNetwork(NamedTuple):
    """Network, source of its weights, and its feature statistics."""

    network: Network
    source: str
    statistics: FeatureStatistics


def run(settings: BenchSettings) -> GroupResult:
    """Time single passes, then T samples in three ways."""
    torch.set_num_threads(settings.threads)
    backend = open_backend(settings.model, ModelOptions('onnxruntime', settings.threads))
    reference = load_torch_network(settings.model)
    height, width = backend.spec.height, backend.spec.width
    rgb = np.random.default_rng(0).integers(0, 256, (height, width, 3), np.uint8)
    torch_backend = make_torch_backend(settings.model, reference)
    single_ms = time_interleaved({'onnxruntime': lambda: backend.perceive(rgb),
                                  'torch': lambda: torch_backend.perceive(rgb)},
                                 settings.choose(10, 200))
    sampled_ms = time_interleaved(_sampling_workloads(backend, reference.network, rgb),
                                  settings.choose(3, 40))
    backend.close()
    what = f'`perceive`, {height}x{width}, {settings.threads} threads, ONNX Runtime'
    return GroupResult(_graph_rows(single_ms, sampled_ms, what, reference.source),
                       {'torch_network': reference.source, 'single_ms': single_ms,
                        'sampled_ms': sampled_ms})


def _sampling_workloads(backend: Backend, network: Network, rgb: Bytes) -> Workloads:
    """Draw T samples by the decoder alone, and by full passes of either library."""
    features, spec = backend.perceive(rgb).features, backend.spec
    masks = draw_masks(0, SAMPLES, spec.dropout_channels, spec.dropout_probability)

    def decoder_only() -> object:
        return merge_all(
            backend.sample(features, [mask[begin:begin + spec.chunk] for mask in masks])
            for begin in range(0, SAMPLES, spec.chunk))

    return {'decoder': decoder_only,
            'onnxruntime': lambda: [backend.perceive(rgb) for _ in range(SAMPLES)],
            'torch': lambda: full_passes(network, rgb, SAMPLES)}


@torch.no_grad()
def full_passes(network: Network, rgb: Bytes, samples: int) -> list[Any]:
    """Run the whole network once per sample: encoder, decoder, softmax."""
    image = torch.from_numpy(rgb).permute(2, 0, 1)[None].float()  # (1, 3, H, W)
    passes = []
    for _ in range(samples):
        maps = network(image, network.draw_masks(1))
        passes.append((maps.log_depth, softmax_entropy(moderated_logits(maps))))
    return passes


def _graph_rows(single_ms: Mapping[str, list[float]], sampled_ms: Mapping[str, list[float]],
                what: str, source: str) -> list[Row]:
    perceive, decoder = quartiles(single_ms['onnxruntime']), quartiles(sampled_ms['decoder'])
    torch_ms = quartiles(single_ms['torch']).median
    return [
        Row(what, perceive.median, 'ms', MAX_PERCEIVE_MS, quartiles=perceive),
        _ratio_row('`perceive`, ONNX Runtime / torch eager', single_ms['onnxruntime'],
                   single_ms['torch'], 1 / 3, f'torch eager takes {torch_ms:.1f} ms ({source})'),
        Row(f'T = {SAMPLES} samples, decoder only', decoder.median, 'ms', quartiles=decoder),
        _ratio_row(f'T = {SAMPLES} samples, decoder only / full ONNX Runtime passes',
                   sampled_ms['decoder'], sampled_ms['onnxruntime'], 1 / 3),
        _ratio_row(f'T = {SAMPLES} samples, decoder only / full torch eager passes',
                   sampled_ms['decoder'], sampled_ms['torch'], 1 / 10)]


def _ratio_row(what: str, numerators: list[float], denominators: list[float], goal: float,
               note: str = '') -> Row:
    ratio = paired_ratio(numerators, denominators)
    return Row(what, ratio.median, '', goal, quartiles=ratio, note=note)


def load_torch_network(model: str | Path) -> TorchNetwork:
    """
    Build the torch network of a shipped model or a model folder, in eval mode.

    ValueError when train_*.yaml and model.json have different sizes.
    """
    files = load_model_files(model)
    if has_weights(files):
        network, statistics = weights_from_bytes(read_weights(files), WEIGHTS_FILE)
        return TorchNetwork(network, WEIGHTS_FILE, statistics)
    config = NetworkConfig(height=files.spec.height, width=files.spec.width)
    source = ('default architecture, random weights: the model folder has neither weights.pt nor '
              'train_*.yaml')
    if train_files := sorted(files.folder.glob('train_*.yaml')):
        config = read_config(train_files[-1]).network
        source = f'{train_files[-1].name}, random weights'
        if (config.height, config.width) != (files.spec.height, files.spec.width):
            raise ValueError(
                f'{train_files[-1]} has the size {config.width}x{config.height} px, model.json '
                f'{files.spec.width}x{files.spec.height}; remove the file that is wrong')
    network = random_network(config)
    return TorchNetwork(network, source, identity_statistics(network))


def random_network(config: NetworkConfig) -> Network:
    """Make a network with reproducible random weights."""
    torch.manual_seed(SEED)
    return Network(config).eval()


def identity_statistics(network: Network) -> FeatureStatistics:
    """Make feature statistics with zero means and identity whitenings."""
    pooled = network.config.feature_channels[-1]
    cell = sum(network.config.decoder_channels[1:])
    directions = direction_count(cell)
    return FeatureStatistics(torch.zeros(pooled), torch.eye(pooled),
                             torch.zeros(cell), torch.eye(cell)[:, :directions],
                             torch.zeros(1, directions), torch.eye(directions)[None])


def make_torch_backend(model: str | Path, torch_network: TorchNetwork) -> TorchBackend:
    """Wrap the eager network in the Backend interface."""
    network = torch_network.network
    spec = replace(load_model_files(model).spec, dropout_channels=network.config.mask_channels)
    return TorchBackend(spec, network, torch_network.statistics)
