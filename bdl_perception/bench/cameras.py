# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""Several cameras at 5 Hz on one machine: one perception_node per camera, one alert_node."""
from typing import Any

from bdl_perception.bench.camera_trace import CameraTrace
from bdl_perception.bench.harness import multi_camera_nodes, nominal_plan, run_measurement
from bdl_perception.bench.report import draw_curves, Panel
from bdl_perception.bench.row import BenchSettings, GroupResult, Row

CAMERA_NAMES = ('front', 'rear', 'left', 'right')
RATE_HZ = 5.0
THREADS = 1  # of each network; four networks share the cores
Traces = dict[str, CameraTrace]  # camera -> trace


def run(settings: BenchSettings) -> GroupResult:
    """Measure one, two and four cameras."""
    seconds = settings.choose(6.0, 30.0)
    measured = {count: _measure_cameras(settings, count, seconds)
                for count in settings.choose((1, 4), (1, 2, 4))}
    plot = draw_curves(settings.out / 'cameras.png', _camera_panels(measured))
    details = {str(count): {camera: _trace_summary(trace) for camera, trace in traces.items()}
               for count, traces in measured.items()}
    return GroupResult(multi_camera_rows(measured[len(CAMERA_NAMES)]), details, [plot])


def _measure_cameras(settings: BenchSettings, count: int, seconds: float) -> Traces:
    names = CAMERA_NAMES[:count]
    plan = nominal_plan(settings, f'cameras_{count}', RATE_HZ, seconds, names)
    return run_measurement(plan, multi_camera_nodes(settings, names, THREADS)).traces


def multi_camera_rows(traces: Traces) -> list[Row]:
    """Give the total of lost frames and the worst camera of each other quantity."""
    every = list(traces.values())
    return [
        Row(f'{len(every)} cameras, {RATE_HZ:.0f} Hz each, {THREADS} thread a network: '
            f'frames lost', sum(trace.frames_lost for trace in every), '', 0,
            note=f'of {sum(len(trace.measured_stamps) for trace in every)}'),
        Row('camera stamp to depth publication, median of the worst camera',
            max(trace.percentile_ms(50) for trace in every), 'ms'),
        Row('camera stamp to depth publication, 99th percentile of the worst camera',
            max(trace.percentile_ms(99) for trace in every), 'ms'),
        Row('epistemic map of each camera, the slowest',
            min(trace.epistemic_hz for trace in every), 'Hz')]


def _trace_summary(trace: CameraTrace) -> dict[str, Any]:
    answered = bool(trace.latencies_ms)
    return {'frames': len(trace.measured_stamps), 'lost': trace.frames_lost,
            'dropped': trace.frames_dropped,
            'p50_ms': trace.percentile_ms(50) if answered else None,
            'p99_ms': trace.percentile_ms(99) if answered else None,
            'epistemic_hz': trace.epistemic_hz}


def _camera_panels(measured: dict[int, Traces]) -> list[Panel]:
    counts = list(measured)
    worst = {name: (counts, [max(trace.percentile_ms(percent) for trace in traces.values())
                             for traces in measured.values()])
             for name, percent in (('median', 50), ('99th percentile', 99))}
    slowest = [min(trace.epistemic_hz for trace in traces.values())
               for traces in measured.values()]
    return [Panel('cameras', 'stamp to depth, worst camera, ms', worst),
            Panel('cameras', 'epistemic map, slowest camera, Hz',
                  {'refreshed': (counts, slowest)})]
