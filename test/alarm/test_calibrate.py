# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""Calibrating against slow definitions, and the alarm that comes of it on drives of its kind."""
from dataclasses import replace
import math
from typing import Any, Sequence

from bdl_perception.alarm import calibrate as module
from bdl_perception.alarm.arming import rejection_reasons
from bdl_perception.alarm.calibrate import calibrate, leave_one_out
from bdl_perception.alarm.calibration import Calibration
from bdl_perception.alarm.calibration_config import CalibrationConfig
from bdl_perception.alarm.cusum import ConformalCusum
from bdl_perception.alarm.detection_delay import check_detection_delay
from bdl_perception.alarm.image_range import CHECKS, fit_image_range
from bdl_perception.alarm.observations import Observation, ScoredDrive, thin_drive
from bdl_perception.perception.scores import score_descriptions, SCORE_NAMES
from bdl_perception.perception.status import Identity
from calibrations import with_values
import numpy as np
import pytest

IDENTITY = Identity('street', 'a' * 64, 'b' * 64, 16, 0, 192, 320)
WATCHED = ('energy', 'feature', 'epistemic_depth', 'mutual_information')
CONFIG = CalibrationConfig(WATCHED, alpha=.01, step_s=.25, exponent=.5)
STEP_NS = 250_000_000


def drive(name: str, seed: int, count: int = 60, step_ns: int = STEP_NS,
          shift: float = 0.) -> ScoredDrive:
    draw = np.random.default_rng(seed).normal(shift, 1, (count, len(SCORE_NAMES)))
    return ScoredDrive(name, tuple(
        Observation(index * step_ns, dict(zip(SCORE_NAMES, row.tolist(), strict=True)))
        for index, row in enumerate(draw)))


def drives(how_many: int, **changes: Any) -> list[ScoredDrive]:
    return [drive(f'drive_{index}', index, **changes) for index in range(how_many)]


def test_every_observation_is_stored_in_order() -> None:
    scored = drives(8)
    made = calibrate(scored, IDENTITY, CONFIG, '1.2.3')
    for name in SCORE_NAMES:
        everything = [item.values[name] for one in scored for item in one.observations]
        assert list(made.distribution.scores[name]) == pytest.approx(sorted(everything), rel=1e-5)
        assert all(float(f'{value:.6g}') == value for value in made.distribution.scores[name])
    assert made.provenance.drives == tuple(f'drive_{index}' for index in range(8))
    assert (made.provenance.frames, made.provenance.software_version) == (480, '1.2.3')
    assert made.provenance.identity == IDENTITY
    assert rejection_reasons(made, IDENTITY) == ()


def test_an_unwatched_score_is_stored_in_part_for_every_drive(
        monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, 'MAX_UNWATCHED_OBSERVATIONS', 100)
    scored = drives(8)
    made = calibrate(scored, IDENTITY, CONFIG, '')
    assert {len(made.distribution.scores[name]) for name in WATCHED} == {480}
    selected = [item.values['entropy'] for one in scored for item in one.observations[::5]]
    assert list(made.distribution.scores['entropy']) == pytest.approx(sorted(selected), rel=1e-5)


def test_frames_that_come_too_fast_are_thinned_drive_by_drive() -> None:
    scored = drives(8, count=240, step_ns=STEP_NS // 4)
    made = calibrate(scored, IDENTITY, CONFIG, '')
    assert made.provenance.frames == 8 * 240
    selected = thin_drive(scored[0], .25).observations  # the first step may end a quarter early
    assert list(selected) == [*scored[0].observations[:1], *scored[0].observations[3::4]]
    assert len(made.distribution.scores['energy']) == 8 * len(selected)


def test_thresholds_are_of_decorrelated_scores() -> None:
    scored = [ScoredDrive(one.name, tuple(  # each frame four times
        item._replace(stamp_ns=(4 * k + twin) * STEP_NS)
        for k, item in enumerate(one.observations) for twin in range(4))) for one in drives(40)]
    made = calibrate(scored, IDENTITY, replace(CONFIG, decorrelate=True), '')
    assert all(.5 <= lag <= 1 for lag in made.provenance.decorrelation_s.values())
    assert set(made.provenance.decorrelation_s) == set(WATCHED)
    assert (made.limits.step_s, made.provenance.observed_step_s) == (.25, .25)
    assert made.provenance.score_step_s == max(made.provenance.decorrelation_s.values())
    steps = made.provenance.score_step_s / .25
    assert len(made.distribution.scores['energy']) == 40 * math.ceil(240 / steps)
    alike = calibrate(scored, IDENTITY, CONFIG, '')
    assert len(alike.distribution.scores['energy']) == 40 * 240
    assert alike.provenance.score_step_s == .25


def pictured(one: ScoredDrive, level: float) -> ScoredDrive:
    images = {f'image_{name}': level for name in CHECKS}
    return one._replace(observations=tuple(
        item._replace(values={**item.values, **images}) for item in one.observations))


def test_the_range_of_the_image_statistics_is_calibrated_where_they_are_known() -> None:
    scored = [pictured(one, 50. + index) for index, one in enumerate(drives(8))]
    made = calibrate(scored, IDENTITY, CONFIG, '')
    assert made.image_range == fit_image_range(scored)
    assert made.image_range is not None
    assert made.image_range.low['contrast'] == float(f'{50 / 1.4:.4g}')
    plain = calibrate(drives(8), IDENTITY, CONFIG, '')
    assert plain.image_range is None
    assert plain == replace(made, image_range=None)


def lit(one: ScoredDrive, brightness: float, up: float = 0.) -> ScoredDrive:
    return one._replace(observations=tuple(item._replace(values={
        **{name: value + up for name, value in item.values.items()}, 'brightness': brightness})
        for item in one.observations))


def test_day_and_night_have_thresholds_of_their_own() -> None:
    scored = [lit(one, .1 if index % 2 else .5, 5. * (index % 2))
              for index, one in enumerate(drives(20))]
    made = calibrate(scored, IDENTITY, replace(CONFIG, group_by='light'), '')
    groups = made.distribution.groups
    assert {name: len(group.scores['energy']) for name, group in groups.items()} == {
        'day': 600, 'night': 600}
    assert set(made.test.groups) == {'day', 'night'}
    day, night = (made.test.groups[group].thresholds['energy'] for group in ('day', 'night'))
    assert night - day == pytest.approx(5, abs=2)  # extremes of 600 draws each
    few = calibrate([lit(one, .1 if index < 2 else .5) for index, one in enumerate(scored)],
                    IDENTITY, replace(CONFIG, group_by='light'), '')
    assert set(few.distribution.groups) == {'day', 'night'} and set(few.test.groups) == {'day'}
    assert group_drives(made) == {'day': 10, 'night': 10}


def group_drives(made: Calibration) -> dict[str, int]:
    return {name: group.drives for name, group in made.distribution.groups.items()}


LIGHT = replace(CONFIG, group_by='light')


def test_one_drive_at_night_is_no_group_of_its_own() -> None:
    night = lit(drive('night', 99, count=500), .1)
    made = calibrate([*(lit(one, .5) for one in drives(20)), night], IDENTITY, LIGHT, '')
    assert group_drives(made) == {'day': 20, 'night': 1} and set(made.test.groups) == {'day'}
    dark = {**dict.fromkeys(WATCHED, 0.), 'brightness': .1}
    assert made.test.test_for(dark) is made.test.pooled
    assert made.fallback_reason(dark) == (
        'calibration has 1 drives of night, 8 are needed: thresholds are of all drives')


def test_pieces_of_one_night_and_tunnels_are_no_drives_at_night() -> None:
    def through_a_tunnel(one: ScoredDrive, frames: int) -> ScoredDrive:
        dark = lit(one, .1).observations[:frames]
        return one._replace(observations=(*dark, *lit(one, .5).observations[frames:]))

    pieces = [lit(one, .1)._replace(recording='one night') for one in drives(8)]
    days = [through_a_tunnel(drive(f'day_{seed}', seed), 5) for seed in range(100, 120)]
    made = calibrate([*pieces, *days], IDENTITY, LIGHT, '')
    assert group_drives(made) == {'day': 20, 'night': 1}
    longer = [through_a_tunnel(one, 6) for one in days]
    assert group_drives(calibrate([*pieces, *longer], IDENTITY, LIGHT, ''))['night'] == 21


@pytest.mark.parametrize('nights', [7, 8])
def test_a_held_out_drive_is_tested_by_the_final_groups(nights: int) -> None:
    scored = [*(lit(one, .5) for one in drives(20)),
              *(lit(drive(f'night_{seed}', seed, 80), .1, 5.) for seed in range(50, 50 + nights))]
    others = [one for one in scored[:-1] if nights < 8 or one.name.startswith('night')]
    expected = slow_highest([*others, scored[-1]], len(others))
    assert leave_one_out(scored, scored, LIGHT)[-1].fast == pytest.approx(expected, abs=1e-4)


def test_the_regions_of_the_model_decide_what_must_be_there() -> None:
    whole = replace(IDENTITY, regions='')
    made = calibrate(drives(8), whole, CONFIG, '')
    assert set(made.distribution.scores) == set(score_descriptions(()))
    with pytest.raises(ValueError, match='entropy_left'):
        calibrate(drives(8), replace(IDENTITY, regions='left=0,0 1,0 1,1'), CONFIG, '')


def slow_highest(thinned: Sequence[ScoredDrive], index: int) -> float:
    """Reread everything for each step: p by counting, S as the best of all runs."""
    others = [item.values for k, one in enumerate(thinned) if k != index
              for item in one.observations]
    gains = []
    for item in thinned[index].observations:
        shares = [(sum(other[name] >= item.values[name] for other in others) + 1)
                  / (len(others) + 1) for name in WATCHED]
        gains.append(math.log(.5) - .5 * math.log(min(1, len(WATCHED) * min(shares))))
    return max(sum(gains[a:b]) for b in range(len(gains) + 1) for a in range(b + 1))


def test_each_drive_is_tested_by_the_others_alone() -> None:
    scored = [*drives(4, count=20), drive('outlier', 99, count=20, shift=2)]
    expected = [slow_highest(scored, index) for index in range(5)]
    peaks = leave_one_out(scored, scored, CONFIG)
    assert [one.fast for one in peaks] == pytest.approx(expected, abs=1e-4)
    assert expected[4] > 2 > expected[0]


def test_the_limit_is_what_the_rate_asks_for_when_drives_are_alike() -> None:
    made = calibrate(drives(20), IDENTITY, CONFIG, '')
    assert made.limits.cusum == pytest.approx(math.log(28800))  # half an alarm in an hour
    assert made.limits.slow == pytest.approx(math.log(3600))  # and half of steps of 2 s
    assert len(made.provenance.held_out_peaks) == len(made.provenance.held_out_slow_peaks) == 20
    assert max(made.provenance.held_out_peaks) < math.log(28800)
    assert max(made.provenance.held_out_slow_peaks) < math.log(3600)


def test_steps_and_windows_of_each_drive_are_stored() -> None:
    scored = [*drives(8), drive('short', 99, count=21), drive('shorter', 98, count=8)]
    made = calibrate(scored, IDENTITY, CONFIG, '')
    # 14.75 s, 5 s and 1.75 s in windows of 2 s
    assert made.provenance.windows_per_drive == (*[7] * 8, 2, 0)
    assert made.provenance.steps_per_drive == (*[60] * 8, 21, 8)
    fast = calibrate(drives(8, count=240, step_ns=STEP_NS // 4), IDENTITY, CONFIG, '')
    assert fast.provenance.steps_per_drive == (61,) * 8  # the first step may end a quarter early


def test_one_outlier_drive_does_not_raise_the_limits() -> None:
    scored = [*drives(19), drive('odd', 99, shift=3)]
    made = calibrate(scored, IDENTITY, replace(CONFIG, slow_step_s=.5), '')
    assert made.limits == calibrate(drives(20), IDENTITY, replace(CONFIG, slow_step_s=.5),
                                    '').limits
    assert made.provenance.held_out_peaks[19] == pytest.approx(slow_highest(scored, 19), rel=1e-4)
    assert made.provenance.held_out_peaks[19] > 3 * made.limits.cusum


def outlier(score: str, count: int, level: float = 9.) -> ScoredDrive:
    """Make a drive that is extreme in one score all the time; others in another score."""
    made = drive(f'odd {score}', len(score), count=count)
    return made._replace(observations=tuple(
        item._replace(values={**item.values, score: level}) for item in made.observations))


def test_the_second_highest_drive_sets_a_limit_above_the_designed_one() -> None:
    scored = [*drives(18), outlier('energy', 60), outlier('feature', 20)]
    made = calibrate(scored, IDENTITY, replace(CONFIG, slow_step_s=.5), '')
    assert made.limits.cusum == pytest.approx(slow_highest(scored, 19), rel=1e-4)
    assert made.provenance.held_out_peaks[18] > made.limits.cusum > math.log(28800)
    assert made.limits.cusum == made.provenance.held_out_peaks[19]
    assert made.limits.slow == max(sorted(made.provenance.held_out_slow_peaks)[-2],
                                   math.log(14400))


def test_pieces_of_one_outlier_recording_do_not_raise_the_limits() -> None:
    pieces = [drive(f'odd_{seed}', seed, shift=3)._replace(recording='odd')
              for seed in (97, 98, 99)]
    made = calibrate([*drives(19), *pieces], IDENTITY, CONFIG, '')
    assert made.limits.cusum == pytest.approx(math.log(28800))


def test_a_rate_that_more_drives_may_exceed_gives_a_lower_limit() -> None:
    scored = [*drives(20), outlier('energy', 60), outlier('feature', 20),
              outlier('epistemic_depth', 12)]
    few = calibrate(scored, IDENTITY, CONFIG, '').limits
    # 323 s; one alarm in 52 s, half of them fast: 3.1 drives, times 24 / 23
    many = calibrate(scored, IDENTITY, replace(CONFIG, false_alarms_per_hour=69.), '').limits
    peaks = sorted(slow_highest(scored, index) for index in (20, 21, 22))
    assert few.cusum == pytest.approx(peaks[1], rel=1e-4)
    assert many.cusum == pytest.approx(peaks[0], rel=1e-4)


@pytest.mark.parametrize('refused', [False, True])
def test_two_drives_that_delay_error_for_too_long_are_named(refused: bool) -> None:
    count = 60 if refused else 20
    scored = [*drives(20), outlier('energy', count), outlier('feature', count)]
    if not refused:
        assert calibrate(scored, IDENTITY, CONFIG, '').limits.cusum > 20
        return
    with pytest.raises(ValueError, match=(
            r'delay of an ERROR from 1.25 s to \d.* \(allowed: \+5 s\): drives with this '
            r'evidence are odd \w+ \(\d.*\), odd \w+ \(\d.*\); remove those that')):
        calibrate(scored, IDENTITY, CONFIG, '')
    assert calibrate(scored[:-1], IDENTITY, CONFIG, '').limits.cusum == pytest.approx(
        math.log(28800))


@pytest.mark.parametrize(('minutes', 'refused'), [(1, False), (5, True)])
def test_a_drive_that_delays_the_slow_error_is_named(minutes: int,
                                                     refused: bool) -> None:
    # Higher than 97 % of the others all the time: p = .12 over four scores bets in the slow alarm.
    scored = [*drives(20, count=240), *(outlier(score, 240 * minutes, 1.9)
                                        for score in ('energy', 'feature'))]
    config = replace(CONFIG, exponent=.01)
    if not refused:
        made = calibrate(scored, IDENTITY, config, '')
        assert made.limits.slow is not None and made.limits.slow > 8.2
        return
    with pytest.raises(ValueError, match='slow ERROR from .*: drives with this evidence are odd'):
        calibrate(scored, IDENTITY, config, '')


def test_an_unreachable_error_is_rejected() -> None:
    made = with_values(calibrate(drives(20), IDENTITY, CONFIG, ''), cusum=1e6)
    with pytest.raises(ValueError, match='minimum delay of an ERROR from 1.25 s to infinity'):
        check_detection_delay(made)


def test_new_nominal_drives_do_not_alarm_and_shifted_ones_do() -> None:
    made = calibrate(drives(20), IDENTITY, CONFIG, '')
    alarms, warned, count = 0, 0, 0
    for seed in range(1000, 1060):  # 60 drives of 60 s: an hour
        cusum = ConformalCusum(made.limits.cusum, made.limits.exponent)
        for item in drive('new', seed, count=240).observations:
            cusum.step(made.test.p_value(item.values))
            alarms += cusum.alarmed
            warned += bool(made.test.exceedances(item.values))
            count += 1
    assert alarms == 0
    assert warned / count == pytest.approx(.01, abs=.004)
    cusum, steps = ConformalCusum(made.limits.cusum, made.limits.exponent), 0
    for item in drive('fog', 1, shift=6).observations:
        cusum.step(made.test.p_value(item.values))
        steps += not cusum.alarmed
    assert steps < 10


@pytest.mark.parametrize(('count', 'changes', 'config', 'message'), [
    (7, {}, CONFIG, '7 drives, at least 8 are needed.*add 1 more'),
    (8, {'count': 10}, CONFIG, '80 observations.*needs 399, 319 more; add 32 similar drives'),
    (8, {}, CalibrationConfig(watched=('energy',)), 'at least one of'),
    # .01 p ** -.99 is above 1 where p is below .00955, and p = 4 / (n + 1) is from n = 419 on
    (8, {'count': 50}, replace(CONFIG, exponent=.01),
     '400 observations.*exponent 0.01 over 4 scores .upper. needs 419, 19 more; add 1 similar'),
    (8, {'count': 20}, replace(CONFIG, tails='two_sided'),
     'needs 799, 639 more; add 32 similar drives')])
def test_insufficient_drives_are_rejected(count: int, changes: dict[str, Any],
                                          config: CalibrationConfig,
                                          message: str) -> None:
    with pytest.raises(ValueError, match=message):
        calibrate(drives(count, **changes), IDENTITY, config, '')


@pytest.mark.parametrize(('values', 'message'), [
    ({'slow_step_s': 0}, 'slow_step_s'), ({'alpha': 0}, 'alpha'), ({'step_s': 0}, '^step_s'),
    ({'exponent': 1}, 'exponent'), ({'false_alarms_per_hour': 0}, 'false alarms'),
    ({'tails': 'lower'}, 'tails'), ({'group_by': 'mood'}, 'group_by')])
def test_infeasible_settings_are_rejected(values: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        CalibrationConfig(**values)


def without(one: ScoredDrive, name: str) -> ScoredDrive:
    """Let there be nothing with a depth in its part of the third frame."""
    item = list(one.observations)
    item[2] = item[2]._replace(values={k: v for k, v in item[2].values.items() if k != name})
    return one._replace(observations=tuple(item))


def test_a_score_without_a_pixel_is_left_out_unless_it_is_watched() -> None:
    scored = drives(8)
    unwatched = calibrate([without(scored[0], 'epistemic_depth_corridor'), *scored[1:]], IDENTITY,
                          CONFIG, '')
    assert len(unwatched.distribution.scores['epistemic_depth_corridor']) == 8 * 60 - 1
    assert len(unwatched.distribution.scores['epistemic_depth']) == 8 * 60
    with pytest.raises(ValueError, match='drive_0, stamp 500000000: no pixel has a depth where .*'
                                         'epistemic_depth.* watch another score'):
        calibrate([without(scored[0], 'epistemic_depth'), *scored[1:]], IDENTITY, CONFIG, '')
    with pytest.raises(ValueError, match='drive_0, stamp 500000000.*softmax.* missing'):
        calibrate([without(scored[0], 'softmax'), *scored[1:]], IDENTITY, CONFIG, '')


def test_a_drive_of_few_frames_is_rejected() -> None:
    for short in (drive('photograph', 99, count=5),  # and forty in the time of five
                  drive('photograph', 99, count=40, step_ns=STEP_NS // 10)):
        with pytest.raises(ValueError, match='photograph has 5 observations 0.25 s apart.*6 are'):
            calibrate([*drives(8), short], IDENTITY, CONFIG, '')
    least = drive('short', 99, count=6)
    assert len(calibrate([*drives(8), least], IDENTITY, CONFIG, '').provenance.drives) == 9


def test_one_drive_under_two_names_is_rejected() -> None:
    again = drive('again', 3)._replace(name='copied')
    moved = again._replace(observations=tuple(
        item._replace(stamp_ns=item.stamp_ns + 7) for item in again.observations))
    with pytest.raises(ValueError, match='drives drive_3 and copied have the very same scores'):
        calibrate([*drives(8), moved], IDENTITY, CONFIG, '')


def test_a_drive_without_or_with_broken_scores_is_named() -> None:
    empty = ScoredDrive('hollow', ())
    with pytest.raises(ValueError, match='hollow'):
        calibrate([*drives(8), empty], IDENTITY, CONFIG, '')
    good = drive('spoiled', 1).observations
    for bad in ({**good[3].values, 'softmax': math.nan}, {'energy': 1.}):
        spoiled = ScoredDrive('spoiled', (*good, Observation(10**12, bad)))
        with pytest.raises(ValueError, match='spoiled, stamp 1000000000000.*softmax'):
            calibrate([*drives(8), spoiled], IDENTITY, CONFIG, '')
