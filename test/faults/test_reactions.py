# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""The measurement of a row, against nodes whose reaction is known to a tenth of a second."""
from dataclasses import replace

from bdl_perception.alarm.alert_types import AlertLevel
from bdl_perception.faults import reactions
from bdl_perception.faults.catalogue import select
from bdl_perception.faults.listener import AlertRecord, COMMAND_M_S, CommandRecord
from bdl_perception.faults.reactions import measure_row, measure_undetected
from bdl_perception.faults.row import Observed, UndetectedHazard
import pytest

TICK_S = .1
OK = AlertLevel.OK, ('OK',)
BLANK = AlertLevel.ERROR, ('the frame is blank',)
ROW = replace(select('black')[0], bound_s=.35)


class SimulatedRig:
    """A rig with simulated time: an alert and a velocity each tick, as a script says."""

    def __init__(self, script, recovery_s=.5, speed=lambda since_s: COMMAND_M_S):
        """script: seconds since the fault -> level and reasons."""
        self.now, self.alerts, self.commands = 100., [], []
        self._script, self._recovery_s, self._speed = script, recovery_s, speed
        self.began_s = self._cleared_s = None
        self.started_last, self.code = 'alert_node', None
        self.listener = self

    def monotonic(self):
        return self.now

    def sleep(self, duration_s):
        for _ in range(max(1, round(duration_s / TICK_S))):
            self.now += TICK_S
            self._publish()

    def _publish(self):
        level, reasons = OK
        faulty = self.began_s is not None or self._is_recovering()
        if faulty:
            level, reasons = self._script(self.now - (self.began_s or self.now))
        self.alerts.append(AlertRecord(self.now, level, reasons))
        speed = self._speed(self.now - self.began_s) if self.began_s else COMMAND_M_S
        self.commands.append(CommandRecord(self.now, speed, 0.))

    def _is_recovering(self):
        return self._cleared_s is not None and self.now < self._cleared_s + self._recovery_s

    def inject(self, name):
        self.injected, self.began_s = name, self.now
        return self.now

    def clear(self):
        self.began_s, self._cleared_s = None, self.now
        self._script = (lambda before: lambda since_s: before)(self._script(9.))
        return self.now

    def wait_for(self, predicate, timeout_s, since_s):
        return self._wait(self.alerts, predicate, self.now + timeout_s, since_s)

    def wait_for_command(self, predicate, deadline_s, since_s):
        return self._wait(self.commands, predicate, deadline_s, since_s)

    def _wait(self, records, predicate, deadline_s, since_s):
        while self.now < deadline_s:
            for record in records:
                if record.arrival_s >= since_s and predicate(record):
                    return record
            self.sleep(TICK_S)
        return None

    def exit_code(self, node):
        return self.code if self.began_s and self.now - self.began_s > .25 else None


@pytest.fixture
def measured(monkeypatch):
    """Give a function that measures a row on a simulated rig."""
    def run(row, script, **options):
        rig = SimulatedRig(script, **options)
        monkeypatch.setattr(reactions, 'time', rig)
        return measure_row(rig, row, 1)
    return run


def after(delay_s, alert=BLANK):
    return lambda since_s: alert if since_s > delay_s else OK


def test_the_reaction_is_the_time_until_the_required_alert(measured):
    result = measured(ROW, after(.25))
    assert result.median_s == pytest.approx(.3) and result.verdict == 'pass'
    assert result.repeats[0].reason == 'the frame is blank'
    assert measured(ROW, after(.45)).verdict == 'late'


def test_another_reason_is_no_reaction_and_ok_is_silent(measured):
    assert measured(ROW, after(.1, (AlertLevel.STALE, ('no scores',)))).verdict == 'no reason'
    assert measured(ROW, after(99.)).verdict == 'silent'


def test_the_level_must_be_the_required_one(measured):
    assert measured(ROW, after(.1, (AlertLevel.WARN, ('blank',)))).verdict == 'no reason'
    assert measured(ROW, after(.1, (AlertLevel.STALE, ('blank',)))).verdict == 'pass'


def test_ok_during_the_fault_is_too_early(measured):
    def flickering(since_s):
        return BLANK if .1 < since_s < .35 or since_s > 5 else OK
    assert measured(ROW, flickering).verdict == 'OK too early'
    assert measured(replace(ROW, lasts=False), flickering).verdict == 'pass'


def test_an_alert_that_is_never_ok_again_is_no_recovery(measured):
    assert measured(ROW, after(.1), recovery_s=1e6).verdict == 'no recovery'


def test_a_row_is_not_measured_when_the_alert_was_not_ok(measured, monkeypatch):
    rig = SimulatedRig(after(.1))
    rig.began_s = 1.
    monkeypatch.setattr(reactions, 'time', rig)
    result = measure_row(rig, ROW, 2)
    assert result.verdict == 'not measured' and 'the alert was not OK' in result.problem


def test_a_velocity_that_falls_is_the_reaction_of_the_governor(measured):
    row = replace(select('command_nan')[0], bound_s=.35)
    falls = measured(row, after(99.), speed=lambda since_s: 0. if since_s > .15 else COMMAND_M_S)
    assert falls.verdict == 'pass' and falls.median_s == pytest.approx(.2)
    assert measured(row, after(99.)).verdict == 'silent'


@pytest.mark.parametrize(('code', 'verdict'), [(2, 'pass'), (1, 'silent'), (None, 'silent')])
def test_only_exit_code_2_is_a_refused_parameter(measured, monkeypatch, code, verdict):
    monkeypatch.setattr(SimulatedRig, 'exit_code', lambda self, node: code)
    row = select('misspelt_parameter')[0]
    assert row.observed is Observed.EXIT and measured(row, after(99.)).verdict == verdict


def test_the_reasons_of_a_fault_without_a_required_reaction_are_reported(monkeypatch):
    hazard = UndetectedHazard('mirrored', 'mirrored', 'possible', 'silent')
    for script, expected in ((after(99.), ()), (after(.5), BLANK[1])):
        rig = SimulatedRig(script)
        monkeypatch.setattr(reactions, 'time', rig)
        assert measure_undetected(rig, hazard) == expected
        assert rig.injected == 'mirrored'
