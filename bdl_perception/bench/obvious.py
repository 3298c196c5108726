# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""Frames a second with the alarm on: our nodes and the obvious one, fed faster than both."""
from bdl_perception.bench.actors import ours
from bdl_perception.bench.actors import SAMPLES
from bdl_perception.bench.actors import street
from bdl_perception.bench.row import Row
from bdl_perception.bench.setting import Outcome
from bdl_perception.bench.setting import Setting
from bdl_perception.bench.spread import paired_ratio
from bdl_perception.bench.spread import spread_of
from bdl_perception.bench.stage import Actor
from bdl_perception.bench.stage import BENCH
from bdl_perception.bench.stage import perform
from bdl_perception.bench.watched import Watched

RATE_HZ = 60.0  # of the camera: more than either can take
LIMITED = 0.95  # share of the camera's rate above which the camera was what limits
FACTOR, EPISTEMIC_HZ = 10.0, 5.0


def run(setting: Setting) -> Outcome:
    """Run one after the other, again and again: two processes at once would share the cores."""
    seconds, rounds = setting.choose((6.0, 1), (20.0, 3))
    theirs = [Actor('obvious_node', {'model': setting.model, 'samples': SAMPLES,
                                     'threads': setting.threads}, package=BENCH)]
    our_runs: list[Watched] = []
    their_runs: list[Watched] = []
    for index in range(rounds):
        for name, actors, runs in (('ours', ours(setting), our_runs),
                                   ('obvious', theirs, their_runs)):
            plan = street(setting, f'{name}_{index}', RATE_HZ, seconds)
            runs.append(perform(plan, actors).only)
    return Outcome(rows(our_runs, their_runs), {
        'ours_hz': [run.depth_hz for run in our_runs],
        'ours_epistemic_hz': [run.epistemic_hz for run in our_runs],
        'obvious_hz': [run.depth_hz for run in their_runs]})


def rows(our_runs: list[Watched], their_runs: list[Watched]) -> list[Row]:
    """Compare the depth images of each second."""
    ours_hz, theirs_hz = ([run.depth_hz for run in runs] for runs in (our_runs, their_runs))
    if not all(theirs_hz):
        raise RuntimeError('the obvious node published no depth in a round; nothing to divide by')
    mine, their, ratio = spread_of(ours_hz), spread_of(theirs_hz), paired_ratio(ours_hz, theirs_hz)
    refreshed = min(run.epistemic_hz for run in our_runs)
    note = 'the camera sends no more' if mine.median > LIMITED * RATE_HZ else ''
    return [
        Row(f'sustained frames, {RATE_HZ:.0f} Hz camera, alarm on: our nodes', mine.median, 'Hz',
            spread=mine, note=note),
        Row('epistemic map meanwhile, worst round', refreshed, 'Hz', EPISTEMIC_HZ, at_least=True),
        Row('the obvious node (torch eager, T full passes a frame)', their.median, 'Hz',
            spread=their),
        Row('ours / obvious', ratio.median, 'times', FACTOR, at_least=True, spread=ratio)]
