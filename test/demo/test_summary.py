# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""The checks of a demonstration: each failure is found, and a good drive has none."""
from dataclasses import replace
from pathlib import Path

from bdl_perception.alarm.uncalibrated_camera import NOT_CALIBRATED
from bdl_perception.demo.record import AlertEvent, Record
from bdl_perception.demo.summary import failures, summarise
from bdl_perception.drives.description import Segment
import pytest

OK, WARN, ERROR, STALE = range(4)
START_NS = 1_700_000_000_123_456_789
FOG = Segment('fog', 2.0, 4.0)


def alert(at_s: float, level: int) -> AlertEvent:
    return AlertEvent(START_NS + round(at_s * 1e9), level, 'because')


def record(levels: list[tuple[float, int]], lost: int = 0, dropped: int = 0) -> Record:
    frames = tuple(START_NS + i * 100_000_000 for i in range(61))
    answered = dict.fromkeys(frames[lost:], 0.02)
    return Record(Path(), frames, answered, tuple(alert(*level) for level in levels), (), dropped)


GOOD = [(-1.0, STALE), (0.5, OK), (1.0, WARN), (1.1, OK), (2.5, ERROR), (5.0, OK)]


def test_a_record_of_one_lost_frame_is_a_failure_with_its_remedy() -> None:
    one = replace(record(GOOD, lost=61), frame_stamps_ns=(START_NS,))
    [text] = failures(one, [])
    assert text == ('1 of 1 frames have no depth, perception_node replaced 0 by newer ones; play '
                    'with a lower --rate-hz (make: RATE_HZ)')


def test_a_camera_without_calibration_is_reported() -> None:
    assert summarise(record(GOOD), [FOG])['not_calibrated'] is None
    plain, reason = record(GOOD), f'{NOT_CALIBRATED} (95% of the frames): use `bdl calibrate`'
    alerts = (alert(5.0, ERROR), replace(alert(6.0, ERROR), message=f'{reason}; slow down'),
              alert(7.0, STALE))
    assert summarise(replace(plain, alerts=alerts), [])['not_calibrated'] == reason


def test_error_in_the_fog_that_clears_is_no_failure():
    assert failures(record(GOOD), [FOG]) == []


@pytest.mark.parametrize('levels, words', [
    ([(0.5, OK), (5.0, OK)], 'no ERROR during fog'),
    ([(0.5, OK), (2.5, WARN), (5.0, OK)], 'no ERROR during fog'),
    ([(0.5, OK), (2.5, STALE), (5.0, OK)], 'no ERROR during fog'),
    ([(0.5, OK), (2.5, ERROR), (5.0, WARN)], 'did not clear after fog'),
    ([(0.5, OK), (1.5, ERROR), (1.9, OK), (2.5, ERROR), (5.0, OK)], 'in a nominal part'),
    ([(2.5, ERROR)], 'was never OK'),
])
def test_each_failure_of_the_alert_is_found(levels, words):
    assert any(words in failure for failure in failures(record(levels), [FOG]))


def test_an_error_at_the_end_of_the_fog_is_a_false_alarm():
    late = [(0.5, OK), (2.5, ERROR), (3.0, OK), (4.0, ERROR), (5.0, OK)]
    assert any('in a nominal part' in failure for failure in failures(record(late), [FOG]))


def test_the_time_of_the_drive_stops_without_frames():
    paused_ns, good = 20 * 10**9, record(GOOD)

    def shifted(at_ns: int) -> int:
        return at_ns + paused_ns * (at_ns > START_NS + 3 * 10**9)

    slow = Record(Path(), tuple(map(shifted, good.frame_stamps_ns)), good.depth_latency_s, tuple(
        AlertEvent(shifted(event.received_ns), event.level, event.message)
        for event in good.alerts), ())
    assert slow.drive_time_s(slow.frame_stamps_ns[-1]) == pytest.approx(6.0)
    assert slow.drive_time_s(slow.frame_stamps_ns[30] + 10 * 10**9) == pytest.approx(3.1)
    slow = replace(slow, depth_latency_s=dict.fromkeys(slow.frame_stamps_ns, 0.02))
    assert failures(slow, [FOG]) == []


def test_an_error_held_through_stale_counts_once():
    held = [(0.5, OK), (2.5, ERROR), (4.2, STALE), (4.4, ERROR), (5.0, OK)]
    assert failures(record(held), [FOG]) == []
    never_before = [(0.5, OK), (1.0, STALE), (1.2, ERROR), (1.5, OK), (2.5, ERROR), (5.0, OK)]
    assert len(failures(record(never_before), [FOG])) == 1


@pytest.mark.parametrize('broken', [{'lost': 1}, {'dropped': 1}])
def test_lost_and_dropped_frames_are_failures(broken):
    assert len(failures(record(GOOD, **broken), [FOG])) == 1


def test_a_drive_without_expected_errors_is_checked_for_frames():
    assert failures(record([(0.5, ERROR)]), []) == []
    assert failures(record([(0.5, ERROR)], lost=2), []) != []


def test_a_drive_without_frames_is_a_failure():
    assert failures(Record(Path(), (), {}, (), ()), []) == ['the camera published no frame']


def test_the_summary_has_the_numbers_counted_by_hand():
    summary = summarise(record(GOOD, lost=3), [FOG])
    assert (summary['frames_in'], summary['frames_out'], summary['lost']) == (61, 58, 3)
    assert summary['duration_s'] == 6.0
    assert summary['latency_ms'] == {'p50': 20.0, 'p99': 20.0}
    assert summary['must_alarm'][0]['seconds_to_error'] == 0.5
    assert [change['level'] for change in summary['alert_transitions']] == [
        'STALE', 'OK', 'WARN', 'OK', 'ERROR', 'OK']
