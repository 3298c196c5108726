# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""
Collects the observations of drives from scores and status, received or recorded.

The heartbeats tell which frames can be learned from: all since the last one, if both report the
same model, an active node and no fault. Observations wait for the next heartbeat therefore.
A stamp that is not later than the last one is refused. A few stamps far ahead are forgotten when
the following ones are late; otherwise no later frame would be accepted.
"""
from array import array
from collections import Counter
import math
from typing import Mapping, NamedTuple

from bdl_perception.alarm.freshness import MAX_LATE_FRAMES
from bdl_perception.alarm.observations import Joiner, Observation, Thinning
from bdl_perception.alarm.score_distribution import MIN_OBSERVATIONS
from bdl_perception.perception.data_types import Scores
from bdl_perception.perception.regions import parse_regions
from bdl_perception.perception.scores import has_no_pixel, IMAGE_VALUES, score_descriptions
from bdl_perception.perception.status import ACTIVE_STATE, Identity, PerceptionStatus

MAX_WAIT_S = 2.  # of the scores of a frame for those of its Monte Carlo cycle
MAX_PENDING = 500  # observations without a heartbeat; minutes in all but a broken recording
MAX_GAP_S = 60.  # without a frame; a longer stop ends the drive
MAX_STEP_S = 1.  # that an observation counts as driving time


class CollectedDrive(NamedTuple):
    """Observations in a compact form: 8 bytes for each value, NaN for one that is missing."""

    names: tuple[str, ...]
    stamps_ns: list[int]
    rows: 'array[float]'  # row after row

    def observations(self) -> tuple[Observation, ...]:
        """Return the observations as they arrived."""
        count = len(self.names)
        return tuple(Observation(stamp_ns, self._values(index * count))
                     for index, stamp_ns in enumerate(self.stamps_ns))

    def _values(self, start: int) -> Mapping[str, float]:
        row = self.rows[start:start + len(self.names)]
        return {name: value for name, value in zip(self.names, row, strict=True)
                if not math.isnan(value)}


class ScoreCollector:
    """Collects one observation about every step_s, in drives; counts what it refuses and why."""

    def __init__(self, step_s: float, piece_s: float = math.inf) -> None:
        """Start without a model; a drive is cut into pieces of piece_s, longer with few frames."""
        self.identity: Identity | None = None  # of the first heartbeat with a model
        self.drives: list[CollectedDrive] = []
        self.driven_s = 0.  # time of the accepted frames
        self.refused: Counter[str] = Counter()  # reason -> observations
        self._step_s, self._piece_s = step_s, piece_s
        self._names: tuple[str, ...] = ()
        self._joiner, self._thinning = Joiner(MAX_WAIT_S), Thinning(step_s)
        self._pending: list[Observation] = []
        self._fault = ''  # of the last heartbeat
        self._first_fault = ''
        self._newest_ns = self._faulty_until_ns = -1
        self._fault_of_frames = ''
        self._late_count = 0  # late observations in succession
        self._driven_before_s = 0.  # driven_s at the begin of the last drive

    def update_scores(self, scores: Scores) -> None:
        """Add the scores of a frame or of a cycle, in the order of their arrival."""
        if not scores.cycle:
            self._newest_ns = scores.stamp_ns
        observation = self._joiner.add(scores)
        if observation is None:
            return
        self._pending.append(observation)
        if len(self._pending) > MAX_PENDING:
            self.refused['no status followed'] += 1
            del self._pending[0]

    def update_status(self, status: PerceptionStatus) -> None:
        """Accept the waiting observations, unless a heartbeat before or after them has a fault."""
        fault = self._find_fault(status)
        if fault or self._fault:  # a frame may be scored after the heartbeat with its fault
            self._faulty_until_ns = self._newest_ns
            self._fault_of_frames = fault or self._fault
        else:  # stamps that went back are not those of the faulty frames
            self._faulty_until_ns = min(self._faulty_until_ns, self._newest_ns)
        self._fault = fault
        waiting, self._pending = self._pending, []
        for observation in waiting:
            reason = self._refusal(observation)
            if reason:
                self.refused[reason] += 1
            else:
                self._accept(observation)

    @property
    def observation_count(self) -> int:
        """Return the number of accepted observations."""
        return sum(len(drive.stamps_ns) for drive in self.drives)

    def _find_fault(self, status: PerceptionStatus) -> str:
        """Return why the frames around a heartbeat must not be learned; empty: they may."""
        if status.state != ACTIVE_STATE or status.identity is None:
            return 'perception_node is not active'
        if self.identity is None:
            self.identity = status.identity
            self._names = (*score_descriptions(parse_regions(status.identity.regions)),
                           *IMAGE_VALUES)
        if status.identity != self.identity:
            return 'another model, or other settings of perception_node'
        self._first_fault = self._first_fault or ''.join(status.faults[:1])
        return f'faults, the first: {self._first_fault}' if status.faults else ''

    def _refusal(self, observation: Observation) -> str:
        if observation.stamp_ns <= self._faulty_until_ns:
            return self._fault_of_frames
        if self._is_late(observation.stamp_ns):
            return 'the stamp is not later than the last one'
        values = observation.values
        bad = [name for name in self._names if name not in IMAGE_VALUES
               and not has_no_pixel(name, values)
               and not math.isfinite(values.get(name, math.nan))]
        return f'{bad[0]} is missing or not finite' if bad else ''

    def _is_late(self, stamp_ns: int) -> bool:
        """Return whether a stamp is not later than the last one; forget a few far ahead."""
        if not self.drives or stamp_ns > self.drives[-1].stamps_ns[-1]:
            self._late_count = 0
            return False
        self._late_count += 1
        count = len(self.drives[-1].stamps_ns)
        if self._late_count < MAX_LATE_FRAMES or count >= MIN_OBSERVATIONS:
            return True
        del self.drives[-1]
        self.refused['the stamp is far ahead of the next ones'] += count
        self.driven_s, self._thinning = self._driven_before_s, Thinning(self._step_s)
        self._late_count = 0
        return self._is_late(stamp_ns)

    def _accept(self, observation: Observation) -> None:
        stamp_ns = observation.stamp_ns
        last_ns = self.drives[-1].stamps_ns[-1] if self.drives else None
        if last_ns is None or stamp_ns - last_ns > MAX_GAP_S * 1e9:
            self._thinning = Thinning(self._step_s)
            self._begin_drive()
        if not self._thinning.due(stamp_ns):
            return
        if last_ns is not None:
            self.driven_s += min((stamp_ns - last_ns) / 1e9, MAX_STEP_S)
        stamps_ns = self.drives[-1].stamps_ns
        if len(stamps_ns) >= MIN_OBSERVATIONS and (
                stamp_ns - stamps_ns[0] >= self._piece_s * 1e9):
            self._begin_drive()
        self.drives[-1].stamps_ns.append(stamp_ns)
        self.drives[-1].rows.extend(observation.values.get(name, math.nan)
                                    for name in self._names)

    def _begin_drive(self) -> None:
        self.drives.append(CollectedDrive(self._names, [], array('d')))
        self._driven_before_s = self.driven_s
