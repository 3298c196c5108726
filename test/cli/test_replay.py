# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""`bdl replay`: its files, an interruption, and what it refuses."""
import json
import os
import re
import signal

from bdl_perception.cli.main import main
from bdl_perception.drives import open_drive
from bdl_perception.workflows import replay_drive
import cv2
import numpy as np
import pytest
from tiny_model import make_tiny_model


@pytest.fixture(scope='module')
def model(tmp_path_factory):
    return make_tiny_model(tmp_path_factory.mktemp('models') / 'tiny')


@pytest.fixture
def images(tmp_path):
    folder, rng = tmp_path / 'drive', np.random.default_rng(0)
    folder.mkdir()
    for index in range(9):
        cv2.imwrite(str(folder / f'{index}.png'), rng.integers(0, 255, (48, 80, 3), np.uint8))
    return folder


def replay(source, model, out, *words):
    return main(['replay', str(source), '--model', str(model), '--out', str(out), '--samples', '4',
                 '--rate-hz', '10', '--backend', 'onnxruntime', *words])


def page_data(out):
    page = (out / 'report.html').read_text()
    return json.loads(re.search(r'type="application/json">(.*?)</script>', page, re.DOTALL)[1])


def test_a_replay_leaves_a_report_and_a_bag(model, images, tmp_path, capsys):
    out = tmp_path / 'out'
    assert replay(images, model, out) == 0
    assert {path.name for path in out.iterdir()} == {'report.html', 'recording', '.bdl_output'}
    assert 'report.html: 9 frames, 9 moments' in capsys.readouterr().out
    data = page_data(out)
    assert [moment['frame'] for moment in data['moments']] == list(range(9))
    assert data['notes'][0].startswith('The alarm is not armed: no calibration was loaded')
    assert dict(data['facts'])['calibration'] == 'none'
    assert len(open_drive(f'{out / "recording"}:/image/compressed')) == 9


def test_ctrl_c_leaves_a_valid_report_and_the_command_continues(model, images, tmp_path, capsys,
                                                                monkeypatch):
    out, analyse = tmp_path / 'out', replay_drive.FrameAnalyser.analyse

    def interrupt_at_four(self, frame, cycle):
        if cycle == 4:
            os.kill(os.getpid(), signal.SIGINT)
        return analyse(self, frame, cycle)

    monkeypatch.setattr(replay_drive.FrameAnalyser, 'analyse', interrupt_at_four)
    assert replay(images, model, out) == 130
    assert 'interrupted; the same command continues after frame 4' in capsys.readouterr().err
    data = page_data(out)
    assert len(data['moments']) == 4
    assert data['notes'][0] == ('The replay was interrupted after frame 4. The same command '
                                'continues it.')
    monkeypatch.undo()
    assert replay(images, model, out) == 0
    assert len(page_data(out)['moments']) == 9 and not (out / 'unfinished').exists()


def test_the_report_names_the_calibration_and_the_scores_that_it_watches(model, images, tmp_path):
    assert replay(images, model, tmp_path / 'out', '--calibration', 'street:real') == 0
    facts = dict(page_data(tmp_path / 'out')['facts'])
    assert facts['calibration'] == 'street:real'
    assert facts['watched scores'] == 'mutual information, mutual information corridor'


def test_the_help_names_the_calibration_for_real_roads(capsys):
    for command in ('replay', 'live', 'evaluate'):
        with pytest.raises(SystemExit):
            main([command, '--help'])
        assert 'street:real' in capsys.readouterr().out


def test_a_second_replay_replaces_the_first(model, images, tmp_path):
    out = tmp_path / 'out'
    assert replay(images, model, out) == replay(images, model, out, '--moments', '2') == 0
    assert len(page_data(out)['moments']) == 2


def test_files_of_the_user_are_refused_and_stay(model, images, tmp_path, capsys):
    out = tmp_path / 'mine'
    out.mkdir()
    (out / 'report.html').write_text('mine')
    assert replay(images, model, out) == 2
    assert "has 'report.html', which no earlier run wrote there" in capsys.readouterr().err
    assert (out / 'report.html').read_text() == 'mine'


@pytest.mark.parametrize(('words', 'message'), [
    (('--calibration', 'none.json'), 'none.json cannot be read')])
def test_a_wrong_value_is_one_line_and_leaves_nothing(model, images, tmp_path, capsys, words,
                                                      message):
    assert replay(images, model, tmp_path / 'out', *words) == 2
    [line] = capsys.readouterr().err.splitlines()
    assert message in line
    assert not (tmp_path / 'out').exists()


def test_a_missing_recording_is_named(model, tmp_path, capsys):
    assert replay(tmp_path / 'none.mp4', model, tmp_path / 'out') == 2
    assert 'none.mp4 does not exist' in capsys.readouterr().err
