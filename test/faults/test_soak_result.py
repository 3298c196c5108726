# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""The result of a record that is correct but for one error, which is known."""
from dataclasses import replace
import json
from pathlib import Path
from typing import NamedTuple

from bdl_perception.alarm.alert_types import AlertLevel, AlertPolicy
from bdl_perception.alarm.governor import GovernorPolicy
from bdl_perception.faults.command_oracle import CommandRule
from bdl_perception.faults.load import Wait
from bdl_perception.faults.oracle import FaultInterval, Requirement, Violation
from bdl_perception.faults.resources import (
    FlatnessPolicy,
    ResourceSample,
    ResourceSeries,
)
from bdl_perception.faults.soak import SoakConfig, SoakRecord
from bdl_perception.faults.soak_result import (
    draw_soak,
    evaluate_soak,
    Lateness,
    result_document,
    SoakRules,
    write_result,
)
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
    assert document['alerts'] == {'count': 601, 'OK': 543, 'ERROR': 58}
    assert document['verdict'] == 'pass' and document['skipped_faults'] == []
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
    ({'intervals': [FaultInterval('black', 120., 125., replace(BLACK, reason='black'))]},
     'wrong reason'),
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
    record = recorded(waits=[Wait(139.8, 140., 1., {7: 1.})], alerts=[
        one._replace(level=STALE) if 140 <= one.arrival_s < 141 else one
        for one in recorded().alerts])
    result = evaluate_soak(record, RULES)
    assert result.violations == () and result.verdict == 'inconclusive'
    # 139.8 to 142.5 s, of which STALE 1 s: one violation for one fault
    assert result.lateness == (11 / 240, 10 / 601, 1.)
    document = result_document(record, result)
    assert document['share_of_time_in_which_the_machine_was_late'] == round(11 / 240, 3)
    assert document['share_of_alerts_accepted_for_that_reason'] == round(10 / 601, 3)
    assert document['violations_for_each_fault_accepted_for_that_reason'] == 1


def test_a_late_machine_does_not_matter_when_the_nodes_meet_the_bounds_without_it():
    waits = [Wait(step, step + .25, 1., {7: 1.}) for step in range(100, 112)]
    result = evaluate_soak(recorded(waits=waits), RULES)
    assert result.lateness.time_share > .2
    assert result.violations == () and result.verdict == 'pass'
    moved = evaluate_soak(recorded(waits=waits, intervals=[]), RULES)
    assert moved.verdict == 'violations'


def test_a_missing_reason_that_the_machine_excuses_is_counted():
    named = FaultInterval('black', 120., 125., replace(BLACK, reason='the frame is blank'))
    waits = [Wait(118 + step, 119. + step, 1., {7: 1.}) for step in range(8)]
    result = evaluate_soak(recorded(waits=waits, intervals=[named]), RULES)
    assert result.violations == () and result.verdict == 'inconclusive'
    assert result.lateness.excused_alerts == 0 and result.lateness.excused_violations == 1


@pytest.mark.parametrize(('alerts', 'violations', 'inconclusive'), [
    (.05, .5, False), (.06, 0., True), (0., .51, True)])
def test_a_result_that_rests_on_the_additions_is_inconclusive(alerts, violations, inconclusive):
    assert Lateness(1., alerts, violations).is_inconclusive == inconclusive


def test_a_process_that_ran_too_short_is_named():
    short = ResourceSeries('alert_node', 7, [ResourceSample(100., 90., 8, 20)])
    assert evaluate_soak(recorded(series=[short]), RULES).not_evaluated == (
        'alert_node (pid 7, 0 s)',)
    assert evaluate_soak(recorded(), RULES).not_evaluated == ()


def test_the_plot_is_drawn_for_a_full_and_for_an_empty_record(tmp_path):
    record = recorded()
    draw_soak(record, (Violation('a', 130., 131., 1, 'text'),), tmp_path)
    full = (tmp_path / 'soak.png').read_bytes()
    draw_soak(SoakRecord(record.config, 100., 100.), (), tmp_path)
    empty = (tmp_path / 'soak.png').read_bytes()
    assert full.startswith(b'\x89PNG') and empty.startswith(b'\x89PNG') and full != empty
    assert [path.name for path in tmp_path.iterdir()] == ['soak.png']
