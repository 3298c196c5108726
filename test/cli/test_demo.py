# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""The segments and the sheet of `bdl demo`."""
import json
from pathlib import Path

from bdl_perception.cli.demo import absolute_calibration, read_segments, sheet_times_s
from bdl_perception.cli.main import main
from bdl_perception.demo.record import read_record, RecordWriter
from bdl_perception.drives import BUNDLED_VIDEO
from bdl_perception.drives.description import Segment
from bdl_perception.model_store import shipped_models
from bdl_perception.perception.backend import DEFAULT_MODEL, DEMO_MODEL
import pytest

FOG, DIRT = Segment('fog', 16., 26., held_out=True), Segment('dirt', 38., 46., held_out=True)


def test_the_segments_that_must_alarm_are_beside_a_video(tmp_path):
    part = {'name': 'fog', 'start_s': 16.0, 'end_s': 26.0}
    (tmp_path / 'drive.json').write_text(json.dumps({'must_alarm': [part]}))
    assert read_segments(tmp_path / 'drive.mp4') == [FOG]


def test_at_half_the_rate_segments_are_twice_as_late_and_long(tmp_path):
    part = {'name': 'fog', 'start_s': 16.0, 'end_s': 26.0}
    (tmp_path / 'drive.json').write_text(json.dumps({'must_alarm': [part]}))
    assert read_segments(tmp_path / 'drive.mp4', 2.) == [Segment('fog', 32., 52., held_out=True)]


def test_without_a_description_no_segment_must_alarm(tmp_path):
    assert read_segments(tmp_path / 'drive.mp4') == []


@pytest.mark.parametrize('text', [
    '{', '[]', '3', '{"version": "5.4", "frames": []}', '{"must_alarm": 3}', '[' * 99999,
    '{"must_alarm": [{"name": "fog"}]}', '{"must_alarm": [{"name": 1, "start_s": null}]}'])
def test_the_json_of_another_tool_has_no_segments(tmp_path, text):
    (tmp_path / 'drive.json').write_text(text)
    assert read_segments(tmp_path / 'drive.mp4') == []


@pytest.mark.parametrize('words', [(), ('--model', 'none'), ('--input', 'none.mp4')])
def test_files_of_the_user_are_refused_and_stay(tmp_path, monkeypatch, capsys, words):
    monkeypatch.chdir(tmp_path)
    for name in ('logs/mine.log', 'record/mine.bag', 'summary.json'):
        Path(name).parent.mkdir(exist_ok=True)
        Path(name).write_text('mine')
    assert main(['demo', '--out', '.', *words]) == 2
    assert len(capsys.readouterr().err.splitlines()) == 1
    assert [Path(name).read_text() for name in (
        'logs/mine.log', 'record/mine.bag', 'summary.json')] == ['mine'] * 3


def test_the_bundled_drive_is_small_and_has_two_segments():
    assert BUNDLED_VIDEO.stat().st_size < 6e6
    assert len(read_segments(BUNDLED_VIDEO)) == 2


def test_the_sheet_shows_each_level_of_the_alert_and_the_peak_of_an_error(tmp_path):
    writer = RecordWriter(tmp_path / 'record')
    for index in range(60):
        stamp_ns, error = 10**18 + index * 100_000_000, 20 <= index < 40
        writer.write_event('camera', stamp_ns=stamp_ns, latency_s=0.)
        writer.write_event('scores', stamp_ns=stamp_ns, values={
            'feature': 9. if index == 33 else 3., 'cycle': 0})
        writer.write_event('alert', received_ns=stamp_ns + 1, level=2 * error, message='',
                           values={'threshold_feature': '2.0'}, changed=False)
    writer.close()
    times_s = sheet_times_s(read_record(tmp_path / 'record'))
    assert 5 <= len(times_s) <= 6 and times_s == sorted(times_s)
    assert [round(at_s, 1) for at_s in times_s if 2 <= at_s < 4 and at_s > 3.2][0] == 3.3
    assert any(at_s < 2 for at_s in times_s) and any(at_s >= 4 for at_s in times_s)


def test_the_default_models_are_shipped():
    assert {DEFAULT_MODEL, DEMO_MODEL} <= set(shipped_models())


def test_a_calibration_is_a_file_or_a_shipped_name(monkeypatch, tmp_path, capsys):
    monkeypatch.chdir(tmp_path)
    assert absolute_calibration('mine.json') == str(tmp_path / 'mine.json')
    assert absolute_calibration('street:real') == 'street:real' and not absolute_calibration('')
    assert main(['demo', '--calibration', 'mine.json']) == 2
    assert 'mine.json cannot be read' in capsys.readouterr().err
    assert not (tmp_path / 'demo').exists()
