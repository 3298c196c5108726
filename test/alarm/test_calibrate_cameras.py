# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""One calibration of several cameras: each is peaks by its own drives, or says that it is not."""
from dataclasses import replace
import json
import math
from typing import Any, Sequence

from bdl_perception.alarm import detection_delay
from bdl_perception.alarm.alert import AlertMachine
from bdl_perception.alarm.alert_types import AlertLevel, AlertPolicy
from bdl_perception.alarm.arming import rejection_reasons
from bdl_perception.alarm.calibrate import calibrate, leave_one_out
from bdl_perception.alarm.calibrate_cameras import calibrate_cameras
from bdl_perception.alarm.calibration import Calibration
from bdl_perception.alarm.calibration_config import CalibrationConfig
from bdl_perception.alarm.calibration_io import calibration_from_dict, calibration_to_dict
from bdl_perception.alarm.image_range import CHECKS, fit_image_range
from bdl_perception.alarm.observations import Observation, ScoredDrive
from bdl_perception.perception.data_types import Scores
from bdl_perception.perception.scores import SCORE_NAMES
from bdl_perception.perception.status import Identity, PerceptionStatus
from calibrations import with_values
import numpy as np
import pytest

IDENTITY = Identity('street', 'a' * 64, 'b' * 64, 16, 0, 192, 320)
WATCHED = ('energy', 'epistemic_depth')
CONFIG = CalibrationConfig(WATCHED, alpha=.05, step_s=.25, exponent=.5, group_by='camera')
ALONE = replace(CONFIG, group_by='none')
STEP_NS = 250_000_000


def drive(camera: str | None, number: int, shift: float = 0., count: int = 30) -> ScoredDrive:
    """Give noise about shift; front and rear of one number are of one recording."""
    seed = [number, 7 if camera == 'rear' else 0]
    draw = np.random.default_rng(seed).normal(shift, 1, (count, len(SCORE_NAMES)))
    item = tuple(Observation(index * STEP_NS, dict(zip(SCORE_NAMES, row.tolist(), strict=True)))
                 for index, row in enumerate(draw))
    return ScoredDrive(f'run_{number}', item, camera, f'run_{number}')


def drives(camera: str | None, how_many: int, **changes: Any) -> list[ScoredDrive]:
    return [drive(camera, number, **changes) for number in range(how_many)]


def made_of(*scored: ScoredDrive, config: CalibrationConfig = CONFIG) -> Calibration:
    return calibrate_cameras(scored, IDENTITY, config, '0.1.0')


def threshold_by_counting(scored: Sequence[ScoredDrive], name: str) -> float:
    """Give the lowest value that at most a share alpha / 2 of n + 1 values would top."""
    values = [float(f'{item.values[name]:.6g}') for one in scored for item in one.observations]
    return min(value for value in values if sum(other > value for other in values) + 1
               <= .05 / 2 * (len(values) + 1))


def test_each_camera_has_thresholds_of_its_own_drives() -> None:
    front, rear = drives('front', 9), drives('rear', 8, shift=5)
    made = made_of(*front, *rear)
    for camera, own in (('front', front), ('rear', rear)):
        chosen = made.for_camera(camera)
        assert chosen.thresholds == {name: threshold_by_counting(own, name) for name in WATCHED}
        assert chosen.fallback_reason({'energy': 1.}) is None
        assert rejection_reasons(chosen, IDENTITY) == ()
    like_rear = dict.fromkeys(WATCHED, 5.)
    assert made.for_camera('front').test.exceedances(like_rear) == WATCHED
    assert made.for_camera('rear').test.exceedances(like_rear) == ()
    assert made.test.exceedances(like_rear) == ()


@pytest.mark.parametrize('decorrelate', [False, True])
def test_a_camera_is_calibrated_as_if_there_were_no_other(decorrelate: bool) -> None:
    front = drives('front', 20)
    slow = [one._replace(observations=tuple(  # a rear camera that sees each frame four times
        item._replace(stamp_ns=(4 * k + twin) * STEP_NS)
        for k, item in enumerate(one.observations) for twin in range(4)))
        for one in drives('rear', 8, shift=3)]
    made = made_of(*front, *slow, config=replace(CONFIG, decorrelate=decorrelate))
    for camera, own in (('front', front), ('rear', slow)):
        chosen = made.for_camera(camera)
        alone = calibrate(own, IDENTITY, replace(ALONE, decorrelate=decorrelate), '0.1.0')
        watched = {name: alone.distribution.scores[name] for name in WATCHED}
        assert chosen == replace(with_values(alone, scores=watched), camera=camera)
    steps = [made.for_camera(camera).provenance.score_step_s or 0. for camera in ('front', 'rear')]
    assert (steps[1] > steps[0]) == decorrelate


def test_each_camera_has_the_image_range_of_its_own_drives() -> None:
    def pictured(one: ScoredDrive, level: float) -> ScoredDrive:
        return one._replace(observations=tuple(item._replace(values={
            **item.values, **{f'image_{name}': level for name in CHECKS}})
            for item in one.observations))

    front = [pictured(one, 50.) for one in drives('front', 9)]
    rear, few = ([pictured(one, 90.) for one in drives('rear', count)] for count in (9, 3))
    made = made_of(*front, *rear)
    assert made.for_camera('front').image_range == fit_image_range(front)
    assert made.for_camera('rear').image_range == fit_image_range(rear)
    assert made_of(*front, *few).for_camera('rear').image_range == fit_image_range([*front, *few])


def test_extreme_drives_of_a_camera_raise_no_other_limit() -> None:
    front = drives('front', 8)
    made = made_of(*front, *drives('rear', 3, shift=9))
    alone = calibrate(front, IDENTITY, ALONE, '')
    assert made.for_camera('front').limits.cusum == alone.limits.cusum
    assert made.for_camera('front').limits.slow == alone.limits.slow
    assert made.limits.cusum > alone.limits.cusum + 1  # of all drives: the rear ones are extreme
    assert made.for_camera('rear').limits.cusum == made.for_camera('roof').limits.cusum


def test_a_pooled_limit_that_no_camera_uses_may_be_late(
        monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(detection_delay, 'MAX_ADDED_DELAY_S', .5)
    mixed = [*drives('front', 30), *drives('rear', 8, shift=9, count=50)]
    made = made_of(*mixed)
    assert made.limits.cusum > made.for_camera('front').limits.cusum + 8
    with pytest.raises(ValueError, match='ERROR from .*drives with this evidence are run_'):
        made_of(*mixed, drive('roof', 60))


def test_a_camera_with_too_few_drives_falls_back() -> None:
    made = made_of(*drives('front', 8), *drives('rear', 7, shift=5))
    values = dict.fromkeys(WATCHED, 5.)
    chosen = made.for_camera('rear')
    assert chosen.fallback_reason(values) == (
        'calibration has 7 drives of rear, 8 are needed: thresholds are of all drives')
    assert chosen.test.test_for(values).thresholds == made.test.pooled.thresholds
    assert rejection_reasons(chosen, IDENTITY) == ()
    assert made.for_camera('front').fallback_reason(values) is None
    assert made.fallback_reason(values) == (
        'the camera of the frame is not known: thresholds are of all drives')


@pytest.mark.parametrize('name', ['frnt', 'camera', 'Front', ''])
def test_an_unknown_camera_is_never_armed(name: str) -> None:
    made = made_of(*drives('front', 8), *drives('rear', 3)).for_camera(name)
    why, = rejection_reasons(made, IDENTITY)
    assert why.startswith(f'calibration knows the cameras front, rear and no {name!r}: set ')
    machine = AlertMachine(AlertPolicy(), made)
    machine.update_status(0., PerceptionStatus('active', identity=IDENTITY))
    for cycle, score in enumerate(WATCHED):
        machine.update_scores(0., Scores(1, 'camera', {score: -9.}, cycle))
    assert machine.state(0.).level == AlertLevel.STALE
    assert machine.state(0.).reasons == (f'not armed: {why}',)


def test_a_camera_with_too_few_observations_falls_back() -> None:
    strict = replace(CONFIG, alpha=.02)  # .01 for each of two scores: 99 are needed
    made = made_of(*drives('front', 8), *drives('rear', 8, count=12), config=strict)
    assert made.for_camera('rear').fallback_reason({}) == (
        'calibration has 96 observations of rear, 99 are needed: thresholds are of all drives')
    sufficient = made_of(*drives('front', 8), *drives('rear', 8, count=13), config=strict)
    assert sufficient.for_camera('rear').fallback_reason({}) is None


@pytest.mark.parametrize('tails', ['upper', 'two_sided'])
@pytest.mark.parametrize('score', [1 / 3, 2 / 3, 1e-9 / 7])
def test_a_constant_score_is_nominal(score: float, tails: Any) -> None:
    constant = [one._replace(observations=tuple(
        item._replace(values={**item.values, 'energy': score}) for item in one.observations))
        for one in drives('front', 8)]
    made = calibrate(constant, IDENTITY, replace(ALONE, tails=tails), '')
    own = replace(made.test.pooled, scores={'energy': made.distribution.scores['energy']})
    assert own.p_value({'energy': score}) == 1. and own.exceedances({'energy': score}) == {}


def test_the_alert_has_the_thresholds_of_its_camera() -> None:
    made = made_of(*drives('front', 8), *drives('rear', 3))
    states = {}
    for camera in ('front', 'rear'):
        machine = AlertMachine(AlertPolicy(), made.for_camera(camera))
        machine.update_status(0., PerceptionStatus('active', identity=IDENTITY))
        for cycle, name in enumerate(WATCHED):
            machine.update_scores(0., Scores(1, camera, {name: -9.}, cycle))
        states[camera] = machine.state(0.)
    assert states['front'].level == states['rear'].level == AlertLevel.OK
    assert states['front'].reasons == ()
    assert states['rear'].reasons == (
        'calibration has 3 drives of rear, 8 are needed: thresholds are of all drives',)
    assert states['front'].thresholds == (
        made.for_camera('front').test.pooled.thresholds) != made.test.pooled.thresholds
    assert states['rear'].thresholds == made.test.pooled.thresholds


def slow_highest(one: ScoredDrive, others: Sequence[ScoredDrive]) -> float:
    """Reread everything for each step: p by counting, S as the best of all runs."""
    rows = [item.values for other in others for item in other.observations]
    gains = []
    for item in one.observations:
        shares = [(sum(row[name] >= item.values[name] for row in rows) + 1) / (len(rows) + 1)
                  for name in WATCHED]
        gains.append(math.log(.5) - .5 * math.log(min(1, len(WATCHED) * min(shares))))
    return max(sum(gains[a:b]) for b in range(len(gains) + 1) for a in range(b + 1))


def test_pooled_drives_are_tested_by_other_recordings_alone() -> None:
    front, rear = drives('front', 8, count=20), drives('rear', 8, count=20)
    rear[3], front[3] = drive('rear', 3, 3., 20), drive('front', 3, 3., 20)  # one outlier road
    everything = [*front, *rear]
    expected = [slow_highest(one, [other for other in everything if other.name != one.name])
                for one in everything]
    assert made_of(*everything).provenance.held_out_peaks == pytest.approx(expected, abs=1e-4)
    leaked = slow_highest(front[3], [*front[:3], *front[4:], *rear])
    assert expected[3] > leaked + 5  # its own road, item by the other camera, would excuse it


def test_cameras_that_all_have_too_few_drives_are_rejected() -> None:
    with pytest.raises(ValueError, match=r'no camera has the 8 .*\(7 of front, 7 of rear\)'):
        made_of(*drives('front', 7), *drives('rear', 7))
    with pytest.raises(ValueError, match='1 drives have no camera; .*front=DRIVE'):
        made_of(*drives('front', 8), drive(None, 50))


def test_pieces_of_one_recording_count_as_one_drive() -> None:
    pieces = [one._replace(recording='run') for one in drives('front', 8)]
    with pytest.raises(ValueError, match='8 drives of front are of 1 recordings, .* 8 are needed'):
        made_of(*pieces, *drives('rear', 8))
    with pytest.raises(ValueError, match='1 drives, at least 8 .* pieces of one recording count'):
        calibrate(pieces, IDENTITY, ALONE, '')
    with pytest.raises(ValueError, match='no drive is left to test drive run_0'):
        leave_one_out(pieces, pieces, ALONE)
    made = calibrate([*pieces, *drives('rear', 7)], IDENTITY, ALONE, '')
    assert len(made.provenance.drives) == 15


def test_drives_of_several_cameras_at_once_count_once_for_being_armed() -> None:
    made = made_of(*drives('front', 8), *drives('rear', 7))
    part = made.cameras['front']
    few = replace(part.provenance, drives=part.provenance.drives[:7], held_out_peaks=(),
                  held_out_slow_peaks=(), steps_per_drive=(), windows_per_drive=())
    fewer = replace(made, cameras={**made.cameras, 'front': replace(part, provenance=few)})
    assert rejection_reasons(made, IDENTITY) == ()
    assert rejection_reasons(fewer, IDENTITY)[0].startswith('calibration has 7 drives, at least 8')


def test_a_calibration_by_camera_is_read_as_written() -> None:
    made = made_of(*drives('front', 8), *drives('rear', 2))
    again = calibration_from_dict(json.loads(json.dumps(calibration_to_dict(made))))
    assert again == made
    for camera in ('front', 'rear', 'roof'):
        assert again.for_camera(camera) == made.for_camera(camera)


@pytest.mark.parametrize(('change', 'message'), [
    (lambda part: replace(part, limits=None), 'sufficient drives of front but not its limits'),
    (lambda part: replace(part, limits=replace(part.limits, slow=None)),
     'sufficient drives of front but not its limits'),
    (lambda part: replace(part, limits=replace(part.limits, step_s=.5)), 'front have other sett'),
    (lambda part: replace(part, distribution=replace(part.distribution, alpha=.06)),
     'camera front has other settings'),
    (lambda part: replace(part, provenance=replace(part.provenance, identity=replace(
        IDENTITY, seed=1))), 'camera front is of another model')])
def test_a_camera_that_does_not_fit_the_whole_is_rejected(change: Any, message: str) -> None:
    made = made_of(*drives('front', 8), *drives('rear', 2))
    with pytest.raises(ValueError, match=message):
        replace(made, cameras={**made.cameras, 'front': change(made.cameras['front'])})
