# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""
The node behind a 30 Hz camera in another process, and what it costs beyond its graphs.

The CPU time of perception_node, all threads, for each frame that it answered, is divided by the
CPU time of the same numbers of perceive and sample runs in a bare loop in a process of its own.
"""
import json
import subprocess
import sys

from bdl_perception.backends.model_files import load_model_files
from bdl_perception.bench.actors import chunks_of
from bdl_perception.bench.actors import ours
from bdl_perception.bench.actors import street
from bdl_perception.bench.row import Row
from bdl_perception.bench.setting import Outcome
from bdl_perception.bench.setting import Setting
from bdl_perception.bench.stage import perform
from bdl_perception.bench.stage import Seen
from bdl_perception.bench.usage import between
from bdl_perception.bench.watched import Watched

RATE_HZ = 30.0
P50_MS, P99_MS, EPISTEMIC_HZ, OVERHEAD = 25.0, 33.0, 5.0, 1.3
LOOP_TIMEOUT_S = 1800.0


def run(setting: Setting) -> Outcome:
    """Play the street and compare with the bare loop."""
    seconds = setting.choose(10.0, 60.0)
    seen = perform(street(setting, 'node', RATE_HZ, seconds), ours(setting))
    watched = seen.only
    overhead, details = _overhead(setting, seen)
    details |= {'latency_ms': watched.latencies_ms, 'frames': len(watched.counted),
                'alert_levels': [level for _, level in watched.alerts],
                'status': watched.status[-1:]}
    return Outcome([*_rows(watched, seconds), overhead], details)


def _rows(watched: Watched, seconds: float) -> list[Row]:
    where = f'node, {RATE_HZ:.0f} Hz 640x384 camera, {seconds:.0f} s'
    return [
        Row(f'{where}: frames lost', watched.lost, '', 0, note=f'of {len(watched.counted)}; '
            f'perception_node dropped {watched.dropped} for newer ones, warm-up included'),
        Row('camera stamp to depth publication, median', watched.percentile_ms(50), 'ms', P50_MS),
        Row('camera stamp to depth publication, 99th percentile', watched.percentile_ms(99), 'ms',
            P99_MS),
        Row('epistemic map meanwhile', watched.epistemic_hz, 'Hz', EPISTEMIC_HZ, at_least=True)]


def _overhead(setting: Setting, seen: Seen) -> tuple[Row, dict[str, object]]:
    watched = seen.only
    looks = between(seen.usages[0], *watched.window)
    begin_ns, end_ns = looks[0].at_ns, looks[-1].at_ns
    frames = sum(begin_ns <= at_ns <= end_ns for _, at_ns in watched.depth)
    cycles = sum(begin_ns <= at_ns <= end_ns for _, at_ns in watched.epistemic)
    if not frames:
        raise RuntimeError('perception_node published no depth, so nothing can be divided')
    node_ms = (looks[-1].cpu_s - looks[0].cpu_s) / frames * 1e3
    chunks = chunks_of(cycles, load_model_files(setting.model).spec)
    graphs_ms = bare_loop_cpu_s(setting, frames, chunks) / frames * 1e3
    row = Row('CPU time of the node / of its graphs alone', node_ms / graphs_ms, '', OVERHEAD,
              note=f'{node_ms:.1f} and {graphs_ms:.1f} ms a frame, with {chunks / frames:.2f} '
                   f'runs of the sample graph')
    return row, {'node_cpu_ms_per_frame': node_ms, 'graph_cpu_ms_per_frame': graphs_ms,
                 'frames': frames, 'chunks': chunks}


def bare_loop_cpu_s(setting: Setting, frames: int, chunks: int) -> float:
    """Run bare_loop.py in a process of its own; gives its CPU time."""
    done = subprocess.run(
        [sys.executable, '-m', 'bdl_perception.bench.bare_loop', setting.model, str(frames),
         str(chunks), str(setting.threads)],
        capture_output=True, text=True, timeout=LOOP_TIMEOUT_S, check=False)
    if done.returncode:
        raise RuntimeError(f'the bare loop ended with exit code {done.returncode}: {done.stderr}')
    return float(json.loads(done.stdout)['cpu_s'])
