# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""The verdicts of the rows, and the page that is made of them."""
import json

from bdl_perception.faults.catalogue import CATALOGUE, select, TESTED, UNDETECTED
from bdl_perception.faults.row import Repeat, RowResult
from bdl_perception.faults.table import make_document, page, Run, write_table
import pytest
from source_tree import ROOT

RUN = Run('1.2.3', 'abc1234', '2026-01-02', 'a processor, 2 cores, Linux', .5, 20)
ROW = select('camera_stops')[0]
PAGE, DOCUMENT = ROOT / 'docs' / 'faults.md', ROOT / 'docs' / 'faults.json'


def result(*reactions_s, bound_s=.35, **changes):
    repeats = tuple(Repeat(one, .5, **changes) for one in reactions_s)
    return RowResult('camera_stops', repeats, bound_s)


@pytest.mark.parametrize(('measured', 'verdict'), [
    (result(.1, .2, .35), 'pass'), (result(.1, .36), 'late'),
    (result(.1, None), 'silent'), (result(.1, None, worst=2), 'no reason'),
    (result(.1, lasted=False), 'OK too early'),
    (RowResult('camera_stops', (Repeat(.1, None),), .35), 'no recovery'),
    (RowResult('camera_stops', (Repeat(.1, .5),), .35, problem='no OK'), 'not measured'),
    (RowResult('camera_stops', (), .35), 'not measured')])
def test_a_row_passes_only_if_every_repeat_does(measured, verdict):
    assert measured.verdict == verdict


def test_a_fault_that_need_not_last_may_be_followed_by_ok():
    repeats = (Repeat(.1, .5, lasted=False),)
    assert RowResult('camera_stops', repeats, .35, lasts=False).verdict == 'pass'


def test_median_and_worst_are_those_of_the_repeats():
    assert result(.1, .3, .2).median_s == pytest.approx(.2)
    assert result(.1, .3, .2).worst_s == pytest.approx(.3)
    assert result(.1, None).worst_s is None


def test_the_page_has_a_line_for_each_row_with_its_times():
    document = make_document(RUN, [ROW], {ROW.name: result(.1, .3)},
                             {'blur_mild': [(), ('a reason',)]})
    text = page(document)
    line, = (line for line in text.splitlines() if line.startswith(f'| {ROW.hazard} |'))
    assert '| STALE | 0.35 | 0.20 | 0.30 | 2 | pass |' in line
    assert '1 of 1 rows pass.\n' in text and 'Failing' not in text
    assert 'commit abc1234), 2026-01-02' in text
    assert '| OK in 1 of 2; a reason |' in text
    assert all(hazard.hazard in text for hazard in (*TESTED, *UNDETECTED))


def test_a_row_that_fails_is_named():
    document = make_document(RUN, [ROW], {ROW.name: result(.1, None)}, {})
    assert document['failing'] == ['camera_stops']
    assert 'Failing: camera_stops.' in page(document) and '**silent**' in page(document)


def test_the_files_are_those_of_the_document(tmp_path):
    document = make_document(RUN, [ROW], {ROW.name: result(.1)}, {})
    write_table(tmp_path, document)
    assert json.loads((tmp_path / 'faults.json').read_text()) == document
    assert (tmp_path / 'faults.md').read_text() == page(document)


def test_the_committed_page_has_every_row_of_the_catalogue():
    document = json.loads(DOCUMENT.read_text(encoding='utf-8'))
    columns = ('name', 'hazard', 'detection', 'bound_s', 'before', 'test')
    assert [[entry[name] for name in columns] for entry in document['rows']] == [
        [getattr(row, name) for name in columns] for row in CATALOGUE]
    assert {entry['name'] for entry in document['rows'] if entry['verdict'] != 'pass'} == set(
        document['failing'])
    assert PAGE.read_text(encoding='utf-8') == page(document)
