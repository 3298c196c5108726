# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""
Time of each step of a frame and of a Monte Carlo cycle, in one process.

As a program it times the two graphs alone, for the group `node`:
`python -m bdl_perception.bench.breakdown MODEL FRAMES CHUNKS THREADS`.
"""
import json
import sys
import time
from typing import Callable, Mapping

from bdl_perception.backends import open_backend
from bdl_perception.bench.camera import HEIGHT, WIDTH
from bdl_perception.bench.harness import MC_SAMPLES
from bdl_perception.bench.report import draw_bars
from bdl_perception.bench.row import BenchSettings, GroupResult, Row
from bdl_perception.bench.timing import quartiles, time_interleaved
from bdl_perception.model_store import ModelOptions
from bdl_perception.nodes.messages import float32_image, make_header, uint8_image
from bdl_perception.perception.backend import Backend
from bdl_perception.perception.camera_health import CameraHealth
from bdl_perception.perception.data_types import CameraFrame
from bdl_perception.perception.image_decoding import rgb_from_image
from bdl_perception.perception.monte_carlo import draw_masks, epistemic_from_moments, merge_all
from bdl_perception.perception.perceiver import Perceiver
from bdl_perception.perception.scores import cycle_scores, frame_scores
import numpy as np

PERCEIVE_STEP, SAMPLE_STEP = 'perceive graph', 'sample graph, all chunks'
TimedSteps = Mapping[str, Callable[[], object]]


def run(settings: BenchSettings) -> GroupResult:
    """Time the steps alternately."""
    backend = open_backend(settings.model, ModelOptions('onnxruntime', settings.threads))
    rounds = settings.choose(5, 200)
    frame_ms, cycle_ms = (
        {name: quartiles(times).median for name, times in time_interleaved(steps, rounds).items()}
        for steps in (frame_steps(backend), cycle_steps(backend)))
    backend.close()
    plot = draw_bars(settings.out / 'breakdown.png', {'a frame, ms': frame_ms,
                                                      'a Monte Carlo cycle, ms': cycle_ms})
    return GroupResult(breakdown_rows(frame_ms, cycle_ms),
                       {'frame_ms': frame_ms, 'cycle_ms': cycle_ms}, [plot])


def frame_steps(backend: Backend) -> TimedSteps:
    """List the steps of a frame when only depth has a subscriber."""
    head, health = make_header(1, 'camera'), CameraHealth()
    rgb = np.random.default_rng(0).integers(0, 256, (HEIGHT, WIDTH, 3), np.uint8)
    message = uint8_image(rgb, head)
    perceiver = Perceiver(backend, MC_SAMPLES, 0)
    fit = perceiver.image_fit(WIDTH, HEIGHT)
    resized = fit.apply(rgb)
    prediction = perceiver.perceive(CameraFrame(rgb, 1, 'camera'))
    return {
        'message to rgb': lambda: rgb_from_image(message),
        'camera health': lambda: health.detect_faults(rgb),
        'crop and resize': lambda: fit.apply(rgb),
        PERCEIVE_STEP: lambda: backend.perceive(resized),
        'scores': lambda: frame_scores(prediction),
        'depth to message': lambda: float32_image(prediction.depth, head)}


def cycle_steps(backend: Backend) -> TimedSteps:
    """List the steps of a Monte Carlo cycle, up to the message of its epistemic map."""
    head, spec = make_header(1, 'camera'), backend.spec
    rgb = np.random.default_rng(0).integers(0, 256, (spec.height, spec.width, 3), np.uint8)
    prediction = Perceiver(backend, MC_SAMPLES, 0).perceive(CameraFrame(rgb, 1, 'camera'))
    features = backend.perceive(rgb).features
    masks = draw_masks(0, MC_SAMPLES, spec.dropout_channels, spec.dropout_probability)
    chunks = [[mask[begin:begin + spec.chunk] for mask in masks]
              for begin in range(0, MC_SAMPLES, spec.chunk)]
    parts = [backend.sample(features, chunk) for chunk in chunks]
    moments = merge_all(parts)
    epistemic = epistemic_from_moments(moments, prediction)
    return {
        SAMPLE_STEP: lambda: [backend.sample(features, chunk) for chunk in chunks],
        'merge chunks': lambda: merge_all(parts),
        'deviation and mutual information': lambda: epistemic_from_moments(moments, prediction),
        'scores': lambda: cycle_scores(epistemic, 1),
        'map to message': lambda: float32_image(epistemic.depth_std, head)}


def breakdown_rows(frame_ms: Mapping[str, float], cycle_ms: Mapping[str, float]) -> list[Row]:
    """Give the share of the network in the time of each."""
    return [_share_row('a frame', PERCEIVE_STEP, frame_ms),
            _share_row('a Monte Carlo cycle', SAMPLE_STEP, cycle_ms)]


def _share_row(what: str, graph: str, steps_ms: Mapping[str, float]) -> Row:
    next_step = max((name for name in steps_ms if name != graph), key=lambda name: steps_ms[name])
    total_ms = sum(steps_ms.values())
    return Row(f'{graph}, share of the time of {what}', 100 * steps_ms[graph] / total_ms, '%',
               note=f'of {total_ms:.1f} ms; next: {next_step}, {steps_ms[next_step]:.2f} ms')


def time_graphs(model: str, frames: int, chunks: int, threads: int) -> dict[str, float]:
    """Run perceive for each frame and sample for each chunk, evenly mixed; times in s."""
    backend = open_backend(model, ModelOptions('onnxruntime', threads))
    spec = backend.spec
    rgb = np.random.default_rng(0).integers(0, 256, (spec.height, spec.width, 3), np.uint8)
    masks = draw_masks(0, spec.chunk, spec.dropout_channels, spec.dropout_probability)
    features, sampled_chunks = backend.perceive(rgb).features, 0
    begin_s, begin_cpu_s = time.perf_counter(), time.process_time()
    for frame in range(1, frames + 1):
        backend.perceive(rgb)
        while sampled_chunks < chunks * frame // frames:
            backend.sample(features, masks)
            sampled_chunks += 1
    return {'cpu_s': time.process_time() - begin_cpu_s, 'wall_s': time.perf_counter() - begin_s}


if __name__ == '__main__':
    print(json.dumps(time_graphs(sys.argv[1], *map(int, sys.argv[2:5]))))
