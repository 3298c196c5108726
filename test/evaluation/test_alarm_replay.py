# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""A replay gives the alert of the machine that runs in alert_node."""
from dataclasses import replace
import math

from bdl_perception.alarm.alert_types import AlertPolicy
from bdl_perception.evaluation.alarm_replay import (
    monitored_times_ns,
    pause_duration_ns,
    replay,
    replay_concatenated,
)
from bdl_perception.evaluation.drive_record import DriveRecord
import pytest
from records import fake_calibration, IDENTITY, night_record, nominal_record


def test_error_is_raised_when_evidence_exceeds_the_limit() -> None:
    steps = replay(night_record('n', [2.] * 8), fake_calibration(), IDENTITY)
    assert [step.error for step in steps] == [False] * 4 + [True] * 4
    assert steps[0].cusum == pytest.approx(2.1793, abs=.001)
    assert all(step.exceeds for step in steps)
    assert steps[-1].cusum == pytest.approx(10.6)


def test_nominal_scores_raise_nothing() -> None:
    steps = replay(nominal_record('n', [.5] * 8), fake_calibration(), IDENTITY)
    assert not any(step.error or step.exceeds for step in steps)
    assert max(step.cusum for step in steps) < 0


def test_slow_evidence_alone_raises_an_error() -> None:
    known = fake_calibration(slow=1.)
    steps = replay(nominal_record('n', [.95] * 40), known, IDENTITY)
    first = next(step for step in steps if step.error)
    assert first.cusum < 0 and first.slow is not None and first.slow > 1
    assert replay(nominal_record('n', [.95]), fake_calibration(), IDENTITY)[0].slow is None


def test_an_error_is_held_as_in_the_node() -> None:
    steps = replay(night_record('n', [2.] * 6 + [.5] * 20), fake_calibration(), IDENTITY)
    raised = [index for index, step in enumerate(steps) if step.error]
    assert raised == list(range(raised[0], raised[-1] + 1))
    assert raised[-1] > 5 + 4  # hold_s is 2 s: eight frames


def test_a_camera_fault_is_an_error_at_any_score() -> None:
    record = replace(nominal_record('n', [.5] * 12), faults={3: ('the frame is blank',)})
    for steps in (replay(record, fake_calibration(), IDENTITY),
                  replay_concatenated([record], fake_calibration(), IDENTITY)):
        raised = [index for index, step in enumerate(steps) if step.error]
        assert raised == list(range(3, 12))  # hold_s is 2 s: eight frames
        assert not any(step.exceeds for step in steps)


def test_a_warning_is_held_for_clear_s_after_an_exceedance() -> None:
    steps = replay(nominal_record('n', [.5] * 4 + [2.] + [.5] * 12), fake_calibration(), IDENTITY)
    assert [step.exceeds for step in steps] == [False] * 4 + [True] + [False] * 12
    held = 1 + round(AlertPolicy().clear_s / .25)  # it is the newest frame until the next comes
    assert [step.warned for step in steps] == [4 <= index < 4 + held for index in range(17)]


def test_concatenated_drives_carry_evidence_on() -> None:
    parts = [night_record(name, [2.] * 3) for name in 'ab']
    apart = [replay(part, fake_calibration(), IDENTITY) for part in parts]
    joined = replay_concatenated(parts, fake_calibration(), IDENTITY)
    assert not any(step.error for steps in apart for step in steps)
    assert [step.error for step in joined] == [False] * 4 + [True] * 2
    assert [step.stamp_ns for step in joined] == [250_000_000 * n for n in range(6)]


def sky_in(name: str) -> DriveRecord:
    """Make a nominal drive whose second half has no pixel for a score."""
    record = nominal_record('n', [.5] * 8)
    return replace(record, scores={**record.scores, name: (.5,) * 4 + (math.nan,) * 4})


def test_a_score_without_pixels_is_an_error_only_if_watched() -> None:
    calm = replay(sky_in('epistemic_depth_corridor'), fake_calibration(), IDENTITY)
    assert not any(step.error or step.exceeds for step in calm)
    blind = replay(sky_in('epistemic_depth'), fake_calibration(), IDENTITY)
    assert [step.error for step in blind] == [False] * 4 + [True] * 4
    assert blind[4].cusum == pytest.approx(2.1793, abs=.001)  # as of the highest score


def stamped(*seconds: float) -> DriveRecord:
    """Make a nominal drive whose frames come at these times."""
    record = nominal_record('n', [.5] * len(seconds))
    return replace(record, stamps_ns=tuple(round(1e9 * second) for second in seconds))


def test_a_drive_lasts_one_gap_longer_than_its_stamps() -> None:
    assert monitored_times_ns(nominal_record('n', [.5] * 8))[-1] == 2_000_000_000
    assert monitored_times_ns(nominal_record('n', [.5])) == [0, 0]


@pytest.mark.parametrize(('seconds', 'monitored_s', 'paused_s'), [
    ((0, 1, 2, 3, 63), (0, 1, 2, 3, 8, 10), 55),
    ((0, 1, 2, 7), (0, 1, 2, 7, 28 / 3), 0),  # five median gaps are no pause
    ((0, .01, .8, .81, 1.6), (0, .01, .8, .81, 1.6, 2), 0),  # nor are .79 s between pairs
    ((7, 12.01, 13.01), (0, 5, 6, 9), .01),
    ((0, 1.7e9, 1.7e9 + 1, 1.7e9 + 2), (0, 5, 6, 7, 28 / 3), 1.7e9 - 5)])
def test_pauses_and_wrong_stamps_are_not_monitored(
        seconds: tuple[float, ...], monitored_s: tuple[float, ...], paused_s: float) -> None:
    found = [time_ns / 1e9 for time_ns in monitored_times_ns(stamped(*seconds))]
    assert found == pytest.approx(monitored_s)
    assert pause_duration_ns(stamped(*seconds)) / 1e9 == pytest.approx(paused_s)


def test_concatenated_pauses_last_as_long_as_they_count() -> None:
    joined = replay_concatenated([stamped(0, 1, 2, 3, 63), stamped(9, 10, 11)], fake_calibration(),
                                 IDENTITY)
    assert [step.stamp_ns / 1e9 for step in joined] == [0, 1, 2, 3, 8, 10, 11, 12]


def test_a_calibration_of_another_model_raises() -> None:
    with pytest.raises(ValueError, match='would not be armed: .*seed'):
        replay(nominal_record('n', [.5]), fake_calibration(), replace(IDENTITY, seed=1))
