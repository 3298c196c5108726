# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""What the time of a frame and of a Monte Carlo cycle goes to, step by step in one process."""
from typing import Callable, Mapping

from bdl_perception.alarm.health import CameraHealth
from bdl_perception.alarm.scores import cycle_scores
from bdl_perception.alarm.scores import frame_scores
from bdl_perception.backends.registry import open_backend
from bdl_perception.bench.actors import SAMPLES
from bdl_perception.bench.pictures import HEIGHT
from bdl_perception.bench.pictures import WIDTH
from bdl_perception.bench.plots import draw_bars
from bdl_perception.bench.row import Row
from bdl_perception.bench.setting import Outcome
from bdl_perception.bench.setting import Setting
from bdl_perception.bench.spread import by_turns
from bdl_perception.bench.spread import spread_of
from bdl_perception.nodes.images import rgb_from_image
from bdl_perception.nodes.messages import byte_image
from bdl_perception.nodes.messages import float_image
from bdl_perception.nodes.stamps import header
from bdl_perception.perception.backend import Backend
from bdl_perception.perception.masks import draw_masks
from bdl_perception.perception.moments import total
from bdl_perception.perception.perceiver import Perceiver
from bdl_perception.perception.uncertainty import epistemic_of
from bdl_perception.perception.values import CameraFrame
import numpy as np

GRAPH, CHUNKS = 'perceive graph', 'sample graph, all chunks'
Steps = Mapping[str, Callable[[], object]]


def run(setting: Setting) -> Outcome:
    """Time every step by turns."""
    backend = open_backend('onnxruntime', setting.model, setting.threads)
    rounds = setting.choose(5, 200)
    frame_ms, cycle_ms = (
        {name: spread_of(taken).median for name, taken in by_turns(steps, rounds).items()}
        for steps in (frame_steps(backend), cycle_steps(backend)))
    backend.close()
    plot = draw_bars(setting.out / 'breakdown.png', {'a frame, ms': frame_ms,
                                                     'a Monte Carlo cycle, ms': cycle_ms})
    return Outcome(rows(frame_ms, cycle_ms), {'frame_ms': frame_ms, 'cycle_ms': cycle_ms}, [plot])


def frame_steps(backend: Backend) -> Steps:
    """List what happens to each picture, with a planner that listens to depth alone."""
    head, health = header(1, 'camera'), CameraHealth()
    rgb = np.random.default_rng(0).integers(0, 256, (HEIGHT, WIDTH, 3), np.uint8)
    message = byte_image(rgb, head)
    perceiver = Perceiver(backend, SAMPLES, 0)
    fit = perceiver.fit_for(WIDTH, HEIGHT)
    small = fit.apply(rgb)
    prediction = perceiver.perceive(CameraFrame(rgb, 1, 'camera'))
    return {
        'message to rgb': lambda: rgb_from_image(message),
        'camera health': lambda: health.faults(rgb),
        'crop and resize': lambda: fit.apply(rgb),
        GRAPH: lambda: backend.perceive(small),
        'scores': lambda: frame_scores(prediction),
        'depth to message': lambda: float_image(prediction.depth, head)}


def cycle_steps(backend: Backend) -> Steps:
    """List what happens to a held picture until its epistemic map is sent."""
    head, spec = header(1, 'camera'), backend.spec
    rgb = np.random.default_rng(0).integers(0, 256, (spec.height, spec.width, 3), np.uint8)
    prediction = Perceiver(backend, SAMPLES, 0).perceive(CameraFrame(rgb, 1, 'camera'))
    features = backend.perceive(rgb).features
    masks = draw_masks(0, SAMPLES, spec.dropout_channels, spec.dropout_probability)
    chunks = [[mask[begin:begin + spec.chunk] for mask in masks]
              for begin in range(0, SAMPLES, spec.chunk)]
    parts = [backend.sample(features, chunk) for chunk in chunks]
    moments = total(parts)
    epistemic = epistemic_of(moments, prediction)
    return {
        CHUNKS: lambda: [backend.sample(features, chunk) for chunk in chunks],
        'merge chunks': lambda: total(parts),
        'deviation and mutual information': lambda: epistemic_of(moments, prediction),
        'scores': lambda: cycle_scores(epistemic, 1),
        'map to message': lambda: float_image(epistemic.depth_std, head)}


def rows(frame_ms: Mapping[str, float], cycle_ms: Mapping[str, float]) -> list[Row]:
    """Say how much of either the network is."""
    return [_share('a frame', GRAPH, frame_ms), _share('a Monte Carlo cycle', CHUNKS, cycle_ms)]


def _share(what: str, graph: str, steps_ms: Mapping[str, float]) -> Row:
    most = max((name for name in steps_ms if name != graph), key=lambda name: steps_ms[name])
    whole_ms = sum(steps_ms.values())
    return Row(f'{graph}, share of the time of {what}', 100 * steps_ms[graph] / whole_ms, '%',
               note=f'of {whole_ms:.1f} ms; next: {most}, {steps_ms[most]:.2f} ms')
