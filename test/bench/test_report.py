# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""Table, command and JSON of a benchmark."""
import json
import math
from pathlib import Path

from bdl_perception.bench.report import bench_command, markdown_table, write_report
from bdl_perception.bench.row import BenchSettings, GroupResult, Row
import pytest

RESULTS = {'graphs': GroupResult([Row('perceive', 12.0, 'ms', 15.0), Row('samples', 7.5, 'ms')]),
           'node': GroupResult([Row('frames lost', 3, '', 0, note='of 300')])}


def test_the_table_is_this_text():
    assert markdown_table(RESULTS, BenchSettings(Path('out'))) == """\
| quantity | goal | measured | met | command |
| --- | --- | --- | --- | --- |
| perceive | <= 15 ms | 12 ms | yes | `bdl bench --only graphs` |
| samples | none | 7.5 ms |  | `bdl bench --only graphs` |
| frames lost | <= 0 | 3; of 300 | **no** | `bdl bench --only node` |"""


@pytest.mark.parametrize(('changes', 'command'), [
    ({}, 'bdl bench --only memory --minutes 10'),
    ({'minutes': 2.5}, 'bdl bench --only memory --minutes 2.5'),
    ({'threads': 1}, 'bdl bench --only memory --threads 1 --minutes 10'),
    ({'quick': True}, 'bdl bench --only memory --quick'),
    ({'model': './mine'}, 'bdl bench --only memory --model ./mine --minutes 10')])
def test_the_command_measures_the_group_again(changes, command):
    assert bench_command('memory', BenchSettings(Path('out'), **changes)) == command


def test_the_json_has_rows_details_plots_and_machine(tmp_path):
    results = {**RESULTS, 'memory': GroupResult([Row('largest', math.nan, 'MB', 400.0)],
                                                {'rss_mb': [1.5]}, ['memory.png'])}
    write_report(results, BenchSettings(tmp_path), {'cores': 2})
    document = json.loads((tmp_path / 'bench.json').read_text())
    assert document['machine'] == {'cores': 2} and list(document['groups']) == list(results)
    memory = document['groups']['memory']
    assert (memory['rows'][0]['value'], memory['rows'][0]['met']) == (None, False)
    assert (memory['details'], memory['plots']) == ({'rss_mb': [1.5]}, ['memory.png'])
    assert (tmp_path / 'bench.md').read_text().count('\n') == 6
    assert sorted(path.name for path in tmp_path.iterdir()) == ['bench.json', 'bench.md']


@pytest.mark.parametrize('changes', [{'minutes': 0}, {'threads': 0}])
def test_zero_minutes_and_zero_threads_are_errors(changes):
    with pytest.raises(ValueError, match=' is 0, must lie in'):
        BenchSettings(Path('out'), **changes)
