# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""Learning a calibration: attempts at the right time, bounded, and the same file as by hand."""
from bdl_perception.alarm.calibrate import calibrate
from bdl_perception.alarm.calibration_config import CalibrationConfig
from bdl_perception.alarm.learning import Learning
from bdl_perception.alarm.observations import Observation, ScoredDrive
from bdl_perception.perception.status import PerceptionStatus
from calibrations import IDENTITY
import numpy as np
import pytest
from score_recordings import active, frame_and_cycle, random_values

CONFIG = CalibrationConfig(alpha=.5, exponent=.1)
STEP_NS = 100_000_000


def drive(learning: Learning, first: int, last: int,
          status: PerceptionStatus | None = None) -> None:
    """Drive from one frame to another, ten in a second."""
    learning.update_status(status or active())
    for index in range(first, last):
        row = random_values(np.random.default_rng(index))
        for scores in frame_and_cycle(index * STEP_NS, row, index + 1):
            learning.update_scores(scores)
        learning.update_status(status or active())


def test_it_is_due_after_its_minutes_and_once() -> None:
    learning = Learning(.2, .1)  # 12 s
    drive(learning, 0, 120)
    assert learning.attempt() is None
    assert learning.progress == '0.2 of 0.2 minutes of driving'
    drive(learning, 120, 122)
    assert learning.attempt() is not None
    assert learning.attempt() is None


def test_it_learns_what_a_calibration_of_the_pieces_gives() -> None:
    learning = Learning(.2, .1)
    drive(learning, 0, 125)
    scores = learning.attempt()
    assert scores is not None
    made = scores.calibrate(CONFIG, '0.1.0')
    rows = [Observation(index * STEP_NS, random_values(np.random.default_rng(index)))
            for index in range(125)]
    pieces = [ScoredDrive(f'piece {start}', rows[start:start + 6]) for start in range(0, 120, 6)]
    expected = calibrate(pieces, IDENTITY, CONFIG, '0.1.0')
    assert (made.distribution, made.limits) == (expected.distribution, expected.limits)
    assert made.provenance.drives[1] == 'minutes 0.0 to 0.0'
    assert len(made.provenance.drives) == 20 and made.provenance.frames == 120


def test_too_few_observations_are_named_without_the_remedies_of_a_command() -> None:
    learning = Learning(.2, .1)
    drive(learning, 0, 125)
    scores = learning.attempt()
    assert scores is not None
    with pytest.raises(ValueError) as caught:
        scores.calibrate(CalibrationConfig(alpha=.002), '0.1.0')
    assert str(caught.value) == (
        '120 observations after thinning in 20 drives: alpha 0.002 over 2 scores (upper) needs '
        '999, 879 more')


def test_the_scores_of_an_attempt_do_not_change_while_it_is_computed() -> None:
    learning = Learning(.2, .1)
    drive(learning, 0, 128)
    scores = learning.attempt()
    assert scores is not None
    before = [one.observations() for one in scores.pieces]
    drive(learning, 128, 160)
    assert [one.observations() for one in scores.pieces] == before


def test_it_goes_on_and_says_what_is_missing_until_it_ends() -> None:
    learning = Learning(.1, .1)
    drive(learning, 0, 62)
    attempts = 0
    for start in range(62, 150):
        if learning.attempt():
            attempts += 1
            learning.reject('12 more observations are needed')
        drive(learning, start, start + 1)
    assert 8 <= attempts <= 10  # at 6.1 s, 0.6 or 0.7 s later, ... until 12 s
    assert learning.has_ended
    assert learning.progress == (
        '0.2 of 0.1 minutes of driving; ended without a calibration: 12 more observations are '
        'needed; start alert_node again')
    driven = learning.driven_min
    drive(learning, 150, 300)
    assert learning.driven_min == driven and learning.attempt() is None


def test_collecting_goes_on_during_a_further_attempt() -> None:
    learning = Learning(.1, .1)
    drive(learning, 0, 62)
    assert learning.attempt()
    learning.reject('too few')
    assert learning.progress == (
        '0.1 of 0.1 minutes of driving; not sufficient yet: too few; drive on')
    drive(learning, 62, 70)
    assert learning.attempt() and not learning.has_ended


def test_refused_frames_are_no_driving_time_and_are_reported() -> None:
    learning = Learning(1., .1)
    drive(learning, 0, 10)
    drive(learning, 10, 100, active(IDENTITY, 'the frame is blank'))
    drive(learning, 100, 110, PerceptionStatus('inactive', identity=IDENTITY))
    assert learning.driven_min == pytest.approx(.9 / 60)
    assert learning.progress == (
        '0.0 of 1 minutes of driving; frames refused: 90 (faults, the first: the frame is blank), '
        '10 for other reasons')
