# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""Several cameras on this machine at 5 Hz: a node for each, one alert over all."""
from typing import Any

from bdl_perception.bench.harness import multi_camera_nodes, nominal_plan, run_measurement
from bdl_perception.bench.report import draw_curves, Panel
from bdl_perception.bench.row import BenchSettings, GroupResult, Row
from bdl_perception.bench.trace import CameraTrace

CAMERA_NAMES = ('front', 'rear', 'left', 'right')
MULTI_CAMERA_RATE_HZ = 5.0
THREADS_PER_CAMERA = 1  # of each network: four of them share the cores


def run(settings: BenchSettings) -> GroupResult:
    """Measure one, two and four."""
    seconds = settings.choose(6.0, 30.0)
    measured = {count: _measure_cameras(settings, count, seconds)
                for count in settings.choose((1, 4), (1, 2, 4))}
    plot = draw_curves(settings.out / 'cameras.png', _camera_panels(measured))
    details: dict[str, Any] = {str(count): {camera: _trace_summary(watched)
                                            for camera, watched in cameras.items()}
                               for count, cameras in measured.items()}
    return GroupResult(multi_camera_rows(measured[len(CAMERA_NAMES)]), details, [plot])


def _measure_cameras(settings: BenchSettings, count: int, seconds: float) -> dict[str, CameraTrace]:
    names = CAMERA_NAMES[:count]
    plan = nominal_plan(settings, f'cameras_{count}', MULTI_CAMERA_RATE_HZ, seconds, names)
    return run_measurement(plan, multi_camera_nodes(settings, names, THREADS_PER_CAMERA)).traces


def multi_camera_rows(traces: dict[str, CameraTrace]) -> list[Row]:
    """Judge the worst camera."""
    seen = list(traces.values())
    return [
        Row(f'{len(seen)} cameras, {MULTI_CAMERA_RATE_HZ:.0f} Hz each, {THREADS_PER_CAMERA} thread a network: frames lost',
            sum(one.frames_lost for one in seen), '', 0,
            note=f'of {sum(len(one.measured_stamps) for one in seen)}'),
        Row('camera stamp to depth publication, median of the worst camera',
            max(one.percentile_ms(50) for one in seen), 'ms'),
        Row('camera stamp to depth publication, 99th percentile of the worst camera',
            max(one.percentile_ms(99) for one in seen), 'ms'),
        Row('epistemic map of each camera, the slowest', min(one.epistemic_hz for one in seen),
            'Hz')]


def _trace_summary(trace: CameraTrace) -> dict[str, Any]:
    answered = bool(trace.latencies_ms)
    return {'frames': len(trace.measured_stamps), 'lost': trace.frames_lost, 'dropped': trace.frames_dropped,
            'p50_ms': trace.percentile_ms(50) if answered else None,
            'p99_ms': trace.percentile_ms(99) if answered else None,
            'epistemic_hz': trace.epistemic_hz}


def _camera_panels(measured: dict[int, dict[str, CameraTrace]]) -> list[Panel]:
    counts = list(measured)
    worst = {name: (counts, [max(one.percentile_ms(percent) for one in cameras.values())
                             for cameras in measured.values()])
             for name, percent in (('median', 50), ('99th percentile', 99))}
    slowest = [min(one.epistemic_hz for one in cameras.values()) for cameras in measured.values()]
    return [Panel('cameras', 'stamp to depth, worst camera, ms', worst),
            Panel('cameras', 'epistemic map, slowest camera, Hz',
                  {'refreshed': (counts, slowest)})]
