# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""Scores of one frame are joined, and count once a step."""
from dataclasses import replace

from bdl_perception.alarm.alert_types import AlertLevel
from bdl_perception.alarm.cusum import MixtureCusum
from bdl_perception.alarm.evidence import Evidence
from bdl_perception.alarm.image_range import ImageRange
from bdl_perception.alarm.observations import Joiner, MAX_STORED, Observation
from bdl_perception.alarm.score_distribution import ScoreGroup
from bdl_perception.perception.data_types import Scores
from bdl_perception.perception.status import Identity
from calibrations import make_calibration, with_values
import pytest

SECOND_NS = 10**9


def frame(stamp_ns: int, energy: float = 1.) -> Scores:
    return Scores(stamp_ns, 'camera', {'energy': energy})


def cycle(stamp_ns: int, depth: float = 1.) -> Scores:
    return Scores(stamp_ns, 'camera', {'epistemic_depth': depth}, 1)


def test_a_cycle_is_joined_to_its_own_frame() -> None:
    joiner = Joiner(1)
    for stamp_ns in (1, 2, 3):
        assert joiner.add(frame(stamp_ns, stamp_ns)) is None
    assert joiner.add(cycle(2, 7)) == Observation(2, {'energy': 2, 'epistemic_depth': 7})
    assert joiner.add(cycle(4)) is None


def test_stamps_that_only_fall_do_not_fill_the_memory() -> None:
    joiner = Joiner(1)
    for stamp_ns in range(2 * MAX_STORED, 0, -1):
        joiner.add(frame(stamp_ns))
    assert joiner.add(cycle(MAX_STORED)) is not None
    assert joiner.add(cycle(MAX_STORED + 1)) is None


def test_a_frame_is_stored_for_exactly_max_wait_s() -> None:
    joiner = Joiner(1)
    joiner.add(frame(0))
    joiner.add(frame(SECOND_NS))
    assert joiner.add(cycle(0)) is not None
    joiner.add(frame(SECOND_NS + 1))
    assert joiner.add(cycle(0)) is None
    assert joiner.add(cycle(SECOND_NS)) is not None


def evidence() -> Evidence:
    scores = tuple(map(float, range(1, 100)))
    return Evidence(make_calibration(
        identity=Identity('street', 'a', 'b', 16, 0, 192, 320), alpha=.04,
        watched=('energy', 'epistemic_depth'),
        scores={'energy': scores, 'epistemic_depth': scores}, drives=tuple('abcdefgh'), frames=99,
        step_s=.25, false_alarms_per_hour=1., cusum=50., exponent=.5, software_version=''),
        max_wait_s=1)


def test_an_image_beyond_the_calibrated_range_is_a_reason_until_a_reset() -> None:
    found = evidence()
    assert found.calibration is not None
    ranged = Evidence(replace(found.calibration, image_range=ImageRange({'contrast': 50.}, {})), 1)
    for step in range(4):
        scores = Scores(step * SECOND_NS // 4, 'camera', {'energy': 1., 'image_contrast': 49.})
        for one in (found, ranged):
            one.add(scores)
            one.add(cycle(scores.stamp_ns))
    assert found.image_reasons == []
    assert [reason.level for reason in ranged.image_reasons] == [AlertLevel.WARN]
    assert 'of lower contrast' in ranged.image_reasons[0].text
    ranged.reset()
    assert ranged.image_reasons == []


def test_evidence_grows_once_a_step_at_any_frame_rate() -> None:
    slow, fast = evidence(), evidence()
    for step in range(8):
        slow.add(frame(step * SECOND_NS // 4))
        slow.add(cycle(step * SECOND_NS // 4, 1000))
    for step in range(78):  # a quarter of a step before the next one begins
        fast.add(frame(step * SECOND_NS // 40))
        fast.add(cycle(step * SECOND_NS // 40, 1000))
    assert slow.cusum.value == fast.cusum.value > 8


def test_the_slow_alarm_gets_the_median_of_each_window() -> None:
    some = replace_slow(evidence())
    for step, depth in enumerate([1000, 1, 90, 1, 1000, 1000]):  # p .02, 1, .2, 1, then the next
        some.add(frame(step * SECOND_NS // 4))
        some.add(cycle(step * SECOND_NS // 4, depth))
    expected = MixtureCusum(5)
    expected.step(1.)  # the upper median of .02, .2, 1, 1
    assert some.drift.value == expected.value
    some.reset()
    some.add(frame(99 * SECOND_NS))
    some.add(cycle(99 * SECOND_NS))
    assert some.drift.value == expected.value  # the interrupted window does not count


def replace_slow(plain: Evidence) -> Evidence:
    assert plain.calibration is not None
    return Evidence(with_values(plain.calibration, slow=5., slow_step_s=1.), 1)


def test_a_result_of_a_frame_alone_raises_no_evidence() -> None:
    alone = evidence()
    assert [alone.add(frame(step * SECOND_NS, 1000)) for step in range(9)] == [None] * 9
    assert alone.cusum.value == 0
    assert alone.exceedances == {'energy': 'too high'}


def test_without_a_calibration_only_broken_numbers_are_errors() -> None:
    blind = Evidence(None, 1)
    blind.add(frame(0, 1e9))
    assert (blind.errors, blind.exceedances) == ([], {})
    blind.add(frame(1, float('nan')))
    assert 'not a finite number: energy' in blind.errors[0].text


def test_a_watched_score_without_pixels_is_an_error_like_the_highest() -> None:
    sky, known = evidence(), evidence()
    for step in range(4):
        sky.add(frame(step * SECOND_NS))
        sky.add(Scores(step * SECOND_NS, 'camera', {'mutual_information': 1.}, 1))
        known.add(frame(step * SECOND_NS))
        known.add(cycle(step * SECOND_NS, 1000))
    reason, = sky.errors
    assert reason.level == AlertLevel.ERROR and 'broken' not in reason.text
    assert 'no pixel has a depth where epistemic_depth is measured' in reason.text
    assert sky.cusum.value == known.cusum.value > 4 and sky.p_value == .02
    sky.add(frame(9 * SECOND_NS))
    sky.add(Scores(9 * SECOND_NS, 'camera', {'mutual_information': 1., 'epistemic_depth': 1.}, 1))
    assert sky.errors == []


def test_an_unwatched_score_without_pixels_has_no_effect() -> None:
    some = evidence()
    some.add(frame(0))
    values = {'epistemic_depth': 1., 'mutual_information': 1., 'mutual_information_corridor': 1.}
    assert some.add(Scores(0, 'camera', values, 1)) == 0
    assert (some.errors, some.exceedances, some.p_value) == ([], {}, 1)


def test_a_missing_watched_score_completes_no_observation() -> None:
    some = evidence()
    some.add(frame(0))
    assert some.add(Scores(0, 'camera', {'mutual_information_left': 1.}, 1)) is None
    assert (some.errors, some.p_value) == ([], None)


def test_reset_discards_scores_and_not_evidence() -> None:
    some = evidence()
    some.add(frame(0, 1000))
    some.add(cycle(0, 1000))
    value = some.cusum.value
    some.reset()
    assert (some.statistics, some.exceedances, some.p_value) == ({}, {}, None)
    assert some.cusum.value == value == pytest.approx(1.263, abs=.001)


def test_a_cycle_is_tested_by_the_light_of_its_own_frame() -> None:
    dark = {'energy': tuple(map(float, range(1, 100))),
            'epistemic_depth': tuple(map(float, range(11, 110)))}
    plain = evidence().calibration
    assert plain
    lit = Evidence(with_values(plain, group_by='light', groups={
        'day': ScoreGroup(plain.distribution.scores, 8), 'night': ScoreGroup(dark, 8)}),
        max_wait_s=1)
    for stamp_ns, brightness in ((1, .1), (2, .5)):  # out of a tunnel
        lit.add(Scores(stamp_ns, 'camera', {'energy': 1., 'brightness': brightness}))
    lit.add(cycle(1, 105.))  # nominal at night, above every score of the day
    assert lit.exceedances == {}
    lit.add(cycle(2, 105.))
    assert lit.exceedances == {'epistemic_depth': 'too high'}
