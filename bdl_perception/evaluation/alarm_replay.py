# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""The alert of a recorded drive, by the very machine that runs in alert_node."""
from itertools import accumulate, pairwise
from statistics import median_low
from typing import Iterable, NamedTuple

from bdl_perception.alarm.alert import AlertMachine
from bdl_perception.alarm.alert_types import AlertLevel, AlertPolicy
from bdl_perception.alarm.arming import rejection_reasons
from bdl_perception.alarm.calibration import Calibration
from bdl_perception.evaluation.drive_record import DriveRecord
from bdl_perception.evaluation.ood_results import ALARM_SET
from bdl_perception.perception.scores import drop_empty_scores
from bdl_perception.perception.status import ACTIVE_STATE, Identity, PerceptionStatus
from bdl_perception.perception.types import Scores

CAMERA = 'camera'
MAX_GAP_MEDIANS = 5  # median gaps of a drive; what a longer one adds is a pause or a wrong stamp,
MIN_PAUSE_NS = 1_000_000_000  # but not below this: rates change, and stamps come in pairs


class AlertStep(NamedTuple):
    """The alert right after the scores of a frame have come."""

    stamp_ns: int
    error: bool
    exceeds: bool  # a watched score is above its threshold: a WARN begins, or goes on
    warned: bool  # WARN or worse stands; it stays for clear_s after the last score above
    cusum: float
    p_value: float | None
    slow: float | None = None  # evidence of the slow alarm; None: there is no such alarm


class AlertReplayer:
    """Hands over one frame after the other; every frame has had its Monte Carlo cycle."""

    def __init__(self, calibration: Calibration, identity: Identity,
                 policy: AlertPolicy | None = None) -> None:
        """Start a machine; ValueError when the calibration would not arm it on this model."""
        reasons = rejection_reasons(calibration, identity)
        if reasons:
            raise ValueError(f'the alarm would not be armed: {"; ".join(reasons)}')
        self._calibration = calibration
        self._machine = AlertMachine(policy or AlertPolicy(), calibration)
        self._identity = identity
        self._cycle = 0

    def step(self, record: DriveRecord, index: int, stamp_ns: int) -> AlertStep:
        """Take all that is known of one frame, which comes at this time."""
        values, now_s = record.values(index), stamp_ns / 1e9
        self._cycle += 1
        self._machine.update_status(now_s, PerceptionStatus(ACTIVE_STATE, record.faults.get(index, ()),
                                                     identity=self._identity))
        for cycle in (0, self._cycle):
            own = {name: value for name, value in drop_empty_scores(values).items()
                   if (name in record.cycle_score_names) == (cycle > 0) and name != ALARM_SET}
            self._machine.update_scores(now_s, Scores(stamp_ns, CAMERA, own, cycle))
        state = self._machine.state(now_s)
        return AlertStep(stamp_ns, state.level == AlertLevel.ERROR,
                    bool(self._calibration.exceedances(values)), state.level >= AlertLevel.WARN,
                    state.cusum, state.p_value, state.slow)


def replay(record: DriveRecord, calibration: Calibration, identity: Identity) -> list[AlertStep]:
    """Play one drive to a machine of its own."""
    player = AlertReplayer(calibration, identity)
    return [player.step(record, index, stamp_ns)
            for index, stamp_ns in enumerate(record.stamps_ns)]


def replay_concatenated(records: Iterable[DriveRecord], calibration: Calibration,
                    identity: Identity) -> list[AlertStep]:
    """Play drives one after the other to one machine, as if the streets joined without a pause."""
    player, steps, start_ns = AlertReplayer(calibration, identity), list[AlertStep](), 0
    for record in records:
        *times_ns, end_ns = monitored_times_ns(record)
        steps += [player.step(record, index, start_ns + time_ns)
                  for index, time_ns in enumerate(times_ns)]
        start_ns += end_ns
    return steps


def monitored_times_ns(record: DriveRecord) -> list[int]:
    """
    Give the time watched before each frame, and last that of the drive: one mean gap longer.

    A gap counts LONGEST_GAP median ones at most, or a second. By hand, gaps of 1, 1, 1 and 60 s:
    0, 1, 2, 3, 8 and 10 s. One frame has no gap; the only gap of two is counted whole.
    """
    gaps = _gaps_ns(record)
    if not gaps:
        return [0, 0]
    limit_ns = max(MAX_GAP_MEDIANS * median_low(gaps), MIN_PAUSE_NS)
    times_ns = list(accumulate((min(gap, limit_ns) for gap in gaps), initial=0))
    return [*times_ns, round(times_ns[-1] * len(times_ns) / len(gaps))]


def pause_duration_ns(record: DriveRecord) -> int:
    """Give the time between the frames of a drive that is not counted as watched."""
    return sum(_gaps_ns(record)) - monitored_times_ns(record)[-2]


def _gaps_ns(record: DriveRecord) -> list[int]:
    return [after - before for before, after in pairwise(record.stamps_ns)]
