# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""The alert of a recorded drive, by the very machine that runs in alert_node."""
from typing import Iterable, NamedTuple

from bdl_perception.alarm.alert import AlertMachine
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


class Step(NamedTuple):
    """The alert right after the scores of a frame have come."""

    stamp_ns: int
    error: bool
    exceeds: bool  # a watched score is above its threshold: a WARN begins, or goes on
    warned: bool  # WARN or worse stands; it stays for clear_s after the last score above
    cusum: float
    p_value: float | None


class Player:
    """Hands over one frame after the other; every frame has had its Monte Carlo cycle."""

    def __init__(self, calibration: Calibration, identity: Identity,
                 policy: AlertPolicy | None = None) -> None:
        """Start a machine; ValueError when the calibration would not arm it on this model."""
        refusals = calibration.refusals(identity)
        if refusals:
            raise ValueError(f'the alarm would not be armed: {"; ".join(refusals)}')
        self._calibration = calibration
        self._machine = AlertMachine(policy or AlertPolicy(), calibration)
        self._identity = identity
        self._cycle = 0

    def play(self, record: DriveRecord, index: int, shift_ns: int = 0) -> Step:
        """Take all that is known of one frame, which comes shift_ns after its stamp."""
        stamp_ns, values = record.stamps_ns[index] + shift_ns, record.values(index)
        now_s = stamp_ns / 1e9
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
                    state.cusum, state.p_value)


def replay(record: DriveRecord, calibration: Calibration, identity: Identity) -> list[Step]:
    """Play one drive to a machine of its own."""
    player = Player(calibration, identity)
    return [player.play(record, index) for index in range(len(record.stamps_ns))]


def replay_in_a_row(records: Iterable[DriveRecord], calibration: Calibration,
                    identity: Identity) -> list[Step]:
    """Play drives one after the other to one machine, as if the streets joined."""
    player, steps, next_ns = Player(calibration, identity), list[Step](), 0
    for record in records:
        shift_ns = next_ns - record.stamps_ns[0]
        steps += [player.play(record, index, shift_ns) for index in range(len(record.stamps_ns))]
        next_ns += duration_ns(record)
    return steps


def duration_ns(record: DriveRecord) -> int:
    """Give the time from the first frame to one gap after the last; one frame has none."""
    stamps = record.stamps_ns
    if len(stamps) < 2:
        return 0
    return round((stamps[-1] - stamps[0]) * len(stamps) / (len(stamps) - 1))
