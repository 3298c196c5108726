# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""From the stamp of the first strange frame to the alert: street, then dense fog, repeated."""
from typing import NamedTuple

from bdl_perception.bench.harness import make_plan, our_nodes, run_measurement
from bdl_perception.bench.node import RATE_HZ
from bdl_perception.bench.row import BenchSettings, GroupResult, Row
from bdl_perception.bench.timing import quartiles
from bdl_perception.bench.trace import CameraTrace, Scene, WARM_UP
from bdl_perception.demo.summary import ERROR, LEVELS, OK

WARN = LEVELS.index('WARN')
MAX_LATENCY_S = 1.0
NOMINAL_S, OOD_S = 8.0, 4.0  # ERROR is held for 2 s and needs another to clear


class OnsetResponse(NamedTuple):
    """What the alert did when a strange scene began."""

    before: int | None  # level then; None: no alert had come yet
    warn_s: float | None  # to WARN or worse, None: never in this scene
    error_s: float | None


def run(settings: BenchSettings) -> GroupResult:
    """Play and read the alerts."""
    repeats = settings.choose(2, 10)
    frames = [round(seconds * RATE_HZ) for seconds in (NOMINAL_S, OOD_S)]
    scenes = (Scene('nominal', frames[0]), Scene('strange', frames[1]))
    whole = (Scene(WARM_UP, round(3 * RATE_HZ)), *scenes * repeats)
    watched = run_measurement(make_plan(settings, 'latency', RATE_HZ, whole), our_nodes(settings)).single_trace
    found = onset_responses(watched)
    return GroupResult(latency_rows(found), {'onsets': [onset._asdict() for onset in found]})


def onset_responses(trace: CameraTrace) -> list[OnsetResponse]:
    """Follow the alert from the first frame of each strange scene."""
    found = []
    for begin_ns in trace.scene_starts('strange'):
        earlier = [level for at_ns, level in trace.alerts if at_ns < begin_ns]
        later = [((at_ns - begin_ns) / 1e9, level) for at_ns, level in trace.alerts
                 if 0 <= at_ns - begin_ns < OOD_S * 1e9]
        found.append(OnsetResponse(earlier[-1] if earlier else None,
                           next((at_s for at_s, level in later if WARN <= level <= ERROR), None),
                           next((at_s for at_s, level in later if level == ERROR), None)))
    return found


def latency_rows(responses: list[OnsetResponse]) -> list[Row]:
    """Judge the worst; a scene that began with another level than OK says nothing."""
    valid = [onset for onset in responses if onset.before == OK]
    return [_latency_row('WARN', [onset.warn_s for onset in valid], len(responses)),
            _latency_row('ERROR', [onset.error_s for onset in valid], len(responses))]


def _latency_row(level: str, delays_s: list[float | None], repeats: int) -> Row:
    came = [delay_s for delay_s in delays_s if delay_s is not None]
    never = len(delays_s) - len(came)
    spread = quartiles(came)
    note = (f'median {spread.median:.2f} s' if came else 'none came') + (
        f'; {len(delays_s)} of {repeats} onsets began at OK') + (
        f'; in {never} it never came' if never else '')
    worst = float('nan') if never or not came else max(came)
    return Row(f'first strange frame (fog) to {level}, worst', worst, 's', MAX_LATENCY_S, note=note)
