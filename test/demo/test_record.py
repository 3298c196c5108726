# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""A record is read back as it was written, also while it grows."""
from bdl_perception.demo.play import EventReader
from bdl_perception.demo.record import read_record, record_timeline, RecordWriter
import pytest

STAMP_NS = 1_700_000_000_123_456_789  # needs all its bits: a float would lose some


def test_stamps_are_read_back_exactly(tmp_path):
    writer = RecordWriter(tmp_path / 'record')
    writer.write_event('camera', stamp_ns=STAMP_NS)
    writer.write_event('depth', stamp_ns=STAMP_NS, latency_s=0.025)
    writer.write_event('alert', received_ns=STAMP_NS + 1, level=2, message='fog',
                       values={'a': '1'}, changed=True)
    writer.write_event('scores', stamp_ns=STAMP_NS, values={'energy': 1.5, 'cycle': 0})
    writer.write_event('scores', stamp_ns=STAMP_NS, values={'mutual_information': 0.5, 'cycle': 1})
    writer.write_event('status', dropped=4)
    writer.close()
    record = read_record(tmp_path / 'record')
    assert record.frame_stamps_ns == (STAMP_NS,)
    assert record.depth_latency_s == {STAMP_NS: 0.025}
    assert (record.alerts[0].received_ns, record.alerts[0].values) == (STAMP_NS + 1, {'a': '1'})
    assert record.scores[0] == {'stamp_ns': STAMP_NS, 'energy': 1.5, 'cycle': 0}
    assert (record.dropped, record.cycles) == (4, 1)


def test_a_folder_with_files_is_an_error(tmp_path):
    RecordWriter(tmp_path / 'record').close()
    with pytest.raises(FileExistsError, match='not empty'):
        RecordWriter(tmp_path / 'record')


def test_only_complete_events_are_read(tmp_path):
    path = tmp_path / 'events.jsonl'
    events = EventReader(path)
    assert list(events.read_new()) == []
    path.write_text('{"kind": "a"}\n{"ki')
    assert list(events.read_new()) == [{'kind': 'a'}]
    assert list(events.read_new()) == []
    path.write_text('{"kind": "a"}\n{"kind": "b"}\n')
    assert list(events.read_new()) == [{'kind': 'b'}]


def test_a_frame_has_the_level_of_the_alert_that_follows_it(tmp_path):
    writer = RecordWriter(tmp_path / 'record')
    for index, level in enumerate((None, 0, 2)):
        stamp_ns = STAMP_NS + index * 10**8
        writer.write_event('camera', stamp_ns=stamp_ns, latency_s=0.)
        for cycle, name in enumerate(('feature', 'epistemic_depth')):
            writer.write_event('scores', stamp_ns=stamp_ns, values={name: 3., 'cycle': cycle})
        if level is not None:
            writer.write_event('alert', received_ns=stamp_ns + 5, level=level, message='m',
                               values={'threshold_feature': '2.0', 'cusum': '1.0'}, changed=True)
    writer.close()
    timeline = record_timeline(read_record(tmp_path / 'record'))
    assert list(timeline.levels) == [3, 0, 2]
    assert list(timeline.ratios()['feature'][1:]) == [1.5, 1.5]
    assert list(timeline.scores()['epistemic_depth']) == [3., 3., 3.]
