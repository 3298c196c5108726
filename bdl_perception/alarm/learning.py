# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""
Learning a calibration while somebody drives: what is collected, and when it suffices.

One drive of half an hour is all that there is, so it is cut into pieces, which count as drives.
Neighbouring pieces have the same light and weather: such a calibration holds for roads like these,
and its false-alarm rate is less certain than that of as many separate drives.
"""
import math
from typing import NamedTuple

from bdl_perception.alarm.calibrate import calibrate, TooFewObservationsError
from bdl_perception.alarm.calibration import Calibration
from bdl_perception.alarm.calibration_config import CalibrationConfig
from bdl_perception.alarm.observations import ScoredDrive
from bdl_perception.alarm.score_collection import CollectedDrive, ScoreCollector
from bdl_perception.alarm.score_distribution import MIN_OBSERVATIONS
from bdl_perception.perception.data_types import Scores
from bdl_perception.perception.status import Identity, PerceptionStatus

PIECES = 20  # of learn_minutes: a further one exceeds a limit with a probability of 2 / 21 at most
RETRY_SHARE = .1  # of learn_minutes, until the next attempt after one that did not suffice
MAX_EXTENSION = 2.  # times learn_minutes; then learning ends, which bounds the memory


class LearnedScores(NamedTuple):
    """What was collected until an attempt; a thread may use it while the collection goes on."""

    identity: Identity
    start_ns: int  # stamp of the first frame
    pieces: list[CollectedDrive]

    def calibrate(self, config: CalibrationConfig, software_version: str) -> Calibration:
        """Calibrate the alarm; ValueError says what is missing."""
        drives = [ScoredDrive(_piece_name(piece, self.start_ns), piece.observations())
                  for piece in self.pieces]
        try:
            return calibrate(drives, self.identity, config, software_version)
        except TooFewObservationsError as error:  # it cannot add drives or change the settings
            raise ValueError(error.problem) from None


class Learning:
    """Collects scores for some minutes of driving, longer if they do not suffice."""

    def __init__(self, minutes: float, step_s: float) -> None:
        """Start without scores; step_s: of the alarm."""
        self.minutes = minutes
        self._collector = ScoreCollector(step_s, 60 * minutes / PIECES)
        self._next_attempt_min = minutes
        self._problem = ''  # of the last attempt

    def update_scores(self, scores: Scores) -> None:
        """Add the scores of a frame or of a Monte Carlo cycle."""
        if not self.has_ended:
            self._collector.update_scores(scores)

    def update_status(self, status: PerceptionStatus) -> None:
        """Add a heartbeat, which accepts or refuses the frames since the last one."""
        if not self.has_ended:
            self._collector.update_status(status)

    @property
    def driven_min(self) -> float:
        """Return the minutes of accepted frames."""
        return self._collector.driven_s / 60

    @property
    def has_ended(self) -> bool:
        """Return whether the last attempt failed and nothing more is collected."""
        return bool(self._problem) and self._next_attempt_min > MAX_EXTENSION * self.minutes

    def attempt(self) -> LearnedScores | None:
        """Return what was collected if it is time to calibrate; None: it is not."""
        if self.driven_min < self._next_attempt_min or self.has_ended:
            return None
        self._next_attempt_min, self._problem = math.inf, ''  # until its result is known
        drives = self._collector.drives  # all but the last one are complete
        last = drives[-1]._replace(stamps_ns=drives[-1].stamps_ns[:], rows=drives[-1].rows[:])
        pieces = [one for one in (*drives[:-1], last) if len(one.stamps_ns) >= MIN_OBSERVATIONS]
        assert self._collector.identity is not None  # it has accepted frames
        return LearnedScores(self._collector.identity, drives[0].stamps_ns[0], pieces)

    def reject(self, problem: str) -> None:
        """Continue after an attempt that did not suffice; problem: what is missing."""
        self._problem = problem
        self._next_attempt_min = self.driven_min + RETRY_SHARE * self.minutes

    @property
    def progress(self) -> str:
        """Return how far it is, what is missing, and what was refused."""
        parts = [f'{self.driven_min:.1f} of {self.minutes:g} minutes of driving']
        if self.has_ended:
            parts.append(f'ended without a calibration: {self._problem}; start alert_node again')
        elif self._problem:
            parts.append(f'not sufficient yet: {self._problem}; drive on')
        refused = self._collector.refused
        if refused:
            [(reason, count)] = refused.most_common(1)
            others = refused.total() - count
            parts.append(f'frames refused: {count} ({reason})' + (
                f', {others} for other reasons' if others else ''))
        return '; '.join(parts)


def _piece_name(piece: CollectedDrive, start_ns: int) -> str:
    first, last = ((stamp_ns - start_ns) / 60e9
                   for stamp_ns in (piece.stamps_ns[0], piece.stamps_ns[-1]))
    return f'minutes {first:.1f} to {last:.1f}'
