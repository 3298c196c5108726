# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""Alert latency from the first out-of-distribution frame (dense fog), by its stamp."""
from typing import NamedTuple

from bdl_perception.bench.camera_trace import CameraTrace, NOMINAL, OOD, Scene, WARM_UP
from bdl_perception.bench.harness import make_plan, our_nodes, run_measurement
from bdl_perception.bench.node import RATE_HZ
from bdl_perception.bench.row import BenchSettings, GroupResult, Row
from bdl_perception.bench.timing import quartiles
from bdl_perception.demo.summary import ERROR, LEVELS, OK

WARN = LEVELS.index('WARN')
MAX_LATENCY_S = 1.0
NOMINAL_S, OOD_S = 8.0, 4.0  # ERROR is held for 2 s and takes 2 s more to clear


class OnsetResponse(NamedTuple):
    """Response of the alert to the beginning of an out-of-distribution scene."""

    before: int | None  # level just before it; None: no alert had arrived
    warn_s: float | None  # time to WARN or worse; None: never during the scene
    error_s: float | None


def run(settings: BenchSettings) -> GroupResult:
    """Alternate nominal and foggy scenes and collect the alerts."""
    repeats = settings.choose(2, 10)
    scenes = (Scene(NOMINAL, round(NOMINAL_S * RATE_HZ)), Scene(OOD, round(OOD_S * RATE_HZ)))
    plan = make_plan(settings, 'latency', RATE_HZ,
                     (Scene(WARM_UP, round(3 * RATE_HZ)), *scenes * repeats))
    responses = onset_responses(run_measurement(plan, our_nodes(settings)).single_trace)
    return GroupResult(latency_rows(responses),
                       {'onsets': [response._asdict() for response in responses]})


def onset_responses(trace: CameraTrace) -> list[OnsetResponse]:
    """Follow the alert from the first frame of each out-of-distribution scene."""
    responses = []
    for begin_ns in trace.scene_starts(OOD):
        earlier = [level for at_ns, level in trace.alerts if at_ns < begin_ns]
        later = [((at_ns - begin_ns) / 1e9, level) for at_ns, level in trace.alerts
                 if 0 <= at_ns - begin_ns < OOD_S * 1e9]
        responses.append(OnsetResponse(
            earlier[-1] if earlier else None,
            next((at_s for at_s, level in later if WARN <= level <= ERROR), None),
            next((at_s for at_s, level in later if level == ERROR), None)))
    return responses


def latency_rows(responses: list[OnsetResponse]) -> list[Row]:
    """Give the worst latency to each level over the scenes that began at OK."""
    valid = [response for response in responses if response.before == OK]
    return [_latency_row('WARN', [response.warn_s for response in valid], len(responses)),
            _latency_row('ERROR', [response.error_s for response in valid], len(responses))]


def _latency_row(level: str, delays_s: list[float | None], repeats: int) -> Row:
    raised = [delay_s for delay_s in delays_s if delay_s is not None]
    missed = len(delays_s) - len(raised)
    note = (f'median {quartiles(raised).median:.2f} s' if raised else 'never raised') + (
        f'; {len(delays_s)} of {repeats} onsets began at OK') + (
        f'; not raised in {missed}' if missed else '')
    worst = float('nan') if missed or not raised else max(raised)
    return Row(f'first OOD frame (fog) to {level}, worst', worst, 's', MAX_LATENCY_S, note=note)
