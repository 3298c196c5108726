# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""The soak test with nodes that are made up, so that every error of theirs is known."""
import os
from pathlib import Path
import subprocess
import sys
from threading import Event
import time

from bdl_perception.alarm.alert_types import AlertLevel
from bdl_perception.faults import soak
from bdl_perception.faults.oracle import Requirement
from bdl_perception.faults.schedule import Phase, SoakFault
from bdl_perception.faults.soak import SoakConfig, SoakRun
import psutil
import pytest

BLACK = Requirement(frozenset({AlertLevel.WARN, AlertLevel.ERROR}), .5, 4.)


class FakeNodes:
    """Nodes whose processes sleep; inject and clear are recorded."""

    def __init__(self, alive):
        self.alive, self.alerts, self.commands = alive, [], []
        self.processes = {'alert_node': psutil.Process(alive.pid)}
        self.calls = []

    def inject(self, name):
        self.calls.append(('inject', name))
        if name == 'broken':
            raise RuntimeError('nothing subscribes')
        return time.monotonic()

    def clear(self):
        self.calls.append(('clear',))
        return time.monotonic()

    def restart(self, node):
        self.calls.append(('restart', node))
        self.processes[node] = psutil.Process(self.alive.pid)


@pytest.fixture
def nodes():
    alive = subprocess.Popen([sys.executable, '-c', 'input()'], stdin=subprocess.PIPE)
    yield FakeNodes(alive)
    alive.communicate(b'\n')


def soaked(monkeypatch, nodes, phases, duration_s=.6, stop=None, loads=()):
    """Run phases of (start, duration, name) on nodes; a phase that is too late is skipped."""
    faults = [SoakFault(name, BLACK) for name in sorted({phase[2] for phase in phases})]
    monkeypatch.setattr(soak, 'make_schedule',
                        lambda *_: tuple(Phase(*phase, 0.) for phase in phases))
    monkeypatch.setattr(soak, 'make_load', lambda *_: loads)
    monkeypatch.setattr(SoakConfig, 'duration_s', duration_s)
    written = []
    run = SoakRun(nodes, SoakConfig(Path('unused'), 1.), faults, stop or Event(), written.append)
    return run.run(), written


def wait_for_end(process):
    """Wait until a process has ended; it stays a zombie."""
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)


def test_faults_are_injected_and_ended_at_their_times(monkeypatch, nodes):
    record, written = soaked(monkeypatch, nodes, [(.1, .1, 'black'), (.3, .1, 'white')],
                             duration_s=2.)
    assert nodes.calls == [('inject', 'black'), ('clear',), ('inject', 'white'), ('clear',)]
    assert [one.name for one in record.intervals] == ['black', 'white']
    assert all(one.end_s - one.start_s >= .1 for one in record.intervals)
    assert record.intervals[1].start_s >= record.begin_s + .3
    assert record.complete and record.problems == [] and written == [record]
    assert record.end_s - record.begin_s >= 2


def test_an_error_of_the_test_is_recorded_and_the_test_goes_on(monkeypatch, nodes):
    record, _ = soaked(monkeypatch, nodes, [(.1, .1, 'broken'), (.3, .1, 'white')],
                       duration_s=2.)
    assert [one.kind for one in record.problems] == ['test failed']
    assert 'broken could not be injected' in record.problems[0].text
    assert nodes.calls[-2:] == [('inject', 'white'), ('clear',)] and record.complete


def test_a_process_that_ends_without_a_fault_is_a_violation_and_started_again(monkeypatch, nodes):
    ended = subprocess.Popen([sys.executable, '-c', ''])
    nodes.processes['perception_node'] = psutil.Process(ended.pid)
    wait_for_end(ended)
    record, _ = soaked(monkeypatch, nodes, [])
    ended.wait()
    assert [one.text for one in record.problems] == [
        'perception_node ended without a fault that ends it']
    assert nodes.calls == [('restart', 'perception_node')]


def test_a_process_that_a_fault_ended_is_started_again_without_a_violation(monkeypatch, nodes):
    child = subprocess.Popen([sys.executable, '-c', 'input()'], stdin=subprocess.PIPE)
    nodes.processes['perception_node'] = psutil.Process(child.pid)
    inject = nodes.inject

    def kill(name):
        child.kill()
        wait_for_end(child)
        return inject(name)

    nodes.inject = kill
    record, _ = soaked(monkeypatch, nodes, [(.1, .3, 'killed')])
    child.communicate()
    assert record.problems == [] and ('restart', 'perception_node') in nodes.calls


def test_a_stopped_run_ends_the_fault_and_is_not_complete(monkeypatch, nodes):
    stop = Event()

    def stop_at_injection(name):
        stop.set()
        return time.monotonic()

    nodes.inject = stop_at_injection
    record, written = soaked(monkeypatch, nodes, [(.1, 600., 'black'), (700., 1., 'white')],
                             duration_s=900., stop=stop)
    assert nodes.calls == [('clear',)] and not record.complete and written == [record]
    assert record.intervals[0].end_s < float('inf')


def test_a_schedule_that_is_late_ends_in_time(monkeypatch, nodes):
    record, _ = soaked(monkeypatch, nodes, [(.1, .2, 'black'), (.5, .3, 'white')])
    assert [one.name for one in record.intervals] == ['black'] and record.skipped == ['white']


@pytest.mark.parametrize('minutes', [0., .4, 1441., float('nan')])
def test_a_duration_out_of_range_is_refused(minutes):
    with pytest.raises(ValueError, match='minutes is'):
        SoakConfig(Path('unused'), minutes)
