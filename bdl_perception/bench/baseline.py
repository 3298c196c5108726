# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""
Sustained frame rate with the alarm active: our nodes and the baseline node.

The camera sends more frames than either can process.
"""
from bdl_perception.bench.camera_trace import CameraTrace
from bdl_perception.bench.harness import (
    BENCH_PACKAGE,
    MC_SAMPLES,
    NodeSpec,
    nominal_plan,
    our_nodes,
    run_measurement,
)
from bdl_perception.bench.row import BenchSettings, GroupResult, Row
from bdl_perception.bench.timing import paired_ratio, quartiles

RATE_HZ = 60.0  # of the camera; more than either node can process
CAMERA_LIMITED_FRACTION = 0.95  # above this share of RATE_HZ the camera is the bottleneck
MIN_SPEEDUP, MIN_EPISTEMIC_HZ = 10.0, 5.0


def run(settings: BenchSettings) -> GroupResult:
    """Run both alternately; run at the same time they would share the cores."""
    seconds, rounds = settings.choose((6.0, 1), (20.0, 3))
    baseline = [NodeSpec('baseline_node', {'model': settings.model, 'samples': MC_SAMPLES,
                                           'threads': settings.threads}, package=BENCH_PACKAGE)]
    our_runs: list[CameraTrace] = []
    baseline_runs: list[CameraTrace] = []
    for index in range(rounds):
        for name, nodes, runs in (('ours', our_nodes(settings), our_runs),
                                  ('baseline', baseline, baseline_runs)):
            plan = nominal_plan(settings, f'{name}_{index}', RATE_HZ, seconds)
            runs.append(run_measurement(plan, nodes).single_trace)
    return GroupResult(baseline_rows(our_runs, baseline_runs), {
        'ours_hz': [run.depth_hz for run in our_runs],
        'ours_epistemic_hz': [run.epistemic_hz for run in our_runs],
        'baseline_hz': [run.depth_hz for run in baseline_runs]})


def baseline_rows(our_runs: list[CameraTrace], baseline_runs: list[CameraTrace]) -> list[Row]:
    """Compare depth images per second, round by round."""
    our_hz, baseline_hz = ([run.depth_hz for run in runs] for runs in (our_runs, baseline_runs))
    if not all(baseline_hz):
        raise RuntimeError('the baseline node published no depth in a round, so there is no ratio')
    ours, baseline = quartiles(our_hz), quartiles(baseline_hz)
    ratio = paired_ratio(our_hz, baseline_hz)
    camera_limited = ours.median > CAMERA_LIMITED_FRACTION * RATE_HZ
    return [
        Row(f'sustained frames, {RATE_HZ:.0f} Hz camera, alarm on: our nodes', ours.median, 'Hz',
            quartiles=ours, note='limited by the camera' if camera_limited else ''),
        Row('epistemic map meanwhile, worst round', min(run.epistemic_hz for run in our_runs),
            'Hz', MIN_EPISTEMIC_HZ, at_least=True),
        Row('baseline node (torch eager, T full passes per frame)', baseline.median, 'Hz',
            quartiles=baseline),
        Row('ours / baseline', ratio.median, 'times', MIN_SPEEDUP, at_least=True,
            quartiles=ratio)]
