# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""The soak test with nodes that are made up, so that every error of theirs is known."""
import json
from pathlib import Path
import subprocess
import sys
from threading import Event
import time
from typing import NamedTuple

from bdl_perception.alarm.alert_types import AlertLevel, AlertPolicy
from bdl_perception.alarm.governor import GovernorPolicy
from bdl_perception.faults import soak
from bdl_perception.faults.command_oracle import CommandRule
from bdl_perception.faults.oracle import FaultInterval, Requirement, Violation
from bdl_perception.faults.resources import (
    FlatnessPolicy,
    ResourceSample,
    ResourceSeries,
)
from bdl_perception.faults.schedule import Phase
from bdl_perception.faults.soak import SoakConfig, SoakFault, SoakRecord, SoakRun
from bdl_perception.faults.soak_evaluation import (
    evaluate_soak,
    result_document,
    SoakRules,
    write_result,
)
from bdl_perception.faults.soak_plot import draw_soak
from bdl_perception.faults.soak_sampling import BackgroundSampler
from bdl_perception.faults.waits import Wait
import psutil
import pytest

OK, WARN, ERROR, STALE = AlertLevel
BLACK = Requirement(frozenset({WARN, ERROR}), .5, 4.)
RULES = SoakRules(.2, AlertPolicy(), CommandRule(GovernorPolicy(), 20., 3.), FlatnessPolicy())


class Received(NamedTuple):
    arrival_s: float
    level: AlertLevel = OK
    reasons: tuple[str, ...] = ('a reason',)


class Moved(NamedTuple):
    arrival_s: float
    linear_m_s: float


def recorded(**changes):
    """Make the record of a correct minute with a black image from 20 to 25 s, begun at 100 s."""
    alerts = [Received(100 + step / 10, ERROR if 203 <= step <= 260 else OK)
              for step in range(601)]
    commands = [Moved(100 + step / 20, 0.) for step in range(1201)]
    series = ResourceSeries('alert_node', 7, [
        ResourceSample(100. + 5 * step, 90., 8, 20) for step in range(13)])
    values = {'alerts': alerts, 'commands': commands, 'series': [series], 'complete': True,
              'intervals': [FaultInterval('black', 120., 125., BLACK)], **changes}
    return SoakRecord(SoakConfig(Path('unused'), 1.), 100., 160., **values)


def kinds(record):
    return [violation.kind for violation in evaluate_soak(record, RULES).violations]


def test_a_correct_record_has_no_violation_and_a_summary():
    record = recorded()
    result = evaluate_soak(record, RULES)
    assert result.violations == ()
    document = result_document(record, result)
    assert document['complete'] and document['duration_s'] == 60.
    assert document['alerts'] == {'count': 601, 'OK': 543, 'ERROR': 58,
                                  'share_while_the_machine_was_late': 0.}
    assert document['faults'] == [{
        'name': 'black', 'start_s': 20., 'end_s': 25., 'required': ['ERROR', 'WARN'],
        'reaction_s': .3, 'recovery_s': 1.1}]
    assert document['resources'][0]['process'] == 'alert_node'


@pytest.mark.parametrize(('changes', 'kind'), [
    ({'alerts': [Received(100 + step / 10) for step in range(601)]}, 'wrong level'),
    ({'alerts': [one for one in recorded().alerts if not 130 < one.arrival_s < 130.5]},
     'alert is silent'),
    ({'alerts': [one._replace(level=OK) if 121 < one.arrival_s < 121.2 else one
                 for one in recorded().alerts]}, 'short error'),
    ({'alerts': [one._replace(reasons=()) for one in recorded().alerts]}, 'no reason'),
    ({'commands': [Moved(100 + step / 20, .1) for step in range(1201)]}, 'too fast'),
    ({'commands': [one for one in recorded().commands if not 130 < one.arrival_s < 131]},
     'command is silent'),
    ({'problems': [Violation('process ended', 130., 130., 1, 'alert_node')]}, 'process ended'),
    ({'series': [ResourceSeries('alert_node', 7, [
        ResourceSample(100. + 5 * step, 90., 8 + step, 20) for step in range(13)])]}, 'not flat'),
    ({'intervals': []}, 'wrong level'),
])
def test_each_kind_of_violation_is_found(changes, kind):
    assert kind in kinds(recorded(**changes))


def test_a_robot_that_moves_although_a_fault_requires_a_stop_is_found():
    spoofed = FaultInterval('second_alert', 130., 135., Requirement(
        frozenset(AlertLevel), .5, 4., stops=True))
    moving = [Moved(100 + step / 20, 3. if step > 40 else 0.) for step in range(1201)]
    found = evaluate_soak(recorded(intervals=[spoofed], commands=moving, alerts=[
        Received(100 + step / 10) for step in range(601)]), RULES).violations
    assert [one.text for one in found] == ['3.00 m/s, second_alert requires a stop']


def test_violations_are_in_the_order_of_time_and_written_with_relative_times(tmp_path):
    record = recorded(alerts=[one._replace(level=WARN) if one.arrival_s in (110., 150.) else one
                              for one in recorded().alerts],
                      problems=[Violation('test failed', 140., 141., 1, 'no sample')],
                      intervals=[*recorded().intervals,
                                 FaultInterval('white', 159.9, float('inf'), BLACK)])
    result = evaluate_soak(record, RULES)
    assert [one.start_s for one in result.violations] == [110., 140., 150.]
    write_result(record, result, tmp_path)
    document = json.loads((tmp_path / 'soak.json').read_text())
    assert [one['start_s'] for one in document['violations']] == [10., 40., 50.]
    assert document['faults'][1]['end_s'] is None


def test_stale_that_the_machine_excuses_is_counted():
    record = recorded(waits=[Wait(139.8, 140., 1.)], alerts=[
        one._replace(level=STALE) if 140 <= one.arrival_s < 141 else one
        for one in recorded().alerts])
    result = evaluate_soak(record, RULES)
    assert result.violations == ()
    assert result.late_share == 28 / 601  # 139.8 to 142.5 s


def test_the_plot_is_drawn_for_a_full_and_for_an_empty_record(tmp_path):
    record = recorded()
    draw_soak(record, (Violation('a', 130., 131., 1, 'text'),), tmp_path)
    full = (tmp_path / 'soak.png').read_bytes()
    draw_soak(SoakRecord(record.config, 100., 100.), (), tmp_path)
    empty = (tmp_path / 'soak.png').read_bytes()
    assert full.startswith(b'\x89PNG') and empty.startswith(b'\x89PNG') and full != empty
    assert [path.name for path in tmp_path.iterdir()] == ['soak.png']


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
    """Run phases of (start, duration, name) on nodes."""
    faults = [SoakFault(name, BLACK) for name in sorted({phase[2] for phase in phases})]
    monkeypatch.setattr(soak, 'make_schedule',
                        lambda *_: tuple(Phase(*phase, 0.) for phase in phases))
    monkeypatch.setattr(soak, 'make_load', lambda *_: loads)
    monkeypatch.setattr(SoakConfig, 'duration_s', duration_s)
    written = []
    run = SoakRun(nodes, SoakConfig(Path('unused'), 1.), faults, stop or Event(), written.append)
    return run.run(), written


def test_faults_are_injected_and_ended_at_their_times(monkeypatch, nodes):
    record, written = soaked(monkeypatch, nodes, [(.1, .1, 'black'), (.3, .1, 'white')])
    assert nodes.calls == [('inject', 'black'), ('clear',), ('inject', 'white'), ('clear',)]
    assert [one.name for one in record.intervals] == ['black', 'white']
    assert all(one.end_s - one.start_s >= .1 for one in record.intervals)
    assert record.intervals[1].start_s >= record.begin_s + .3
    assert record.complete and record.problems == [] and written == [record]
    assert record.end_s - record.begin_s >= .6


def test_an_error_of_the_test_is_recorded_and_the_test_goes_on(monkeypatch, nodes):
    record, _ = soaked(monkeypatch, nodes, [(.1, .1, 'broken'), (.3, .1, 'white')])
    assert [one.kind for one in record.problems] == ['test failed']
    assert 'broken could not be injected' in record.problems[0].text
    assert nodes.calls[-2:] == [('inject', 'white'), ('clear',)] and record.complete


def test_a_process_that_ends_without_a_fault_is_a_violation_and_started_again(monkeypatch, nodes):
    ended = subprocess.Popen([sys.executable, '-c', ''])
    nodes.processes['perception_node'] = psutil.Process(ended.pid)
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
    assert [one.name for one in record.intervals] == ['black']


def test_the_sampler_reports_an_error_and_goes_on():
    calls = []

    def processes():
        calls.append(1)
        if len(calls) == 1:
            raise RuntimeError('no list of processes')
        return {'own': psutil.Process()}

    sampler = BackgroundSampler(processes)
    with sampler.running():
        for _ in range(1000):
            if sampler.waits and sampler.series:
                break
            time.sleep(.02)
    assert [one.text for one in sampler.problems] == [
        "no sample of the resources: RuntimeError('no list of processes')"]
    assert sampler.series[0].samples[0].threads >= 2 and sampler.waits[0].waited_s >= 0


@pytest.mark.parametrize('minutes', [0., .4, 1441., float('nan')])
def test_a_duration_out_of_range_is_refused(minutes):
    with pytest.raises(ValueError, match='minutes is'):
        SoakConfig(Path('unused'), minutes)
