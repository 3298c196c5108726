# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""Frames a second with the alarm on: our nodes and the obvious one, fed faster than both."""
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
from bdl_perception.bench.trace import CameraTrace

RATE_HZ = 60.0  # of the camera: more than either can take
CAMERA_LIMITED_FRACTION = 0.95  # share of the camera's rate above which the camera was what limits
MIN_SPEEDUP, MIN_EPISTEMIC_HZ = 10.0, 5.0


def run(settings: BenchSettings) -> GroupResult:
    """Run one after the other, again and again: two processes at once would share the cores."""
    seconds, rounds = settings.choose((6.0, 1), (20.0, 3))
    theirs = [NodeSpec('obvious_node', {'model': settings.model, 'samples': MC_SAMPLES,
                                     'threads': settings.threads}, package=BENCH_PACKAGE)]
    our_runs: list[CameraTrace] = []
    their_runs: list[CameraTrace] = []
    for index in range(rounds):
        for name, actors, runs in (('ours', our_nodes(settings), our_runs),
                                   ('obvious', theirs, their_runs)):
            plan = nominal_plan(settings, f'{name}_{index}', RATE_HZ, seconds)
            runs.append(run_measurement(plan, actors).single_trace)
    return GroupResult(baseline_rows(our_runs, their_runs), {
        'ours_hz': [run.depth_hz for run in our_runs],
        'ours_epistemic_hz': [run.epistemic_hz for run in our_runs],
        'obvious_hz': [run.depth_hz for run in their_runs]})


def baseline_rows(our_runs: list[CameraTrace], baseline_runs: list[CameraTrace]) -> list[Row]:
    """Compare the depth images of each second."""
    ours_hz, theirs_hz = ([run.depth_hz for run in runs] for runs in (our_runs, baseline_runs))
    if not all(theirs_hz):
        raise RuntimeError('the obvious node published no depth in a round; nothing to divide by')
    mine, their, ratio = quartiles(ours_hz), quartiles(theirs_hz), paired_ratio(ours_hz, theirs_hz)
    refreshed = min(run.epistemic_hz for run in our_runs)
    note = 'the camera sends no more' if mine.median > CAMERA_LIMITED_FRACTION * RATE_HZ else ''
    return [
        Row(f'sustained frames, {RATE_HZ:.0f} Hz camera, alarm on: our nodes', mine.median, 'Hz',
            quartiles=mine, note=note),
        Row('epistemic map meanwhile, worst round', refreshed, 'Hz', MIN_EPISTEMIC_HZ, at_least=True),
        Row('the obvious node (torch eager, T full passes a frame)', their.median, 'Hz',
            quartiles=their),
        Row('ours / obvious', ratio.median, 'times', MIN_SPEEDUP, at_least=True, quartiles=ratio)]
