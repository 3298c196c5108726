# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""Freshness of the inputs of an alert, and the reasons why it is STALE."""
from collections import deque
import math
from typing import NamedTuple

from bdl_perception.alarm.alert_types import AlertLevel, AlertPolicy, InputTopic, Reason
from bdl_perception.alarm.arming import rate_rejection, rejection_reasons
from bdl_perception.alarm.calibration import Calibration
from bdl_perception.perception.status import ACTIVE_STATE, PerceptionStatus

REMEDIES = {  # lifecycle state -> what to do
    'unconfigured': 'configure and activate it',
    'inactive': 'activate it',
    'finalized': 'start it again',
}
MAX_LATE_FRAMES = 3  # in succession; from then on the stamps have jumped back
RECOVERY_SHARE = .8  # of stale_after_s, so that a camera at the limit does not toggle the alert
OTHER_CLOCK_S = 3600.  # a larger difference is not an age: the stamps are of another clock
MIN_INTERVALS, MAX_INTERVALS = 5, 20  # between frames, for their period
MAX_SILENT_PERIODS = 2.25  # one frame may be lost; the rest is jitter
MIN_CLEAN = 2  # frames and results since a fault: the first one may be that of the fault


class SteadyTime:
    """Monotonic seconds from a clock that may jump back."""

    def __init__(self) -> None:
        """Start at zero with the first reading."""
        self._now_s: float | None = None
        self.elapsed_s = 0.

    def advance(self, now_s: float) -> float:
        """Advance to a reading of the clock; returns by how many seconds it jumped back."""
        if not math.isfinite(now_s):
            raise ValueError(f'the clock reads {now_s} s, must be finite')
        passed_s = now_s - (now_s if self._now_s is None else self._now_s)
        self._now_s = now_s
        self.elapsed_s += max(0., passed_s)
        return max(0., -passed_s)


class FramePeriod:
    """
    The time in which nearly every frame is followed by the next one.

    It is the upper decile of the last intervals between arrivals: a regular camera has its period,
    and one that often loses frames or has a high load a longer time. A single gap changes nothing.
    """

    def __init__(self) -> None:
        """Start without an interval."""
        self._intervals_s: deque[float] = deque(maxlen=MAX_INTERVALS)

    def add(self, interval_s: float) -> None:
        """Add the time between the arrivals of two frames."""
        self._intervals_s.append(interval_s)

    def max_silence_s(self, low_s: float, high_s: float) -> float:
        """Return two periods and a little; high_s while the period is not known."""
        count = len(self._intervals_s)
        if count < MIN_INTERVALS:
            return high_s
        period_s = sorted(self._intervals_s)[(count - 1) * 9 // 10]
        return min(high_s, max(low_s, MAX_SILENT_PERIODS * period_s))


class _FrameArrival(NamedTuple):
    stamp_ns: int
    arrival_s: float
    age_s: float  # at arrival, since the stamp


class Freshness:
    """Stores the last arrivals and returns what is missing; times are of SteadyTime."""

    def __init__(self, policy: AlertPolicy, calibration: Calibration | None,
                 unarmed_reason: str) -> None:
        """Start without an arrival; unarmed_reason: why there is no calibration."""
        self._policy = policy
        self._calibration = calibration
        self.unarmed_reason = unarmed_reason
        self.topics: tuple[InputTopic, InputTopic] | None = None  # of status and scores
        self._status: tuple[float, PerceptionStatus] | None = None
        self._counted: PerceptionStatus | None = None  # the first one after the newest frame
        self.faulty_count = 0  # heartbeats with faults, without clean frames between
        self._faulty_frames_out = 0  # frames_out of the last one; less after a restart
        self._cycles_since_fault = 0  # Monte Carlo results since the last one
        self.late_frames = 0
        self._late_counts: dict[bool, int] = {}  # in succession, by whether it is of a cycle
        self._late_at_s: float | None = None  # last time at which an input was silent or late
        # Kept apart: a camera that is nearly too slow must not prolong the wait after a start.
        self._inactive_at_s: float | None = None
        self._period = FramePeriod()
        self._frame: _FrameArrival | None = None
        self._observed_ns: int | None = None
        self._cycle_ns: int | None = None
        self._jump: tuple[float, str] | None = None

    def set_policy(self, policy: AlertPolicy) -> None:
        """Change the time limits from the next call on."""
        self._policy = policy

    @property
    def faults(self) -> tuple[str, ...]:
        """Return the faults that perception_node last reported."""
        return self._status[1].faults if self._status else ()

    @property
    def warnings(self) -> tuple[str, ...]:
        """Return the warnings that perception_node last reported."""
        return self._status[1].warnings if self._status else ()

    @property
    def stamp_ns(self) -> int | None:
        """Return the stamp of the newest frame, ns."""
        return self._frame.stamp_ns if self._frame else None

    def update_status(self, now_s: float, status: PerceptionStatus) -> None:
        """Store a heartbeat."""
        self._status = (now_s, status)
        self._counted = self._counted or status
        self._count_faults(status)

    def advance(self, now_s: float) -> None:
        """Advance to a time, until which no input arrived."""
        if self._late_texts(now_s):
            self._late_at_s = now_s
        if self._is_inactive():
            self._inactive_at_s = now_s

    def count_late(self, stamp_ns: int, is_cycle: bool) -> int:
        """Return how many stamps in succession, with this one, are not later than the last."""
        last_ns = self._cycle_ns if is_cycle else self.stamp_ns
        is_late = last_ns is not None and stamp_ns <= last_ns
        self._late_counts[is_cycle] = self._late_counts[is_cycle] + 1 if is_late else 0
        self.late_frames += is_late and not is_cycle
        return self._late_counts[is_cycle]

    def record_jump(self, now_s: float, reason: str) -> None:
        """Discard all frames: their stamps or the times are no longer in order."""
        self._frame = self._observed_ns = self._cycle_ns = None
        self._late_counts = dict.fromkeys(self._late_counts, 0)
        self._jump = (now_s, reason)

    def update_frame(self, now_s: float, stamp_ns: int, age_s: float) -> None:
        """Store the arrival of the scores of a frame."""
        if self._frame is not None:
            interval_s = now_s - self._frame.arrival_s
            self._period.add(interval_s)
            if self._is_recovering(now_s) and (
                    interval_s > RECOVERY_SHARE * self._policy.stale_after_s):
                self._late_at_s = now_s
        self._frame, self._counted = _FrameArrival(stamp_ns, now_s, age_s), None

    def update_cycle(self, stamp_ns: int, observed_ns: int | None) -> None:
        """Store the stamp of a cycle, and of the observation that it completed, if any."""
        self._cycle_ns = stamp_ns
        self._cycles_since_fault += 1
        self._observed_ns = self._observed_ns if observed_ns is None else observed_ns

    def reasons(self, now_s: float) -> list[Reason]:
        """Return all reasons why the alert is STALE."""
        texts = [*self._status_texts(now_s), *self._arming_texts(), *self._order_texts(now_s),
                 *self._frame_texts(now_s), *self._recovery_texts(now_s),
                 *self._activation_texts(now_s)]
        return [*(Reason(AlertLevel.STALE, text) for text in texts), *self._publisher_reasons()]

    def _count_faults(self, status: PerceptionStatus) -> None:
        """
        Count heartbeats with faults; begin anew with frames and results that have none.

        A heartbeat without a fault does not suffice: perception_node publishes the fault of a
        frame or of a Monte Carlo result at once, before it counts it, and then clears it.
        """
        if status.faults:
            self.faulty_count += 1
            self._faulty_frames_out, self._cycles_since_fault = status.frames_out, 0
            return
        self._faulty_frames_out = min(self._faulty_frames_out, status.frames_out)
        if min(status.frames_out - self._faulty_frames_out,
               self._cycles_since_fault) >= MIN_CLEAN:
            self.faulty_count = 0

    def _publisher_reasons(self) -> list[Reason]:
        return [Reason(AlertLevel.WARN, f'{topic.name} has {len(topic.publishers)} publishers: '
                       f'{", ".join(topic.publishers)}; stop all but one')
                for topic in self.topics or () if len(topic.publishers) > 1]

    def _topic_cause(self, index: int) -> str:
        """Return why nothing can be received on a topic; empty: a node publishes it."""
        topic = self.topics[index] if self.topics else None
        if topic is None or topic.publishers:
            return ''
        return topic.rejected[0] if topic.rejected else (
            f'no node publishes {topic.name}: start perception_node, or correct its namespace')

    def _frame_cause(self) -> str:
        """Return where the frames are lost, by the counters of perception_node."""
        if cause := self._topic_cause(1):
            return cause
        status, before = self._status and self._status[1], self._counted
        if status is None or before is None or status is before:
            return 'is the camera publishing?'
        if status.frames_in == before.frames_in:
            return 'perception_node receives no frames: is the camera publishing?'
        if status.frames_out == before.frames_out:
            return 'perception_node receives frames but completes none: is the network slow?'
        return 'perception_node completes frames: are the scores lost on the way?'

    def _status_texts(self, now_s: float) -> list[str]:
        if self._status is None:
            return [f'no status of perception_node was received: '
                    f'{self._topic_cause(0) or "start it"}']
        status = self._status[1]
        if late := self._late_status_texts(now_s):
            return late
        if status.state != ACTIVE_STATE:
            remedy = REMEDIES.get(status.state, 'wait, or read its log')
            return [f'perception_node is {status.state}: {remedy}']
        return []

    def _arming_texts(self) -> list[str]:
        if self._calibration is None:
            return [f'not armed: {self.unarmed_reason}']
        if self._status is None:
            return []  # _status_texts has the reason
        identity, state = self._status[1].identity, self._status[1].state
        if identity is None and state != ACTIVE_STATE:
            return []  # the same: no model is loaded yet
        rate = rate_rejection(self._status[1].status_hz, self._policy.stale_after_s)
        return [f'not armed: {text}' for text in (
            *filter(None, [rate]), *rejection_reasons(self._calibration, identity))]

    def _order_texts(self, now_s: float) -> list[str]:
        if self._jump is None or now_s - self._jump[0] >= self._policy.hold_s:
            return []
        return [self._jump[1]]

    def _frame_texts(self, now_s: float) -> list[str]:
        if self._frame is None:
            return [f'no scores were received: {self._frame_cause()}']
        late = self._late_frame_texts(now_s)
        if late or self._observed_ns is not None:
            return late
        return ['no Monte Carlo result with every watched score yet: wait']

    def _recovery_texts(self, now_s: float) -> list[str]:
        """Return the wait after silence: inputs that come and go must not toggle the alert."""
        if not self._is_recovering(now_s) or self._late_texts(now_s):
            return []
        return [f'inputs were silent or late a moment ago: wait until frames arrive within '
                f'{RECOVERY_SHARE * self._policy.stale_after_s:g} s for '
                f'{self._policy.recovery_s:g} s']

    def _activation_texts(self, now_s: float) -> list[str]:
        """Return the wait after another state: a node that comes and goes must not toggle it."""
        if self._inactive_at_s is None or self._is_inactive() or (
                now_s - self._inactive_at_s >= self._policy.recovery_s):
            return []
        return [f'perception_node was not active a moment ago: wait {self._policy.recovery_s:g} s']

    def _is_inactive(self) -> bool:
        return self._status is not None and self._status[1].state != ACTIVE_STATE

    def _is_recovering(self, now_s: float) -> bool:
        return self._late_at_s is not None and now_s - self._late_at_s < self._policy.recovery_s

    def _late_texts(self, now_s: float) -> list[str]:
        """Return what is silent or late; it stays so until the next input arrives."""
        return [*self._late_status_texts(now_s), *self._late_frame_texts(now_s)]

    def _late_status_texts(self, now_s: float) -> list[str]:
        silent_s = now_s - self._status[0] if self._status else 0.
        if silent_s <= self._policy.stale_after_s:
            return []
        return [f'perception_node is silent for {silent_s:.1f} s: '
                f'{self._topic_cause(0) or "is it running?"}']

    def _late_frame_texts(self, now_s: float) -> list[str]:
        if self._frame is None:
            return []
        silent_s, age_s = now_s - self._frame.arrival_s, self._frame.age_s
        if silent_s > self._period.max_silence_s(self._policy.min_stale_after_s,
                                                 self._policy.stale_after_s):
            return [f'no scores for {silent_s:.1f} s: {self._frame_cause()}']
        if abs(age_s) > self._policy.max_frame_age_s:
            return [_age_text(age_s)]
        return self._epistemic_texts(silent_s, self._frame.stamp_ns)

    def _epistemic_texts(self, silent_s: float, stamp_ns: int) -> list[str]:
        """Check the age of the frame of the last result, not of its arrival."""
        if self._observed_ns is None:
            return []
        age_s = silent_s + (stamp_ns - self._observed_ns) / 1e9
        if age_s > self._policy.epistemic_max_age_s:
            return [f'the last Monte Carlo result is {age_s:.1f} s old: reduce the load']
        return []


def _age_text(age_s: float) -> str:
    """Describe a frame whose stamp does not fit the clock on arrival, with the probable cause."""
    if math.isinf(age_s):
        return ('the clock reads zero: publish /clock, or set use_sim_time of alert_node to '
                'false')
    if abs(age_s) > OTHER_CLOCK_S:
        return (f'stamps of the frames are {abs(age_s):.3g} s '
                f'{"behind" if age_s > 0 else "ahead of"} the clock: set use_sim_time of all '
                f'nodes alike')
    if age_s < 0:
        return f'frames are {-age_s:.1f} s ahead of the clock: synchronise the clocks'
    return (f'frames are {age_s:.1f} s old on arrival: reduce the load, or synchronise the '
            f'clocks')
