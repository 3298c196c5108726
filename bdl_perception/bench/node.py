# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""
perception_node with a 30 Hz camera in another process, and its overhead beyond the graphs.

Overhead = CPU time of perception_node (all threads) per processed frame, divided by the CPU time
of the same numbers of perceive and sample runs in a process that does nothing else.
"""
import json
import subprocess
import sys

from bdl_perception.bench.camera_trace import CameraTrace
from bdl_perception.bench.harness import (
    count_chunks,
    Measurement,
    nominal_plan,
    our_nodes,
    run_measurement,
)
from bdl_perception.bench.row import BenchSettings, GroupResult, Row
from bdl_perception.bench.timing import usages_in_window
from bdl_perception.model_store import load_model_files

RATE_HZ = 30.0
MAX_P50_MS, MAX_P99_MS, MIN_EPISTEMIC_HZ, MAX_CPU_OVERHEAD = 25.0, 33.0, 5.0, 1.3
GRAPHS_TIMEOUT_S = 1800.0


def run(settings: BenchSettings) -> GroupResult:
    """Send frames of the nominal scene, then measure the graphs alone."""
    seconds = settings.choose(10.0, 60.0)
    measurement = run_measurement(nominal_plan(settings, 'node', RATE_HZ, seconds),
                                  our_nodes(settings))
    trace = measurement.single_trace
    overhead, details = _overhead_row(settings, measurement)
    details |= {'latency_ms': trace.latencies_ms, 'frames': len(trace.measured_stamps),
                'alert_levels': [level for _, level in trace.alerts],
                'status': trace.status[-1:]}
    return GroupResult([*_node_rows(trace, seconds), overhead], details)


def _node_rows(trace: CameraTrace, seconds: float) -> list[Row]:
    return [
        Row(f'node, {RATE_HZ:.0f} Hz 640x384 camera, {seconds:.0f} s: frames lost',
            trace.frames_lost, '', 0,
            note=f'of {len(trace.measured_stamps)}; perception_node replaced '
                 f'{trace.frames_dropped} by newer ones, warm-up included'),
        Row('camera stamp to depth publication, median', trace.percentile_ms(50), 'ms',
            MAX_P50_MS),
        Row('camera stamp to depth publication, 99th percentile', trace.percentile_ms(99), 'ms',
            MAX_P99_MS),
        Row('epistemic map meanwhile', trace.epistemic_hz, 'Hz', MIN_EPISTEMIC_HZ,
            at_least=True)]


def _overhead_row(settings: BenchSettings,
                  measurement: Measurement) -> tuple[Row, dict[str, object]]:
    trace = measurement.single_trace
    usages = usages_in_window(measurement.usages[0], *trace.window_ns)
    begin_ns, end_ns = usages[0].stamp_ns, usages[-1].stamp_ns
    frames = sum(begin_ns <= at_ns <= end_ns for _, at_ns in trace.depth)
    cycles = sum(begin_ns <= at_ns <= end_ns for _, at_ns in trace.epistemic)
    if not frames:
        raise RuntimeError('perception_node published no depth, so there is no time per frame')
    node_ms = (usages[-1].cpu_s - usages[0].cpu_s) / frames * 1e3
    chunks = count_chunks(cycles, load_model_files(settings.model).spec)
    graphs_ms = graphs_cpu_s(settings, frames, chunks) / frames * 1e3
    row = Row('CPU time of the node / of its graphs alone', node_ms / graphs_ms, '',
              MAX_CPU_OVERHEAD,
              note=f'{node_ms:.1f} and {graphs_ms:.1f} ms a frame, with {chunks / frames:.2f} '
                   f'runs of the sample graph')
    return row, {'node_cpu_ms_per_frame': node_ms, 'graph_cpu_ms_per_frame': graphs_ms,
                 'frames': frames, 'chunks': chunks}


def graphs_cpu_s(settings: BenchSettings, frames: int, chunks: int) -> float:
    """Run breakdown.time_graphs in a separate process; gives its CPU time."""
    done = subprocess.run(
        [sys.executable, '-m', 'bdl_perception.bench.breakdown', settings.model, str(frames),
         str(chunks), str(settings.threads)],
        capture_output=True, text=True, timeout=GRAPHS_TIMEOUT_S, check=False)
    if done.returncode:
        raise RuntimeError(f'bench.breakdown ended with exit code {done.returncode}: '
                           f'{done.stderr}')
    return float(json.loads(done.stdout)['cpu_s'])
