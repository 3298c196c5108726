# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""A condition that comes and goes does not toggle the level, whatever the level is."""
from dataclasses import replace
from typing import Any

from bdl_perception.alarm.alert import AlertMachine
from bdl_perception.alarm.alert_types import AlertLevel, AlertPolicy
from bdl_perception.perception.data_types import Scores
from bdl_perception.perception.status import PerceptionStatus
from calibrations import IDENTITY, small_calibration
import pytest

GOOD = PerceptionStatus('active', identity=IDENTITY)
WARNED, FAULTY = replace(GOOD, warnings=('no scale',)), replace(GOOD, faults=('dark',))
INACTIVE = replace(GOOD, state='inactive')


class Camera:
    """A camera and a status at 8 Hz, whose levels are recorded."""

    def __init__(self, **policy: Any) -> None:
        """Start without a message."""
        self.machine = AlertMachine(AlertPolicy(**policy), small_calibration())
        self.now_s, self.frames_out = 0., 0
        self.reasons: tuple[str, ...] = ()

    def run(self, *statuses: PerceptionStatus) -> list[AlertLevel]:
        """Receive these statuses, each with a frame; return the levels."""
        levels = []
        for status in statuses:
            self.now_s += .125
            self.machine.update_status(self.now_s, replace(status, frames_out=self.frames_out))
            self.frames_out += 1
            for cycle, values in enumerate(({'energy': 1.}, {'epistemic_depth': 1.})):
                self.machine.update_scores(
                    self.now_s, Scores(round(self.now_s * 1e9), '', values, cycle))
            state = self.machine.state(self.now_s)
            levels.append(state.level)
            self.reasons = state.reasons
        return levels


@pytest.mark.parametrize(('policy', 'bad', 'level', 'reason'), [
    ({}, WARNED, AlertLevel.WARN, 'perception_node warned a moment ago: wait'),
    ({'warning_level': 'stale'}, WARNED, AlertLevel.STALE,
     'perception_node warned a moment ago: wait'),
    ({'tolerated_faults': 1}, FAULTY, AlertLevel.WARN,
     'perception_node reported a fault a moment ago: wait'),
    ({}, INACTIVE, AlertLevel.STALE, 'perception_node was not active a moment ago: wait 1 s')])
def test_a_status_that_alternates_gives_one_change_and_one_back(
        policy: dict[str, Any], bad: PerceptionStatus, level: AlertLevel, reason: str) -> None:
    camera = Camera(**policy)
    assert camera.run(*[GOOD] * 8)[-1] == AlertLevel.OK
    assert camera.run(*[bad, GOOD, GOOD] * 16) == [level] * 48  # 6 s
    assert camera.reasons == (reason,)
    back = camera.run(*[GOOD] * 12)
    # the last bad status counts until the next one, and 1 s (clear_s, recovery_s) from then on
    assert back == [level] * 6 + [AlertLevel.OK] * 6


def test_a_warning_without_a_level_is_not_held() -> None:
    camera = Camera(warning_level='ok')
    camera.run(*[GOOD] * 8, WARNED)
    assert camera.run(GOOD) == [AlertLevel.OK] and camera.reasons == ()


def test_a_fault_that_is_latched_has_one_reason() -> None:
    camera = Camera(hold_s=.5, clear_s=1.)
    camera.run(*[GOOD] * 8, FAULTY)
    assert camera.run(GOOD) == [AlertLevel.ERROR]
    assert len(camera.reasons) == 1 and camera.reasons[0].startswith('the alarm holds until')
    # it is WARN for the rest of clear_s, as a fault that was tolerated would be
    assert camera.run(*[GOOD] * 8) == [AlertLevel.ERROR] * 3 + [AlertLevel.WARN] * 4 + [
        AlertLevel.OK]


@pytest.mark.parametrize('period_s', [.125, .45])
def test_a_start_is_delayed_by_the_recovery_time_at_most(period_s: float) -> None:
    machine = AlertMachine(AlertPolicy(recovery_s=1.), small_calibration())
    machine.update_status(0., INACTIVE)
    found = []
    for index in range(16):  # a camera near the limit of .5 s as well
        now_s = index * period_s
        machine.update_status(now_s, GOOD)
        for cycle, name in enumerate(('energy', 'epistemic_depth')):
            machine.update_scores(now_s, Scores(round(now_s * 1e9) + 1, '', {name: 1.}, cycle))
        found.append((now_s, machine.state(now_s).level))
    assert all(level == (AlertLevel.OK if now_s >= 1 else AlertLevel.STALE)
               for now_s, level in found)


def test_a_node_that_is_active_when_the_alert_starts_is_ok_at_once() -> None:
    assert Camera().run(GOOD) == [AlertLevel.OK]
