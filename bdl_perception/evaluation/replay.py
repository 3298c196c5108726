# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""The alert of a recorded drive, by the very machine that runs in alert_node."""
from itertools import accumulate
from itertools import pairwise
from statistics import median_low
from typing import Iterable, NamedTuple

from bdl_perception.alarm.alert import AlertMachine
from bdl_perception.alarm.arming import refusals
from bdl_perception.alarm.calibration import Calibration
from bdl_perception.alarm.level import Level
from bdl_perception.alarm.policy import AlertPolicy
from bdl_perception.alarm.scores import as_sent
from bdl_perception.alarm.status import ACTIVE
from bdl_perception.alarm.status import Identity
from bdl_perception.alarm.status import PerceptionStatus
from bdl_perception.evaluation.drive_record import DriveRecord
from bdl_perception.evaluation.sides import ALARM_SET
from bdl_perception.perception.values import Scores

CAMERA = 'camera'
LONGEST_GAP = 5  # median gaps of a drive; what a longer one adds is a pause or a wrong stamp,
SHORTEST_PAUSE_NS = 1_000_000_000  # but not below this: rates change, and stamps come in pairs


class Step(NamedTuple):
    """The alert right after the scores of a frame have come."""

    stamp_ns: int
    error: bool
    exceeds: bool  # a watched score is above its threshold: a WARN begins, or goes on
    warned: bool  # WARN or worse stands; it stays for clear_s after the last score above
    cusum: float
    p_value: float | None
    slow: float | None = None  # evidence of the slow alarm; None: there is no such alarm


class Player:
    """Hands over one frame after the other; every frame has had its Monte Carlo cycle."""

    def __init__(self, calibration: Calibration, identity: Identity,
                 policy: AlertPolicy | None = None) -> None:
        """Start a machine; ValueError when the calibration would not arm it on this model."""
        reasons = refusals(calibration, identity)
        if reasons:
            raise ValueError(f'the alarm would not be armed: {"; ".join(reasons)}')
        self._calibration = calibration
        self._machine = AlertMachine(policy or AlertPolicy(), calibration)
        self._identity = identity
        self._cycle = 0

    def play(self, record: DriveRecord, index: int, stamp_ns: int) -> Step:
        """Take all that is known of one frame, which comes at this time."""
        values, now_s = record.values(index), stamp_ns / 1e9
        self._cycle += 1
        self._machine.status(now_s, PerceptionStatus(ACTIVE, record.faults.get(index, ()),
                                                     identity=self._identity))
        for cycle in (0, self._cycle):
            own = {name: value for name, value in as_sent(values).items()
                   if (name in record.of_cycle) == (cycle > 0) and name != ALARM_SET}
            self._machine.scores(now_s, Scores(stamp_ns, CAMERA, own, cycle))
        state = self._machine.state(now_s)
        return Step(stamp_ns, state.level == Level.ERROR,
                    bool(self._calibration.strange(values)), state.level >= Level.WARN,
                    state.cusum, state.p_value, state.slow)


def replay(record: DriveRecord, calibration: Calibration, identity: Identity) -> list[Step]:
    """Play one drive to a machine of its own."""
    player = Player(calibration, identity)
    return [player.play(record, index, stamp_ns)
            for index, stamp_ns in enumerate(record.stamps_ns)]


def replay_in_a_row(records: Iterable[DriveRecord], calibration: Calibration,
                    identity: Identity) -> list[Step]:
    """Play drives one after the other to one machine, as if the streets joined without a pause."""
    player, steps, start_ns = Player(calibration, identity), list[Step](), 0
    for record in records:
        *times_ns, end_ns = watched_ns(record)
        steps += [player.play(record, index, start_ns + time_ns)
                  for index, time_ns in enumerate(times_ns)]
        start_ns += end_ns
    return steps


def watched_ns(record: DriveRecord) -> list[int]:
    """
    Give the time watched before each frame, and last that of the drive: one mean gap longer.

    A gap counts LONGEST_GAP median ones at most, or a second. By hand, gaps of 1, 1, 1 and 60 s:
    0, 1, 2, 3, 8 and 10 s. One frame has no gap; the only gap of two is counted whole.
    """
    gaps = _gaps_ns(record)
    if not gaps:
        return [0, 0]
    limit_ns = max(LONGEST_GAP * median_low(gaps), SHORTEST_PAUSE_NS)
    times_ns = list(accumulate((min(gap, limit_ns) for gap in gaps), initial=0))
    return [*times_ns, round(times_ns[-1] * len(times_ns) / len(gaps))]


def paused_ns(record: DriveRecord) -> int:
    """Give the time between the frames of a drive that is not counted as watched."""
    return sum(_gaps_ns(record)) - watched_ns(record)[-2]


def _gaps_ns(record: DriveRecord) -> list[int]:
    return [after - before for before, after in pairwise(record.stamps_ns)]
