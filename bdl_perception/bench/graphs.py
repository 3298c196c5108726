# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""The graphs by themselves: ONNX Runtime beside torch eager, by turns, on the same threads."""
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
from bdl_perception.perception.monte_carlo import draw_masks, merge_all
from bdl_perception.perception.types import Bytes
from bdl_perception.training.config import read_config
import numpy as np
import torch

SEED = 1


class TorchNetwork(NamedTuple):
    """The network, where it was read, and how its features lie."""

    network: Network
    source: str
    statistics: FeatureStatistics


def load_torch_network(model: str | Path) -> TorchNetwork:
    """Build the network of a shipped model or a model folder, ready to predict."""
    files = load_model_files(model)
    if has_weights(files):
        network, statistics = weights_from_bytes(read_weights(files), WEIGHTS_FILE)
        return TorchNetwork(network, WEIGHTS_FILE, statistics)
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
    return TorchNetwork(network, source, identity_statistics(network))


def random_network(config: NetworkConfig) -> Network:
    """Draw weights, always the same ones."""
    torch.manual_seed(SEED)
    return Network(config).eval()


def identity_statistics(network: Network) -> FeatureStatistics:
    """Make feature statistics that leave pooled features, and the first of cells, as they are."""
    pooled = network.config.feature_channels[-1]
    cell = sum(network.config.decoder_channels[1:])
    kept = direction_count(cell)
    return FeatureStatistics(torch.zeros(pooled), torch.eye(pooled),
                             torch.zeros(cell), torch.eye(cell)[:, :kept],
                             torch.zeros(1, kept), torch.eye(kept)[None])


def make_torch_backend(model: str | Path, torch_network: TorchNetwork) -> TorchBackend:
    """Run the network eagerly behind the interface that the graphs have."""
    network = torch_network.network
    spec = replace(load_model_files(model).spec, dropout_channels=network.config.mask_channels)
    return TorchBackend(spec, network, torch_network.statistics)


SAMPLES = 16  # T
MAX_PERCEIVE_MS = 15.0
Workloads = Mapping[str, Callable[[], object]]


def run(settings: BenchSettings) -> GroupResult:
    """Time single passes, then T samples three ways."""
    torch.set_num_threads(settings.threads)
    backend = open_backend(settings.model, ModelOptions('onnxruntime', settings.threads))
    rebuilt = load_torch_network(settings.model)
    size = backend.spec.height, backend.spec.width
    rgb = np.random.default_rng(0).integers(0, 256, (*size, 3), np.uint8)
    reference = make_torch_backend(settings.model, rebuilt)
    single = time_interleaved({'onnxruntime': lambda: backend.perceive(rgb),
                       'torch': lambda: reference.perceive(rgb)}, settings.choose(10, 200))
    sampled = time_interleaved(_sampling_variants(backend, rebuilt.network, rgb), settings.choose(3, 40))
    backend.close()
    what = f'`perceive`, {size[0]}x{size[1]}, {settings.threads} threads, ONNX Runtime'
    return GroupResult(_graph_rows(single, sampled, what, rebuilt.source),
                   {'torch_network': rebuilt.source, 'single_ms': single, 'sampled_ms': sampled})


def _sampling_variants(backend: Backend, network: Network, rgb: Bytes) -> Workloads:
    """Make T samples from the decoder alone, and by full passes of either library."""
    features, spec = backend.perceive(rgb).features, backend.spec
    masks = draw_masks(0, SAMPLES, spec.dropout_channels, spec.dropout_probability)

    def decoder_only() -> object:
        return merge_all(backend.sample(features, [mask[begin:begin + spec.chunk] for mask in masks])
                     for begin in range(0, SAMPLES, spec.chunk))

    return {'decoder': decoder_only,
            'onnxruntime': lambda: [backend.perceive(rgb) for _ in range(SAMPLES)],
            'torch': lambda: full_passes(network, rgb, SAMPLES)}


@torch.no_grad()
def full_passes(network: Network, rgb: Bytes, samples: int) -> list[Any]:
    """Run the whole network once for each sample: encoder, decoder, softmax."""
    picture = torch.from_numpy(rgb).permute(2, 0, 1)[None].float()  # (1, 3, H, W)
    passes = []
    for _ in range(samples):
        maps = network(picture, network.draw_masks(1))
        passes.append((maps.log_depth, softmax_entropy(moderated_logits(maps))))
    return passes


def _graph_rows(single: Mapping[str, list[float]], sampled: Mapping[str, list[float]], what: str,
          source: str) -> list[Row]:
    perceive, decoder = quartiles(single['onnxruntime']), quartiles(sampled['decoder'])
    torch_ms = quartiles(single['torch']).median
    return [
        Row(what, perceive.median, 'ms', MAX_PERCEIVE_MS, quartiles=perceive),
        _ratio_row('`perceive`, ONNX Runtime / torch eager', single['onnxruntime'],
               single['torch'], 1 / 3, f'torch eager takes {torch_ms:.1f} ms ({source})'),
        Row(f'T = {SAMPLES} samples, decoder only', decoder.median, 'ms', quartiles=decoder),
        _ratio_row(f'T = {SAMPLES} samples, decoder only / full ONNX Runtime passes',
               sampled['decoder'], sampled['onnxruntime'], 1 / 3),
        _ratio_row(f'T = {SAMPLES} samples, decoder only / full torch eager passes',
               sampled['decoder'], sampled['torch'], 1 / 10)]


def _ratio_row(what: str, ours: list[float], theirs: list[float], goal: float, note: str = '') -> Row:
    ratio = paired_ratio(ours, theirs)
    return Row(what, ratio.median, '', goal, quartiles=ratio, note=note)
