# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""
Why ONNX Runtime is set as it is: another setting each, by turns with the shipped one.

Time is what a frame waits for; CPU time is what the other processes of two cores miss, so
spinning threads are judged by it.
"""
import time
from typing import Callable, Mapping, NamedTuple

from bdl_perception.backends.model_files import load_model_files
from bdl_perception.backends.onnxruntime_cpu import OnnxRuntimeBackend
from bdl_perception.backends.onnxruntime_cpu import SHIPPED
from bdl_perception.bench.row import Row
from bdl_perception.bench.setting import Outcome
from bdl_perception.bench.setting import Setting
from bdl_perception.bench.spread import paired_ratio
from bdl_perception.bench.spread import PAUSE_S
from bdl_perception.bench.spread import spread_of
from bdl_perception.bench.spread import WARM_UPS
from bdl_perception.perception.masks import draw_masks
from bdl_perception.perception.values import Bytes
import numpy as np

AS_SHIPPED = 'as shipped'
CHUNKS = 4  # beside one pass: a frame and the samples that go with it


class Took(NamedTuple):
    """One turn: of the clock, and of all threads with the pause after it."""

    ms: float
    cpu_ms: float


def run(setting: Setting) -> Outcome:
    """Time one pass and its chunks of samples with each setting."""
    files, other = load_model_files(setting.model), setting.threads % 2 + 1  # 1 for 2, 2 for 1
    tunings = {AS_SHIPPED: SHIPPED, 'only extended optimisation': SHIPPED._replace(
        optimise='ENABLE_EXTENDED'), 'only basic optimisation': SHIPPED._replace(
        optimise='ENABLE_BASIC'), 'no memory arena': SHIPPED._replace(arena=False),
        'idle threads spin': SHIPPED._replace(spin=True)}
    backends = {name: OnnxRuntimeBackend(files, setting.threads, tuning=tuning)
                for name, tuning in tunings.items()}
    backends[f'threads: {other}'] = OnnxRuntimeBackend(files, other)
    size = files.spec.height, files.spec.width, 3
    rgb = np.random.default_rng(0).integers(0, 256, size, np.uint8)
    taken = turns({name: _work(backend, rgb) for name, backend in backends.items()},
                  setting.choose(5, 100))
    for backend in backends.values():
        backend.close()
    return Outcome(rows(taken, setting.threads), {name: [took._asdict() for took in series]
                                                  for name, series in taken.items()})


def _work(backend: OnnxRuntimeBackend, rgb: Bytes) -> Callable[[], None]:
    spec = backend.spec
    masks = draw_masks(0, spec.chunk, spec.dropout_channels, spec.dropout_probability)

    def frame() -> None:
        features = backend.perceive(rgb).features
        for _ in range(CHUNKS):
            backend.sample(features, masks)
    return frame


def turns(things: Mapping[str, Callable[[], None]], rounds: int) -> dict[str, list[Took]]:
    """Run every thing once a round; CPU time includes the pause, in which threads may spin."""
    taken: dict[str, list[Took]] = {name: [] for name in things}
    for index in range(WARM_UPS + rounds):
        for name, thing in things.items():
            begin_s, cpu_s = time.perf_counter(), time.process_time()
            thing()
            end_s = time.perf_counter()
            time.sleep(PAUSE_S)
            if index >= WARM_UPS:
                taken[name].append(Took((end_s - begin_s) * 1e3,
                                        (time.process_time() - cpu_s) * 1e3))
    return taken


def rows(taken: Mapping[str, list[Took]], threads: int) -> list[Row]:
    """Compare each setting with the shipped one, round by round."""
    shipped = taken[AS_SHIPPED]
    spread = spread_of([took.ms for took in shipped])
    found = [Row(f'`perceive` and {CHUNKS} chunks, ONNX Runtime as shipped, {threads} threads',
                 spread.median, 'ms', spread=spread)]
    for name, series in taken.items():
        if name != AS_SHIPPED:
            ratio = paired_ratio([took.ms for took in series], [took.ms for took in shipped])
            cpu = paired_ratio([took.cpu_ms for took in series],
                               [took.cpu_ms for took in shipped])
            found.append(Row(f'{name} / as shipped', ratio.median, '', spread=ratio,
                             note=f'CPU time {cpu.median:.2f}'))
    return found
