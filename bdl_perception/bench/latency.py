# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""From the stamp of the first strange frame to the alert: street, then dense fog, repeated."""
from typing import NamedTuple

from bdl_perception.bench.actors import ours
from bdl_perception.bench.actors import plan
from bdl_perception.bench.node import RATE_HZ
from bdl_perception.bench.plan import Scene
from bdl_perception.bench.plan import WARM_UP
from bdl_perception.bench.row import Row
from bdl_perception.bench.setting import Outcome
from bdl_perception.bench.setting import Setting
from bdl_perception.bench.spread import spread_of
from bdl_perception.bench.stage import perform
from bdl_perception.bench.watched import Watched
from bdl_perception.demo.summary import ERROR
from bdl_perception.demo.summary import LEVELS
from bdl_perception.demo.summary import OK

WARN = LEVELS.index('WARN')
LATENCY_S = 1.0
NOMINAL_S, STRANGE_S = 8.0, 4.0  # ERROR is held for 2 s and needs another to clear


class Onset(NamedTuple):
    """What the alert did when a strange scene began."""

    before: int | None  # level then; None: no alert had come yet
    warn_s: float | None  # to WARN or worse, None: never in this scene
    error_s: float | None


def run(setting: Setting) -> Outcome:
    """Play and read the alerts."""
    repeats = setting.choose(2, 10)
    frames = [round(seconds * RATE_HZ) for seconds in (NOMINAL_S, STRANGE_S)]
    scenes = (Scene('nominal', frames[0]), Scene('strange', frames[1]))
    whole = (Scene(WARM_UP, round(3 * RATE_HZ)), *scenes * repeats)
    watched = perform(plan(setting, 'latency', RATE_HZ, whole), ours(setting)).only
    found = onsets(watched)
    return Outcome(rows(found), {'onsets': [onset._asdict() for onset in found]})


def onsets(watched: Watched) -> list[Onset]:
    """Follow the alert from the first frame of each strange scene."""
    found = []
    for begin_ns in watched.first_of('strange'):
        earlier = [level for at_ns, level in watched.alerts if at_ns < begin_ns]
        later = [((at_ns - begin_ns) / 1e9, level) for at_ns, level in watched.alerts
                 if 0 <= at_ns - begin_ns < STRANGE_S * 1e9]
        found.append(Onset(earlier[-1] if earlier else None,
                           next((at_s for at_s, level in later if WARN <= level <= ERROR), None),
                           next((at_s for at_s, level in later if level == ERROR), None)))
    return found


def rows(found: list[Onset]) -> list[Row]:
    """Judge the worst; a scene that began with another level than OK says nothing."""
    valid = [onset for onset in found if onset.before == OK]
    return [_row('WARN', [onset.warn_s for onset in valid], len(found)),
            _row('ERROR', [onset.error_s for onset in valid], len(found))]


def _row(level: str, delays_s: list[float | None], repeats: int) -> Row:
    came = [delay_s for delay_s in delays_s if delay_s is not None]
    never = len(delays_s) - len(came)
    spread = spread_of(came)
    note = (f'median {spread.median:.2f} s' if came else 'none came') + (
        f'; {len(delays_s)} of {repeats} onsets began at OK') + (
        f'; in {never} it never came' if never else '')
    worst = float('nan') if never or not came else max(came)
    return Row(f'first strange frame (fog) to {level}, worst', worst, 's', LATENCY_S, note=note)
