# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""Calibrating against slow definitions, and the alarm that comes of it on drives of its kind."""
import math
from typing import Any, Sequence

from bdl_perception.alarm.calibrate import calibrate
from bdl_perception.alarm.calibrate import held_out_highest
from bdl_perception.alarm.calibrate import ScoredDrive
from bdl_perception.alarm.calibrate import thin
from bdl_perception.alarm.calibrate import Wish
from bdl_perception.alarm.evidence import Observation
from bdl_perception.alarm.scores import SCORE_NAMES
from bdl_perception.alarm.sequential import ConformalCusum
from bdl_perception.alarm.status import Identity
import numpy as np
import pytest

IDENTITY = Identity('street', 'a' * 64, 'b' * 64, 16, 0, 192, 320)
WATCHED = ('energy', 'feature', 'epistemic_depth', 'mutual_information')
WISH = Wish(WATCHED, exponent=.5)
STEP_NS = 250_000_000


def drive(name: str, seed: int, count: int = 60, step_ns: int = STEP_NS,
          shift: float = 0.) -> ScoredDrive:
    draw = np.random.default_rng(seed).normal(shift, 1, (count, len(SCORE_NAMES)))
    return ScoredDrive(name, tuple(
        Observation(index * step_ns, dict(zip(SCORE_NAMES, row.tolist(), strict=True)))
        for index, row in enumerate(draw)))


def drives(how_many: int, **changes: Any) -> list[ScoredDrive]:
    return [drive(f'drive_{index}', index, **changes) for index in range(how_many)]


def test_every_observation_of_every_score_is_kept_in_order() -> None:
    scored = drives(8)
    made = calibrate(scored, IDENTITY, WISH, '1.2.3')
    for name in SCORE_NAMES:
        everything = [seen.values[name] for one in scored for seen in one.observations]
        assert list(made.scores[name]) == sorted(everything)
    assert made.drives == tuple(f'drive_{index}' for index in range(8))
    assert (made.frames, made.software_version, made.identity) == (480, '1.2.3', IDENTITY)
    assert made.refusals(IDENTITY) == ()


def test_frames_that_come_too_fast_are_thinned_drive_by_drive() -> None:
    scored = drives(8, count=240, step_ns=STEP_NS // 4)
    made = calibrate(scored, IDENTITY, WISH, '')
    assert made.frames == 8 * 240
    assert len(made.scores['energy']) == 8 * 60
    kept = thin(scored[0], .25).observations
    assert list(kept) == list(scored[0].observations[::4])


def slow_highest(thinned: Sequence[ScoredDrive], index: int) -> float:
    """Reread everything for each step: p by counting, S as the best of all runs."""
    others = [seen.values for k, one in enumerate(thinned) if k != index
              for seen in one.observations]
    gains = []
    for seen in thinned[index].observations:
        shares = [(sum(other[name] >= seen.values[name] for other in others) + 1)
                  / (len(others) + 1) for name in WATCHED]
        gains.append(math.log(.5) - .5 * math.log(min(1, len(WATCHED) * min(shares))))
    return max(sum(gains[a:b]) for b in range(len(gains) + 1) for a in range(b + 1))


def test_each_drive_is_judged_by_the_others_alone() -> None:
    scored = [*drives(4, count=20), drive('odd', 99, count=20, shift=2)]
    expected = [slow_highest(scored, index) for index in range(5)]
    assert held_out_highest(scored, WATCHED, .5) == pytest.approx(expected)
    assert expected[4] > 2 > expected[0]


def test_the_limit_is_what_the_rate_asks_for_when_drives_are_alike() -> None:
    made = calibrate(drives(20), IDENTITY, WISH, '')
    assert made.cusum_limit == pytest.approx(math.log(14400))


def test_an_odd_nominal_drive_raises_the_limit_above_itself_by_one_step() -> None:
    scored = [*drives(19), drive('odd', 99, shift=3)]
    made = calibrate(scored, IDENTITY, WISH, '')
    step = math.log(.5) - .5 * math.log(4 / (20 * 60 + 1))
    assert made.cusum_limit == pytest.approx(slow_highest(scored, 19) + step)
    assert made.cusum_limit > math.log(14400)


def test_held_out_drives_of_the_same_kind_do_not_alarm_and_changed_ones_do() -> None:
    made = calibrate(drives(20), IDENTITY, WISH, '')
    alarms, warned, count = 0, 0, 0
    for seed in range(1000, 1060):  # 60 drives of 60 s: an hour
        cusum = ConformalCusum(made.cusum_limit, made.exponent)
        for seen in drive('new', seed, count=240).observations:
            cusum.step(made.p_value(seen.values))
            alarms += cusum.alarmed
            warned += bool(made.strange(seen.values))
            count += 1
    assert alarms == 0
    assert warned / count == pytest.approx(.01, abs=.004)
    cusum, steps = ConformalCusum(made.cusum_limit, made.exponent), 0
    for seen in drive('fog', 1, shift=6).observations:
        cusum.step(made.p_value(seen.values))
        steps += not cusum.alarmed
    assert steps < 10


@pytest.mark.parametrize(('count', 'changes', 'wish', 'message'), [
    (7, {}, WISH, '7 drives, at least 8 are needed.*add 1 more'),
    (8, {'count': 10}, WISH, '80 observations.*needs 399, 319 more'),
    (8, {}, Wish(watched=('energy',)), 'at least one of'),
    (8, {}, Wish(alpha=0), 'alpha'),
    (8, {}, Wish(step_s=0), 'step_s'),
    (8, {}, Wish(exponent=1), 'exponent'),
    (8, {}, Wish(false_alarms_per_hour=0), 'false alarms')])
def test_what_cannot_be_had_is_refused(count: int, changes: dict[str, Any], wish: Wish,
                                       message: str) -> None:
    with pytest.raises(ValueError, match=message):
        calibrate(drives(count, **changes), IDENTITY, wish, '')


def test_a_drive_without_or_with_broken_scores_is_named() -> None:
    empty = ScoredDrive('hollow', ())
    with pytest.raises(ValueError, match='hollow'):
        calibrate([*drives(8), empty], IDENTITY, WISH, '')
    good = drive('spoiled', 1).observations
    for bad in ({**good[3].values, 'softmax': math.nan}, {'energy': 1.}):
        spoiled = ScoredDrive('spoiled', (*good, Observation(10**12, bad)))
        with pytest.raises(ValueError, match='spoiled, stamp 1000000000000.*softmax'):
            calibrate([*drives(8), spoiled], IDENTITY, WISH, '')
