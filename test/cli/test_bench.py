# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""`bdl bench` from the words to the files; no time is asserted."""
import json

from bdl_perception.bench import camera, graphs
from bdl_perception.cli.main import main
import numpy as np
import pytest
from tiny_model import make_tiny_model


@pytest.fixture
def tiny(tmp_path):
    return make_tiny_model(tmp_path / 'tiny', height=48, width=80, chunk=4)


@pytest.mark.timeout(300)  # on a machine that may be busy
def test_a_group_becomes_a_table_on_the_output_and_json_beside_it(
        tiny, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(graphs, 'SAMPLES', 4)
    out = tmp_path / 'out'
    assert main(['bench', '--only', 'graphs', '--quick', '--threads', '1', '--model', str(tiny),
                 '--out', str(out)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith('| quantity | goal | measured | met | command |')
    assert len(lines) == 2 + 5
    reported = json.loads((out / 'bench.json').read_text())
    assert reported['machine']['cores'] > 0 and reported['machine']['versions']['onnxruntime']
    rows = reported['groups']['graphs']['rows']
    times = reported['groups']['graphs']['details']['single_ms']
    ratios = np.divide(times['onnxruntime'], times['torch'])
    assert rows[1]['value'] == pytest.approx(np.median(ratios))
    assert rows[0]['value'] == pytest.approx(np.median(times['onnxruntime']))
    assert (out / 'bench.md').read_text().splitlines() == lines


def test_a_model_that_is_not_there_is_one_line_and_no_folder(tmp_path, capsys):
    out = tmp_path / 'out'
    assert main(['bench', '--model', str(tmp_path / 'none'), '--out', str(out)]) == 2
    assert 'is no folder' in capsys.readouterr().err and not out.exists()


def test_the_camera_gets_nominal_and_foggy_frames(tmp_path):
    camera.write_frames(tmp_path / 'frames.npz')
    with np.load(tmp_path / 'frames.npz') as parts:
        nominal, foggy = parts['nominal'], parts['ood']
    assert nominal.shape == (60, 384, 640, 3) and foggy.shape == (40, 384, 640, 3)
    assert nominal.std(axis=(1, 2)).min() > 1.5 * foggy.std(axis=(1, 2)).mean()  # fog is flat
