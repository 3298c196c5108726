# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""
Why ONNX Runtime is set as it is: another setting each, by turns with the shipped one.

Time is what a frame waits for; CPU time is what the other processes of two cores miss, so
spinning threads are judged by it.
"""
import time
from typing import Callable, Mapping, NamedTuple

from bdl_perception.backends.onnxruntime_backend import DEFAULT_TUNING, OnnxRuntimeBackend
from bdl_perception.bench.row import BenchSettings, GroupResult, Row
from bdl_perception.bench.timing import paired_ratio, PAUSE_S, quartiles, WARM_UP_ROUNDS
from bdl_perception.model_store import load_model_files
from bdl_perception.perception.monte_carlo import draw_masks
from bdl_perception.perception.types import Bytes
import numpy as np

DEFAULT_LABEL = 'as shipped'
CHUNKS_PER_FRAME = 4  # beside one pass: a frame and the samples that go with it


class TurnTime(NamedTuple):
    """One turn: of the clock, and of all threads with the pause after it."""

    ms: float
    cpu_ms: float


def run(settings: BenchSettings) -> GroupResult:
    """Time one pass and its chunks of samples with each setting."""
    files, other = load_model_files(settings.model), settings.threads % 2 + 1  # 1 for 2, 2 for 1
    tunings = {DEFAULT_LABEL: DEFAULT_TUNING, 'only extended optimisation': DEFAULT_TUNING._replace(
        graph_optimisation='ENABLE_EXTENDED'), 'only basic optimisation': DEFAULT_TUNING._replace(
        graph_optimisation='ENABLE_BASIC'), 'no memory arena': DEFAULT_TUNING._replace(memory_arena=False),
        'idle threads spin': DEFAULT_TUNING._replace(allow_spinning=True)}
    backends = {name: OnnxRuntimeBackend(files, settings.threads, tuning=tuning)
                for name, tuning in tunings.items()}
    backends[f'threads: {other}'] = OnnxRuntimeBackend(files, other)
    size = files.spec.height, files.spec.width, 3
    rgb = np.random.default_rng(0).integers(0, 256, size, np.uint8)
    taken = time_interleaved_cpu({name: _frame_workload(backend, rgb) for name, backend in backends.items()},
                  settings.choose(5, 100))
    for backend in backends.values():
        backend.close()
    return GroupResult(runtime_rows(taken, settings.threads), {name: [took._asdict() for took in series]
                                                  for name, series in taken.items()})


def _frame_workload(backend: OnnxRuntimeBackend, rgb: Bytes) -> Callable[[], None]:
    spec = backend.spec
    masks = draw_masks(0, spec.chunk, spec.dropout_channels, spec.dropout_probability)

    def frame() -> None:
        features = backend.perceive(rgb).features
        for _ in range(CHUNKS_PER_FRAME):
            backend.sample(features, masks)
    return frame


def time_interleaved_cpu(workloads: Mapping[str, Callable[[], None]], rounds: int) -> dict[str, list[TurnTime]]:
    """Run every thing once a round; CPU time includes the pause, in which threads may spin."""
    taken: dict[str, list[TurnTime]] = {name: [] for name in workloads}
    for index in range(WARM_UP_ROUNDS + rounds):
        for name, thing in workloads.items():
            begin_s, cpu_s = time.perf_counter(), time.process_time()
            thing()
            end_s = time.perf_counter()
            time.sleep(PAUSE_S)
            if index >= WARM_UP_ROUNDS:
                taken[name].append(TurnTime((end_s - begin_s) * 1e3,
                                        (time.process_time() - cpu_s) * 1e3))
    return taken


def runtime_rows(times: Mapping[str, list[TurnTime]], threads: int) -> list[Row]:
    """Compare each setting with the shipped one, round by round."""
    shipped = times[DEFAULT_LABEL]
    spread = quartiles([took.ms for took in shipped])
    found = [Row(f'`perceive` and {CHUNKS_PER_FRAME} chunks, ONNX Runtime as shipped, {threads} threads',
                 spread.median, 'ms', quartiles=spread)]
    for name, series in times.items():
        if name != DEFAULT_LABEL:
            ratio = paired_ratio([took.ms for took in series], [took.ms for took in shipped])
            cpu = paired_ratio([took.cpu_ms for took in series],
                               [took.cpu_ms for took in shipped])
            found.append(Row(f'{name} / as shipped', ratio.median, '', quartiles=ratio,
                             note=f'CPU time {cpu.median:.2f}'))
    return found
