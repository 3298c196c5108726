# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
from typing import Iterable

from bdl_perception.alarm.alert import AlertMachine
from bdl_perception.alarm.alert_types import AlertLevel, AlertPolicy, AlertState
from bdl_perception.alarm.uncalibrated_camera import NOT_CALIBRATED, UncalibratedCamera
from bdl_perception.perception.data_types import Scores
from bdl_perception.perception.status import PerceptionStatus
from calibrations import IDENTITY, small_calibration
import numpy as np
import pytest

PERIOD_NS = 100_000_000
GOOD = PerceptionStatus('active', identity=IDENTITY)
REASON = (f'{NOT_CALIBRATED} (100% of the frames of the first 5 s exceed a threshold): drive '
          f'with learn:=my_camera.json, or use `bdl calibrate`')


def after(exceeding: Iterable[bool], period_ns: int = PERIOD_NS) -> UncalibratedCamera:
    camera = UncalibratedCamera()
    for index, exceeds in enumerate(exceeding):
        camera.add(index * period_ns, exceeds)
    return camera


def test_frames_that_all_exceed_for_five_seconds_are_of_another_camera() -> None:
    assert after([True] * 50).reason == ''  # 4.9 s
    assert after([True] * 51).reason == REASON


def test_one_nominal_frame_in_ten_is_allowed() -> None:
    pattern = [True] * 9 + [False]
    assert '(90% of the frames of the first 6 s' in after(pattern * 6).reason
    assert after([*pattern * 5, False]).reason == ''


def test_a_camera_that_was_nominal_meets_fog_later_and_is_never_reported() -> None:
    nominal = [False] * 6  # .6 s
    camera = after([*nominal, *[True] * 10_000])
    assert camera.reason == ''


@pytest.mark.parametrize('seed', range(20))
def test_once_below_the_share_it_is_never_reported_again(seed: int) -> None:
    rng = np.random.default_rng(seed)
    exceeding = list(rng.random(80) < .92)
    below = any(sum(exceeding[:count]) < .9 * count for count in range(51, 81))
    assert (after([*exceeding, *[True] * 300]).reason == '') == below


def test_a_nominal_end_of_the_drive_takes_the_report_back() -> None:
    assert after([*[True] * 60, *[False] * 7]).reason == ''


def test_few_frames_and_long_gaps_do_not_suffice() -> None:
    assert after([True] * 9, 10**9).reason == ''
    assert after([True] * 5, 100 * 10**9).reason == ''
    assert after([True] * 10, 10**9).reason != ''


def test_a_stamp_that_jumps_back_adds_no_time() -> None:
    camera = after([True] * 40)
    for index in range(11):
        camera.add(index * PERIOD_NS, True)
    assert camera.reason == ''  # 3.9 and 1 s; the jump itself is no time
    camera.add(11 * PERIOD_NS, True)
    assert camera.reason != ''


def drive(energies: Iterable[float], **policy: float) -> AlertState:
    """Give the state of a machine after a drive, a frame each .1 s."""
    machine, now_s = AlertMachine(AlertPolicy(recovery_s=0, **policy), small_calibration()), 0.
    for energy in energies:
        now_s += .1
        machine.update_status(now_s, GOOD)
        for cycle, values in enumerate(({'energy': energy}, {'epistemic_depth': 1.})):
            machine.update_scores(now_s, Scores(round(now_s * 1e9), 'camera', values, cycle))
    return machine.state(now_s)


def test_the_alert_stays_error_and_begins_with_the_cause() -> None:
    state = drive([19.5] * 60)
    assert state.level == AlertLevel.ERROR
    assert state.reasons[0].startswith(NOT_CALIBRATED)
    assert state.reasons[1].startswith('the scene is unlike the calibration drives')


def test_the_cause_comes_first_also_while_the_alarm_only_holds() -> None:
    state = drive([19.5] * 60 + [1.] * 2, hold_s=5)
    assert state.level == AlertLevel.ERROR
    assert state.reasons[0].startswith(NOT_CALIBRATED)


@pytest.mark.parametrize('calm', [0, 3])
def test_a_camera_that_was_never_calibrated_is_not_ok_between_alarms(calm: int) -> None:
    # 18.5 is above the threshold 18, without evidence enough for an alarm
    state = drive([18.5] * 51 + [1.] * calm, clear_s=.1)
    assert state.level == AlertLevel.WARN
    assert state.reasons[0].startswith(NOT_CALIBRATED)


def test_fog_after_a_nominal_start_has_its_own_reason_alone() -> None:
    state = drive([1.] * 10 + [19.5] * 60)
    assert state.level == AlertLevel.ERROR
    assert not any(NOT_CALIBRATED in reason for reason in state.reasons)


@pytest.mark.parametrize('energy', [float('nan')])
def test_a_broken_network_is_no_other_camera(energy: float) -> None:
    assert not any(NOT_CALIBRATED in reason for reason in drive([energy] * 60).reasons)
