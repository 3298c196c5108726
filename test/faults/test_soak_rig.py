# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""The soak test around a rig that is made up: start, failure, result."""
import json
from threading import Event
import time

from bdl_perception.alarm.alert_types import AlertLevel
from bdl_perception.faults import soak_result, soak_rig
from bdl_perception.faults.listener import AlertRecord
from bdl_perception.faults.rig import Rig
from bdl_perception.faults.soak import SoakConfig, SoakRun
from bdl_perception.faults.soak_rig import run_soak, soak_rules, SoakRig
import pytest

OK, WARN, ERROR, STALE = AlertLevel


class FakeRig:
    """A rig without processes."""

    ready, fails = True, False

    def __init__(self, folder, model):
        self.model, self.listener = model, self
        self.alerts, self.commands, self.processes = [], [], {}

    def __enter__(self):
        if self.fails:
            raise OSError('no process can be started')
        return self

    def __exit__(self, *_):
        pass

    def wait_for(self, predicate, timeout_s):
        level = OK if self.ready else STALE
        self.alerts.append(AlertRecord(time.monotonic(), level, ('no scores',)))
        return self.alerts[-1] if predicate(self.alerts[-1]) else None


@pytest.fixture
def rig(monkeypatch):
    kind = type('OneRig', (FakeRig,), {})
    monkeypatch.setattr(soak_rig, 'SoakRig', kind)
    monkeypatch.setattr(SoakRun, 'run', lambda self: self._on_progress(self.record))
    monkeypatch.setattr(soak_rig, 'OK_TIMEOUT_S', 0.)
    return kind


def soaked(folder):
    summary = run_soak(SoakConfig(folder, 1.), Event())
    return summary, json.loads((folder / 'soak.json').read_text())


def test_a_run_writes_result_and_plot(rig, tmp_path):
    summary, document = soaked(tmp_path)
    assert document['violations'] == [list_of(one) for one in summary.violations]
    assert (tmp_path / 'soak.png').exists()


def list_of(violation):
    return {**violation._asdict(), 'start_s': pytest.approx(0, abs=60),
            'end_s': pytest.approx(0, abs=60)}


def test_a_rig_that_cannot_be_started_is_a_violation_with_a_result(rig, tmp_path):
    rig.fails = True
    summary, document = soaked(tmp_path)
    assert "the test ended: OSError('no process can be started')" in [
        one.text for one in summary.violations]
    assert document['complete'] is False and (tmp_path / 'soak.png').exists()


def test_nodes_that_never_become_ok_are_a_violation_with_the_last_alert(rig, tmp_path):
    rig.ready = False
    summary, _ = soaked(tmp_path)
    [text] = [one.text for one in summary.violations if one.kind == 'test failed']
    assert 'no OK within 0 s' in text and 'no scores' in text


def test_a_plot_that_cannot_be_drawn_is_a_violation_beside_the_result(rig, tmp_path, monkeypatch):
    def draw(*_):
        raise ValueError('no font')

    monkeypatch.setattr(soak_rig, 'draw_soak', draw)
    summary, document = soaked(tmp_path)
    assert soak_result.draw_soak is not draw
    assert any("could not be drawn: ValueError('no font')" in one.text
               for one in summary.violations)
    assert len(document['violations']) == len(summary.violations)


def test_the_bounds_are_those_of_the_default_parameters():
    rules = soak_rules()
    assert rules.lease_s == .2 and rules.policy.hold_s == 2.
    assert rules.commands.rate_hz == 20. and rules.commands.commanded_m_s > 2.  # the limit at WARN
    assert rules.commands.stop_s == pytest.approx(3 / 5 + 2 * 5 / 20 + 2 / 20 + .15)


def test_the_velocity_of_the_soak_test_returns_after_a_fault_of_the_command(monkeypatch):
    class Base:

        def __enter__(self):
            self.listener = type('Listener', (), {'command': None})()
            return self

        def clear(self):
            self.listener.command = None
            return 5.

    monkeypatch.setattr(Rig, '__enter__', Base.__enter__)
    monkeypatch.setattr(Rig, 'clear', Base.clear)
    rig = SoakRig.__new__(SoakRig)
    with_command = SoakRig.__enter__(rig)
    assert with_command.listener.command().linear.x == 3.
    assert SoakRig.clear(rig) == 5. and rig.listener.command().linear.x == 3.
