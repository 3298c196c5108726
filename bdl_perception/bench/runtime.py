# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""
Settings of ONNX Runtime, each compared with the defaults in alternation.

Time delays a frame. CPU time is taken from the other processes on the same cores, so spinning
threads are assessed by CPU time.
"""
import time
from typing import Callable, Mapping, NamedTuple

from bdl_perception.backends.onnxruntime_backend import DEFAULT_TUNING, OnnxRuntimeBackend
from bdl_perception.bench.row import BenchSettings, GroupResult, Row
from bdl_perception.bench.timing import paired_ratio, PAUSE_S, quartiles, WARM_UP_ROUNDS
from bdl_perception.model_store import load_model_files
from bdl_perception.perception.data_types import Bytes
from bdl_perception.perception.monte_carlo import draw_masks
import numpy as np

DEFAULT_LABEL = 'default'
CHUNKS_PER_FRAME = 4  # sample runs per perceive run
TUNINGS = {
    DEFAULT_LABEL: DEFAULT_TUNING,
    'only extended optimisation': DEFAULT_TUNING._replace(graph_optimisation='ENABLE_EXTENDED'),
    'only basic optimisation': DEFAULT_TUNING._replace(graph_optimisation='ENABLE_BASIC'),
    'no memory arena': DEFAULT_TUNING._replace(memory_arena=False),
    'idle threads spin': DEFAULT_TUNING._replace(allow_spinning=True)}


class TurnTime(NamedTuple):
    """Elapsed time of a turn, and CPU time of all threads during the turn and its pause."""

    ms: float
    cpu_ms: float


def run(settings: BenchSettings) -> GroupResult:
    """Time a single pass and its chunks of samples with each setting."""
    files = load_model_files(settings.model)
    other_threads = settings.threads % 2 + 1  # 1 for 2, 2 for 1
    backends = {name: OnnxRuntimeBackend(files, settings.threads, tuning=tuning)
                for name, tuning in TUNINGS.items()}
    backends[f'threads: {other_threads}'] = OnnxRuntimeBackend(files, other_threads)
    size = files.spec.height, files.spec.width, 3
    rgb = np.random.default_rng(0).integers(0, 256, size, np.uint8)
    times = time_interleaved_cpu({name: _frame_workload(backend, rgb)
                                  for name, backend in backends.items()}, settings.choose(5, 100))
    for backend in backends.values():
        backend.close()
    return GroupResult(runtime_rows(times, settings.threads),
                       {name: [turn._asdict() for turn in turns] for name, turns in times.items()})


def _frame_workload(backend: OnnxRuntimeBackend, rgb: Bytes) -> Callable[[], None]:
    spec = backend.spec
    masks = draw_masks(0, spec.chunk, spec.dropout_channels, spec.dropout_probability)

    def frame() -> None:
        features = backend.perceive(rgb).features
        for _ in range(CHUNKS_PER_FRAME):
            backend.sample(features, masks)
    return frame


def time_interleaved_cpu(workloads: Mapping[str, Callable[[], None]],
                         rounds: int) -> dict[str, list[TurnTime]]:
    """Run each workload once per round; CPU time includes the pause, when threads may spin."""
    times: dict[str, list[TurnTime]] = {name: [] for name in workloads}
    for index in range(WARM_UP_ROUNDS + rounds):
        for name, workload in workloads.items():
            begin_s, begin_cpu_s = time.perf_counter(), time.process_time()
            workload()
            end_s = time.perf_counter()
            time.sleep(PAUSE_S)
            if index >= WARM_UP_ROUNDS:
                times[name].append(TurnTime((end_s - begin_s) * 1e3,
                                            (time.process_time() - begin_cpu_s) * 1e3))
    return times


def runtime_rows(times: Mapping[str, list[TurnTime]], threads: int) -> list[Row]:
    """Compare each setting with the default, round by round."""
    default = times[DEFAULT_LABEL]
    default_ms = quartiles([turn.ms for turn in default])
    rows = [Row(f'`perceive` and {CHUNKS_PER_FRAME} chunks, ONNX Runtime defaults, '
                f'{threads} threads', default_ms.median, 'ms', quartiles=default_ms)]
    for name, turns in times.items():
        if name != DEFAULT_LABEL:
            ratio = paired_ratio([turn.ms for turn in turns], [turn.ms for turn in default])
            cpu = paired_ratio([turn.cpu_ms for turn in turns],
                               [turn.cpu_ms for turn in default])
            rows.append(Row(f'{name} / default', ratio.median, '', quartiles=ratio,
                            note=f'CPU time {cpu.median:.2f}'))
    return rows
