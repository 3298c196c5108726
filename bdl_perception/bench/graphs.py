# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""The graphs by themselves: ONNX Runtime beside torch eager, by turns, on the same threads."""
from typing import Any, Callable, Mapping

from bdl_perception.backends.registry import open_backend
from bdl_perception.bench.row import Row
from bdl_perception.bench.setting import Outcome
from bdl_perception.bench.setting import Setting
from bdl_perception.bench.spread import by_turns
from bdl_perception.bench.spread import paired_ratio
from bdl_perception.bench.spread import spread_of
from bdl_perception.bench.torch_network import rebuild
from bdl_perception.bench.torch_network import torch_backend
from bdl_perception.network.graphs import believe
from bdl_perception.network.graphs import moderate
from bdl_perception.network.model import Network
from bdl_perception.perception.backend import Backend
from bdl_perception.perception.masks import draw_masks
from bdl_perception.perception.moments import total
from bdl_perception.perception.values import Bytes
import numpy as np
import torch

SAMPLES = 16  # T
PERCEIVE_MS = 15.0
Things = Mapping[str, Callable[[], object]]


def run(setting: Setting) -> Outcome:
    """Time single passes, then T samples three ways."""
    torch.set_num_threads(setting.threads)
    backend = open_backend('onnxruntime', setting.model, setting.threads)
    rebuilt = rebuild(setting.model)
    size = backend.spec.height, backend.spec.width
    rgb = np.random.default_rng(0).integers(0, 256, (*size, 3), np.uint8)
    reference = torch_backend(setting.model, rebuilt)
    single = by_turns({'onnxruntime': lambda: backend.perceive(rgb),
                       'torch': lambda: reference.perceive(rgb)}, setting.choose(10, 200))
    sampled = by_turns(_ways(backend, rebuilt.network, rgb), setting.choose(3, 40))
    backend.close()
    what = f'`perceive`, {size[0]}x{size[1]}, {setting.threads} threads, ONNX Runtime'
    return Outcome(_rows(single, sampled, what, rebuilt.source),
                   {'torch_network': rebuilt.source, 'single_ms': single, 'sampled_ms': sampled})


def _ways(backend: Backend, network: Network, rgb: Bytes) -> Things:
    """Make T samples from the decoder alone, and by full passes of either library."""
    features, spec = backend.perceive(rgb).features, backend.spec
    masks = draw_masks(0, SAMPLES, spec.dropout_channels, spec.dropout_probability)

    def decoder_only() -> object:
        return total(backend.sample(features, [mask[begin:begin + spec.chunk] for mask in masks])
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
        passes.append((maps.log_depth, believe(moderate(maps))))
    return passes


def _rows(single: Mapping[str, list[float]], sampled: Mapping[str, list[float]], what: str,
          source: str) -> list[Row]:
    perceive, decoder = spread_of(single['onnxruntime']), spread_of(sampled['decoder'])
    torch_ms = spread_of(single['torch']).median
    return [
        Row(what, perceive.median, 'ms', PERCEIVE_MS, spread=perceive),
        _ratio('`perceive`, ONNX Runtime / torch eager', single['onnxruntime'],
               single['torch'], 1 / 3, f'torch eager takes {torch_ms:.1f} ms ({source})'),
        Row(f'T = {SAMPLES} samples, decoder only', decoder.median, 'ms', spread=decoder),
        _ratio(f'T = {SAMPLES} samples, decoder only / full ONNX Runtime passes',
               sampled['decoder'], sampled['onnxruntime'], 1 / 3),
        _ratio(f'T = {SAMPLES} samples, decoder only / full torch eager passes',
               sampled['decoder'], sampled['torch'], 1 / 10)]


def _ratio(what: str, ours: list[float], theirs: list[float], goal: float, note: str = '') -> Row:
    ratio = paired_ratio(ours, theirs)
    return Row(what, ratio.median, '', goal, spread=ratio, note=note)
