# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""Replay of a recorded drive to the alert machine of alert_node."""
from itertools import accumulate, pairwise
from statistics import median_low
from typing import Iterable, NamedTuple

from bdl_perception.alarm.alert import AlertMachine
from bdl_perception.alarm.alert_types import AlertLevel, AlertPolicy, AlertState
from bdl_perception.alarm.arming import rejection_reasons
from bdl_perception.alarm.calibration import Calibration
from bdl_perception.evaluation.drive_record import ALARM_SET, DriveRecord
from bdl_perception.perception.data_types import Scores
from bdl_perception.perception.scores import drop_empty_scores
from bdl_perception.perception.status import ACTIVE_STATE, Identity, PerceptionStatus

CAMERA = 'camera'
MAX_GAP_MEDIANS = 5  # median gaps; the rest of a longer gap is a pause or a wrong stamp,
MIN_PAUSE_NS = 1_000_000_000  # but never below this: rates change, and stamps may come in pairs


class AlertStep(NamedTuple):
    """The alert right after the scores of a frame have arrived."""

    stamp_ns: int
    error: bool
    exceeds: bool  # a watched score exceeds its threshold: a WARN begins or continues
    warned: bool  # WARN or worse; it is held for clear_s after the last exceedance
    cusum: float
    p_value: float | None
    slow: float | None = None  # slow evidence; None: the calibration has no slow alarm


class FrameReplayer:
    """Passes the scores of frames to an alert machine, each with its Monte Carlo cycle at once."""

    def __init__(self, machine: AlertMachine, identity: Identity) -> None:
        """Own the machine; identity: of the model and the settings of the scores."""
        self._machine, self._identity = machine, identity

    def update(self, frame: Scores, cycle: Scores, faults: tuple[str, ...] = (),
               warnings: tuple[str, ...] = ()) -> AlertState:
        """Pass the status and the scores of one frame, which arrive at its stamp."""
        now_s = frame.stamp_ns / 1e9
        self._machine.update_status(now_s, PerceptionStatus(
            ACTIVE_STATE, faults, identity=self._identity, warnings=warnings))
        for scores in (frame, cycle):
            self._machine.update_scores(now_s, scores)
        return self._machine.state(now_s)


class AlertReplayer:
    """Passes the frames of records to an alert machine."""

    def __init__(self, calibration: Calibration, identity: Identity,
                 policy: AlertPolicy | None = None) -> None:
        """Start a machine; ValueError when the calibration does not arm it for this model."""
        reasons = rejection_reasons(calibration, identity)
        if reasons:
            raise ValueError(f'the alarm would not be armed: {"; ".join(reasons)}')
        self._calibration = calibration
        # A gap in a recording is no silence of the camera.
        self._frames = FrameReplayer(
            AlertMachine(policy or AlertPolicy(recovery_s=0), calibration), identity)
        self._cycle = 0

    def step(self, record: DriveRecord, index: int, stamp_ns: int) -> AlertStep:
        """Pass the status and the scores of one frame, which arrives at this time."""
        values = record.values(index)
        self._cycle += 1
        frame, cycle = (
            Scores(stamp_ns, CAMERA, {
                name: value for name, value in drop_empty_scores(values).items()
                if (name in record.cycle_score_names) == (number > 0) and name != ALARM_SET},
                number)
            for number in (0, self._cycle))
        state = self._frames.update(frame, cycle, record.faults.get(index, ()))
        return AlertStep(stamp_ns, state.level == AlertLevel.ERROR,
                         bool(self._calibration.test.exceedances(values)),
                         state.level >= AlertLevel.WARN, state.cusum, state.p_value, state.slow)


def replay(record: DriveRecord, calibration: Calibration, identity: Identity) -> list[AlertStep]:
    """Replay one drive to a machine of its own."""
    replayer = AlertReplayer(calibration, identity)
    return [replayer.step(record, index, stamp_ns)
            for index, stamp_ns in enumerate(record.stamps_ns)]


def replay_concatenated(records: Iterable[DriveRecord], calibration: Calibration,
                        identity: Identity) -> list[AlertStep]:
    """Replay drives one after the other to one machine, without pauses between them."""
    replayer, steps, start_ns = AlertReplayer(calibration, identity), list[AlertStep](), 0
    for record in records:
        *times_ns, end_ns = monitored_times_ns(record)
        steps += [replayer.step(record, index, start_ns + time_ns)
                  for index, time_ns in enumerate(times_ns)]
        start_ns += end_ns
    return steps


def monitored_times_ns(record: DriveRecord) -> list[int]:
    """
    Return the monitored time before each frame, and last that of the drive: one mean gap longer.

    A gap counts MAX_GAP_MEDIANS median gaps at most, or a second. Gaps of 1, 1, 1 and 60 s:
    0, 1, 2, 3, 8 and 10 s. One frame has no gap; the only gap of two frames counts in full.
    """
    gaps = _gaps_ns(record)
    if not gaps:
        return [0, 0]
    limit_ns = max(MAX_GAP_MEDIANS * median_low(gaps), MIN_PAUSE_NS)
    times_ns = list(accumulate((min(gap, limit_ns) for gap in gaps), initial=0))
    return [*times_ns, round(times_ns[-1] * len(times_ns) / len(gaps))]


def pause_duration_ns(record: DriveRecord) -> int:
    """Return the time between frames that is not counted as monitored."""
    return sum(_gaps_ns(record)) - monitored_times_ns(record)[-2]


def _gaps_ns(record: DriveRecord) -> list[int]:
    return [after - before for before, after in pairwise(record.stamps_ns)]
