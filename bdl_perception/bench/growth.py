# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""How time grows with the number of samples and of pixels, beside proportional growth."""
from dataclasses import replace
from pathlib import Path
import tempfile
from typing import Callable
import warnings

from bdl_perception.backends.registry import open_backend
from bdl_perception.bench.plots import draw
from bdl_perception.bench.plots import Panel
from bdl_perception.bench.row import Row
from bdl_perception.bench.setting import Outcome
from bdl_perception.bench.setting import Setting
from bdl_perception.bench.spread import by_turns
from bdl_perception.bench.spread import spread_of
from bdl_perception.bench.torch_network import blank_statistics
from bdl_perception.bench.torch_network import random_network
from bdl_perception.bench.torch_network import rebuild
from bdl_perception.network.export import export_model
from bdl_perception.perception.backend import Backend
from bdl_perception.perception.masks import draw_masks
from bdl_perception.perception.moments import total
from bdl_perception.perception.values import Bytes
import numpy as np
import torch

SAMPLES = (4, 8, 16, 32, 64)
SIZES = ((96, 160), (192, 320), (288, 480), (384, 640))  # height, width: multiples of 32
NO_SURPRISE = 1.5  # times what proportion says; caches are allowed to matter
Measured = dict[int, float]  # T or pixels -> median ms


def run(setting: Setting) -> Outcome:
    """Measure both in this process."""
    sampled = samples_ms(setting)
    sized = sizes_ms(setting)
    plot = draw(setting.out / 'growth.png', [
        Panel('T', 'T samples, decoder only, ms', _curves(sampled)),
        Panel('pixels of the picture', 'perceive, ms', _curves(sized))])
    return Outcome(rows(sampled, sized), {'samples_ms': sampled, 'pixels_ms': sized}, [plot])


def rows(sampled: Measured, sized: Measured) -> list[Row]:
    """Compare the growth with proportion."""
    return [_row('time of T samples, decoder only', 'samples', sampled),
            _row('time of `perceive` (random weights)', 'pixels', sized)]


def _row(what: str, unit: str, measured: Measured) -> Row:
    least, most = min(measured), max(measured)
    grown = measured[most] / measured[least] / (most / least)
    return Row(f'{what}, {least} to {most} {unit}: growth / proportional growth', grown, '',
               NO_SURPRISE, note=f'{measured[least]:.1f} to {measured[most]:.1f} ms')


def samples_ms(setting: Setting) -> Measured:
    """Time T samples of one picture, for each T that whole chunks make."""
    backend = open_backend('onnxruntime', setting.model, setting.threads)
    features = backend.perceive(_noise(backend.spec.height, backend.spec.width)).features

    def sampling(count: int) -> Callable[[], object]:
        spec = backend.spec
        masks = draw_masks(0, count, spec.dropout_channels, spec.dropout_probability)
        return lambda: total(
            backend.sample(features, [mask[begin:begin + spec.chunk] for mask in masks])
            for begin in range(0, count, spec.chunk))

    counts = [count for count in SAMPLES if count % backend.spec.chunk == 0]
    taken = by_turns({str(count): sampling(count) for count in counts}, setting.choose(3, 40))
    backend.close()
    return {count: spread_of(taken[str(count)]).median for count in counts}


def sizes_ms(setting: Setting) -> Measured:
    """Export the network at other sizes, with random weights, and time the single pass."""
    chosen = setting.choose(SIZES[:2], SIZES)
    with tempfile.TemporaryDirectory() as folder:
        backends = {height * width: _exported(setting, Path(folder), height, width)
                    for height, width in chosen}
        taken = by_turns({str(pixels): _perceiving(backend)
                          for pixels, backend in backends.items()}, setting.choose(5, 100))
    for backend in backends.values():
        backend.close()
    return {pixels: spread_of(taken[str(pixels)]).median for pixels in backends}


def _exported(setting: Setting, folder: Path, height: int, width: int) -> Backend:
    config = replace(rebuild(setting.model).network.config, height=height, width=width)
    network = random_network(config)
    model = folder / f'{width}x{height}'
    with warnings.catch_warnings():
        warnings.simplefilter('ignore', UserWarning)  # of torch: what it left for ONNX Runtime
        export_model(model, network, blank_statistics(network), name=model.name, chunk=4,
                     pictures=[torch.from_numpy(_noise(height, width))])
    return open_backend('onnxruntime', model, setting.threads)


def _perceiving(backend: Backend) -> Callable[[], object]:
    rgb = _noise(backend.spec.height, backend.spec.width)
    return lambda: backend.perceive(rgb)


def _noise(height: int, width: int) -> Bytes:
    return np.random.default_rng(0).integers(0, 256, (height, width, 3), np.uint8)


def _curves(measured: Measured) -> dict[str, tuple[list[float], list[float]]]:
    sizes, least = list(map(float, measured)), min(measured)
    return {'measured': (sizes, list(measured.values())),
            'in proportion': (sizes, [measured[least] * size / least for size in sizes])}
