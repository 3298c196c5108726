# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""Time by number of samples and by pixels, compared with proportional scaling."""
from dataclasses import replace
from pathlib import Path
import tempfile
from typing import Callable
import warnings

from bdl_perception.backends import open_backend
from bdl_perception.bench.graphs import identity_statistics, load_torch_network, random_network
from bdl_perception.bench.report import draw_curves, Panel
from bdl_perception.bench.row import BenchSettings, GroupResult, Row
from bdl_perception.bench.timing import quartiles, time_interleaved
from bdl_perception.model_store import ModelOptions
from bdl_perception.network.export import export_model
from bdl_perception.perception.backend import Backend
from bdl_perception.perception.data_types import Bytes
from bdl_perception.perception.monte_carlo import draw_masks, merge_all
import numpy as np
import torch

SAMPLE_COUNTS = (4, 8, 16, 32, 64)
IMAGE_SIZES = ((96, 160), (192, 320), (288, 480), (384, 640))  # height, width: multiples of 32
MAX_SCALING_RATIO = 1.5  # caches may cost this much beyond proportional scaling
MedianTimes = dict[int, float]  # T or pixels -> median ms


def run(settings: BenchSettings) -> GroupResult:
    """Measure both dependences in this process."""
    by_samples = time_by_samples(settings)
    by_size = time_by_size(settings)
    plot = draw_curves(settings.out / 'scaling.png', [
        Panel('T', 'T samples, decoder only, ms', _scaling_curves(by_samples)),
        Panel('pixels of the image', 'perceive, ms', _scaling_curves(by_size))])
    return GroupResult(scaling_rows(by_samples, by_size),
                       {'samples_ms': by_samples, 'pixels_ms': by_size}, [plot])


def scaling_rows(by_samples: MedianTimes, by_size: MedianTimes) -> list[Row]:
    """Compare the measured with proportional scaling."""
    return [_scaling_row('time of T samples, decoder only', 'samples', by_samples),
            _scaling_row('time of `perceive` (random weights)', 'pixels', by_size)]


def _scaling_row(what: str, unit: str, measured: MedianTimes) -> Row:
    low, high = min(measured), max(measured)
    ratio = measured[high] / measured[low] / (high / low)
    return Row(f'{what}, {low} to {high} {unit}: scaling / proportional scaling', ratio, '',
               MAX_SCALING_RATIO, note=f'{measured[low]:.1f} to {measured[high]:.1f} ms')


def time_by_samples(settings: BenchSettings) -> MedianTimes:
    """Time T samples of one frame, for each T that is a multiple of the chunk."""
    backend = open_backend(settings.model, ModelOptions('onnxruntime', settings.threads))
    spec = backend.spec
    features = backend.perceive(_random_image(spec.height, spec.width)).features

    def sampling(count: int) -> Callable[[], object]:
        masks = draw_masks(0, count, spec.dropout_channels, spec.dropout_probability)
        return lambda: merge_all(
            backend.sample(features, [mask[begin:begin + spec.chunk] for mask in masks])
            for begin in range(0, count, spec.chunk))

    counts = [count for count in SAMPLE_COUNTS if count % spec.chunk == 0]
    times_ms = time_interleaved({str(count): sampling(count) for count in counts},
                                settings.choose(3, 40))
    backend.close()
    return {count: quartiles(times_ms[str(count)]).median for count in counts}


def time_by_size(settings: BenchSettings) -> MedianTimes:
    """Export the network at several sizes with random weights, and time the single pass."""
    sizes = settings.choose(IMAGE_SIZES[:2], IMAGE_SIZES)
    with tempfile.TemporaryDirectory() as folder:
        backends = {height * width: _export_at_size(settings, Path(folder), height, width)
                    for height, width in sizes}
        times_ms = time_interleaved({str(pixels): _perceive_workload(backend)
                                     for pixels, backend in backends.items()},
                                    settings.choose(5, 100))
    for backend in backends.values():
        backend.close()
    return {pixels: quartiles(times_ms[str(pixels)]).median for pixels in backends}


def _export_at_size(settings: BenchSettings, folder: Path, height: int, width: int) -> Backend:
    config = replace(load_torch_network(settings.model).network.config, height=height, width=width)
    network = random_network(config)
    model = folder / f'{width}x{height}'
    with warnings.catch_warnings():
        warnings.simplefilter('ignore', UserWarning)  # torch: constants that it did not fold
        export_model(model, network, identity_statistics(network), name=model.name, chunk=4,
                     frames=[torch.from_numpy(_random_image(height, width))])
    return open_backend(model, ModelOptions('onnxruntime', settings.threads))


def _perceive_workload(backend: Backend) -> Callable[[], object]:
    rgb = _random_image(backend.spec.height, backend.spec.width)
    return lambda: backend.perceive(rgb)


def _random_image(height: int, width: int) -> Bytes:
    return np.random.default_rng(0).integers(0, 256, (height, width, 3), np.uint8)


def _scaling_curves(measured: MedianTimes) -> dict[str, tuple[list[float], list[float]]]:
    sizes, smallest = list(map(float, measured)), min(measured)
    return {'measured': (sizes, list(measured.values())),
            'proportional': (sizes, [measured[smallest] * size / smallest for size in sizes])}
