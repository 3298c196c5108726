# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""`bdl quantise` writes a model that runs, and compares it."""
from bdl_perception.cli import quantise
from bdl_perception.cli.main import main
from bdl_perception.model_store import load_model_files
from bdl_perception.network.export import export_model
import cv2
import pytest
from tiny_network import draw_frames, make_tiny_network, tiny_statistics


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setattr(quantise, 'TIMING_ROUNDS', 2)
    network = make_tiny_network()
    export_model(tmp_path / 'model', network, tiny_statistics(network), name='tiny',
                 chunk=2, frames=draw_frames(1))
    (tmp_path / 'images').mkdir()
    for number, rgb in enumerate(draw_frames(9).numpy()):
        cv2.imwrite(str(tmp_path / 'images' / f'{number}.png'), rgb)
    return tmp_path


def run(folder, *words):
    return main(['quantise', str(folder / 'small'), '--model', str(folder / 'model'), '--data',
                 str(folder / 'images'), '--threads', '1', *words])


def test_a_quantised_model_runs_and_is_another_model(folder, capsys):
    assert run(folder) == 0
    out = capsys.readouterr().out
    assert 'interleaved ratio' in out and '1 frames' in out and 'classes that differ' in out
    before, after = (load_model_files(folder / name) for name in ('model', 'small'))
    assert after.spec.name == 'small' and after.sample == before.sample
    assert after.spec.perceive_sha256 != before.spec.perceive_sha256
    assert not after.spec.weights_sha256, 'its network is not that of weights.pt'


def test_a_model_in_the_place_of_the_folder_is_named(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(['quantise', 'street', '--data', 'images']) == 2
    assert 'street is a model: --model street' in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_scales_and_comparison_use_different_frames(folder, monkeypatch):
    used = []
    monkeypatch.setattr('bdl_perception.backends.quantisation.to_int8',
                        lambda graph, images: used.extend(images) or graph)
    assert run(folder) == 0
    assert len(used) == 8


def test_an_existing_folder_is_not_overwritten(folder, capsys):
    (folder / 'small').mkdir()
    assert run(folder) == 2
    assert 'choose a new folder' in capsys.readouterr().err
    assert not list((folder / 'small').iterdir())
