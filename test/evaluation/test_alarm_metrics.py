# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
from math import inf, isnan

from bdl_perception.drives.description import Segment
from bdl_perception.evaluation.alarm_metrics import (
    alert_shares,
    count_causes,
    count_drives_with_onset,
    Detection,
    detections,
    error_onsets,
    false_alarm_rate,
    measure_detection,
    merge_held_out_segments,
    poisson_rate,
    summarise_delays,
)
from bdl_perception.evaluation.alarm_replay import AlertStep
import pytest
from records import changing_record, fake_calibration

NIGHT = Segment('night', .5, 1.25, True)


def steps_of(pattern: str) -> list[AlertStep]:
    """E: ERROR, w: a score exceeds, h: WARN is held, else: OK; four steps a second."""
    return [AlertStep(index * 250_000_000, one == 'E', one in 'Ew', one in 'Ewh', 0., None)
            for index, one in enumerate(pattern)]


def times_of(pattern: str) -> list[float]:
    return [index / 4 for index in range(len(pattern))]


@pytest.mark.parametrize(('pattern', 'count'), [
    ('', 0), ('....', 0), ('.EE.E', 2), ('E..', 1), ('EEE', 1), ('E.E.E', 3)])
def test_an_error_counts_once_however_long_it_lasts(pattern: str, count: int) -> None:
    assert len(error_onsets(steps_of(pattern))) == count


@pytest.mark.parametrize(('drives', 'count'), [
    (['E.E.', '....', '...E'], 2), (['...E', 'E..E'], 2), (['...E', 'E...'], 1), (['..'], 0),
    (['..', 'E', '', 'E.'], 1), (['..', 'E.', 'E.'], 2)])
def test_concatenated_errors_belong_to_the_drive_of_their_onset(
        drives: list[str], count: int) -> None:
    assert count_drives_with_onset(steps_of(''.join(drives)), map(len, drives)) == count


def test_false_alarms_of_all_drives_are_added() -> None:
    found = false_alarm_rate([steps_of('.E.E'), steps_of('...'), steps_of('E')], 1.5)
    assert (found.events, found.per_hour) == (3, 2)


def test_errors_are_counted_by_the_evidence_at_their_onset() -> None:
    quiet, error = steps_of('.E')
    some = [error._replace(cusum=cusum, slow=slow) for cusum, slow in (
        (9.7, 1.), (-.5, 8.1), (9.7, 8.1), (-.5, 8.), (9.6, None))]
    drives = [[one, one._replace(cusum=99.), quiet, one] for one in some]
    known = fake_calibration(slow=8.)
    assert count_causes(drives, known) == {'fast': 4, 'slow': 2, 'other': 4}
    assert count_causes(drives[:1], fake_calibration()) == {'fast': 2, 'slow': 0, 'other': 0}


def test_alert_shares_are_of_all_frames() -> None:
    assert alert_shares(steps_of('.whE..')) == pytest.approx((2 / 6, 3 / 6))
    assert all(map(isnan, alert_shares([])))


@pytest.mark.parametrize(('pattern', 'delay_s', 'early', 'clear_s'), [
    #  0  .5    1.25
    ('..' 'E..' '..', 0., False, None),
    ('..' '..E' 'E.', .5, False, .25),
    ('..' '..E' 'EE', .5, False, inf),
    ('..' '...' 'E.', inf, False, None),
    ('.E' 'EEE' '..', 0., True, 0.),
    ('E.' '.EE' '..', .25, False, 0.),
    ('..' '..E', .5, False, None)])
def test_a_segment_is_measured_from_its_first_frame(
        pattern: str, delay_s: float, early: bool, clear_s: float | None) -> None:
    assert measure_detection('x', times_of(pattern), steps_of(pattern), NIGHT)[:4] == (
        'x', delay_s, early, clear_s)


@pytest.mark.parametrize('pattern', [
    '..' '........', 'w.' '..w..E..', 'wE' '........', '..' 'E.......', '..' '.....w..',
    '..' '....E..w', 'ww' '...w...E'])
@pytest.mark.parametrize('fade_s', [0., .25, 1., 1.5, 9.])
def test_a_fade_is_measured_by_its_strength(pattern: str, fade_s: float) -> None:
    warn, error = (inf, inf), (inf, inf)
    for index in reversed(range(2, 10)):  # the last that is set is the first in time
        since_s = (index - 2) / 4
        now = since_s, min(1., since_s / fade_s) if fade_s else 1.
        warn = now if pattern[index] in 'wE' else warn
        error = now if pattern[index] == 'E' else error
    found = measure_detection('x', times_of(pattern), steps_of(pattern),
                              Segment('dense_fog', .5, 2.5, True, fade_s))
    assert (found.delay_s, found.strength) == pytest.approx(error)
    assert (found.warn_s, found.warn_strength) == pytest.approx(warn)
    assert found.fade_s == fade_s
    assert found.final_strength == pytest.approx(min(1., 1.75 / fade_s) if fade_s else 1.)


def test_a_segment_without_a_frame_raises() -> None:
    with pytest.raises(ValueError, match='x has no frame of night'):
        measure_detection('x', [0., .25], steps_of('..'), NIGHT)


def test_a_missed_drive_has_an_infinite_delay() -> None:
    found = summarise_delays([Detection('a', 1., False, None), Detection('b', 2., False, 3.),
                              Detection('c', inf, False, None), Detection('d', 0., True, 1.)])
    assert found[:5] == (4, 1, 1, 2., inf)
    assert found.clear_median_s == 1.


def test_a_missed_drive_has_an_infinite_strength() -> None:
    found = summarise_delays([Detection('a', 9., False, None, 90., .1, 3., .03),
                              Detection('b', 27., False, None, 80., .3, 1., .01),
                              Detection('c', inf, False, None, 90.),
                              Detection('d', 0., True, None, 90.)])
    assert (found.fade_s, found.strength_median) == (90., .3)
    assert (found.warn_median_s, found.warn_strength_median) == (3., .03)
    assert summarise_delays([Detection('c', inf, False, None)]).strength_median == inf


def test_a_quantile_is_one_of_the_delays() -> None:
    twenty = [Detection(str(n), float(n), False, None) for n in range(1, 21)]
    assert summarise_delays(twenty)[3:5] == (10., 19.)
    assert isnan(summarise_delays([Detection('d', 0., True, None)]).median_s)


def test_consecutive_held_out_segments_are_merged() -> None:
    parts = [Segment('sun', 0, 1, False), Segment('fog', 1, 2, True), Segment('night', 2, 3, True),
             Segment('sun', 3, 4, False), Segment('sun', 4, 5, False)]
    assert [(one.name, one.end_s) for one in merge_held_out_segments(parts)] == [
        ('sun', 1), ('fog', 3), ('sun', 4), ('sun', 5)]


def test_a_changing_drive_is_measured_from_the_change() -> None:
    record = changing_record('x', [.5] * 4, [2.] * 4, [.5] * 2)
    (segment, found), = detections(record, steps_of('.....EEEE.'))
    assert segment.name == 'dense_fog'
    assert found == Detection('x', .25, False, .25, 0., 1., .25, 1., 'dense_fog')


def test_no_event_in_an_hour_is_at_most_3_69() -> None:
    found = poisson_rate(0, 1)
    assert (found.per_hour, found.low) == (0, 0)
    assert found.high == pytest.approx(3.688879, abs=1e-5)  # -ln(.025)


def test_the_interval_matches_the_published_table() -> None:
    found = poisson_rate(5, 2)
    assert found.per_hour == 2.5
    assert (2 * found.low, 2 * found.high) == pytest.approx((1.6235, 11.6683), abs=1e-3)


@pytest.mark.parametrize('events', [1, 4])
def test_each_end_of_the_interval_has_probability_one_in_forty(
        events: int) -> None:
    from math import exp, factorial

    def at_most(most: int, mean: float) -> float:
        return sum(exp(-mean) * mean ** k / factorial(k) for k in range(most + 1))
    found = poisson_rate(events, 1)
    assert at_most(events, found.high) == pytest.approx(.025)
    assert 1 - at_most(events - 1, found.low) == pytest.approx(.025)


def test_no_time_raises() -> None:
    with pytest.raises(ValueError, match='monitored time is 0 h'):
        poisson_rate(0, 0)
