# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""
Draw how an alert arises on a drive: scores, p-value, evidence and level over time.

    python examples/plot_alert.py DRIVE alert.png [SECONDS]

DRIVE is a folder of images, a video or a bag. It needs matplotlib: pip install -e '.[evaluate]'.
"""
from pathlib import Path
import sys

from bdl_perception import cycle_scores, frame_scores, open_backend, Perceiver
from bdl_perception.alarm.alert import AlertMachine
from bdl_perception.alarm.alert_types import AlertLevel, AlertPolicy, AlertState
from bdl_perception.drives import open_drives
from bdl_perception.evaluation.alarm_replay import FrameReplayer
from bdl_perception.evaluation.inference import finish_cycle
from bdl_perception.model_store import load_calibration
from bdl_perception.perception.status import build_identity
from matplotlib.figure import Figure
import numpy as np

LEVEL_COLOURS = {AlertLevel.WARN: '#e0a030', AlertLevel.ERROR: '#d1495b',
                 AlertLevel.STALE: '#6b7785'}


def replay(drive: Path, seconds: float) -> tuple[list[float], list[AlertState]]:
    """Run the shipped model and its alarm on the beginning of a drive."""
    backend = open_backend('street')
    perceiver = Perceiver(backend, samples=16, seed=0)
    frames = FrameReplayer(AlertMachine(AlertPolicy(recovery_s=0), load_calibration('street')),
                           build_identity(backend.spec, 16, 0, backend.precision))
    times_s: list[float] = []
    states: list[AlertState] = []
    start_ns = None
    for cycle, frame in enumerate(open_drives([drive])[0], start=1):
        start_ns = frame.stamp_ns if start_ns is None else start_ns
        time_s = (frame.stamp_ns - start_ns) / 1e9
        if time_s > seconds:
            break
        scores = frame_scores(perceiver.perceive(frame))
        states.append(frames.update(scores, cycle_scores(finish_cycle(perceiver), cycle)))
        times_s.append(time_s)
    return times_s, states


def draw(times_s: list[float], states: list[AlertState]) -> Figure:
    """Draw one panel for each step from scores to level."""
    figure = Figure((7.5, 6.), layout='constrained')
    scores, p_values, fast, slow = figure.subplots(4, 1, sharex=True)
    thresholds = states[-1].thresholds
    for name, threshold in thresholds.items():
        scores.plot(times_s, [one.statistics[name] / threshold for one in states], label=name)
    scores.set(ylabel='score /\nthreshold', yscale='log')
    p_values.plot(times_s, [one.p_value or np.nan for one in states], color='C2')
    p_values.set(ylabel='p-value', yscale='log')
    for axes, values, limit, name in (
            (fast, [one.cusum for one in states], states[-1].cusum_limit, 'fast evidence'),
            (slow, [one.slow or 0. for one in states], states[-1].slow_limit, 'slow evidence')):
        axes.plot(times_s, values, color='C3')
        axes.axhline(limit or np.nan, color='black', linewidth=.8, linestyle='--')
        axes.set_ylabel(name)
    scores.axhline(1, color='black', linewidth=.8, linestyle='--')
    scores.legend(fontsize=8)
    slow.set_xlabel('s')
    step_s = float(np.median(np.diff(times_s)))
    for axes in (scores, p_values, fast, slow):
        for time_s, state in zip(times_s, states, strict=True):
            if state.level in LEVEL_COLOURS:
                axes.axvspan(time_s, time_s + step_s, color=LEVEL_COLOURS[state.level], alpha=.2,
                             linewidth=0)
    return figure


def main() -> None:
    """Write the figure."""
    if len(sys.argv) not in (3, 4):
        sys.exit('usage: python examples/plot_alert.py DRIVE alert.png [SECONDS]')
    drive, out, *seconds = sys.argv[1:]
    times_s, states = replay(Path(drive), float(seconds[0]) if seconds else np.inf)
    draw(times_s, states).savefig(out, dpi=110)
    for level in AlertLevel:
        raised = [time_s for time_s, state in zip(times_s, states, strict=True)
                  if state.level == level]
        if raised:
            print(f'{level.name}: {len(raised)} frames, first at {raised[0]:.1f} s')


if __name__ == '__main__':
    main()
