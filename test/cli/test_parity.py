# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""`bdl parity` from arguments to a table and an exit code."""
import json

from bdl_perception import backends
from bdl_perception.backends.onnxruntime_backend import OnnxRuntimeBackend
from bdl_perception.cli import parity as command
from bdl_perception.cli.main import main
from bdl_perception.network.export import export_model, scale_sigma
from bdl_perception.training.checkpoint import Checkpoint, Progress, write_checkpoint
from bdl_perception.training.config import TrainConfig
import numpy as np
import pytest
from tiny_model import make_tiny_model
from tiny_network import draw_frames, make_tiny_network, TINY, tiny_statistics


def parity(*words):
    return main(['parity', '--backend', 'onnxruntime', '--threads', '1', *map(str, words)])


@pytest.fixture(scope='module')
def run(tmp_path_factory):
    """Write two checkpoints and export the first one as `bdl export` does; returns the folder."""
    folder = tmp_path_factory.mktemp('run')
    for seed in (0, 1):
        network = make_tiny_network(seed)
        write_checkpoint(folder / f'{seed}.pt', Checkpoint(
            TrainConfig(network=TINY), network.state_dict(), {}, {}, Progress()))
    network = make_tiny_network(0)
    scale_sigma(network, .6)
    export_model(folder / 'model', network, tiny_statistics(network), name='tiny', chunk=2,
                 frames=draw_frames(1))
    return folder


def test_the_shipped_model_is_compared_on_the_bundled_drive(capsys):
    assert parity('--reference', 'onnxruntime', '--frames', 1, '--samples', 4) == 0
    out = capsys.readouterr().out
    assert 'ONNX Runtime on the CPU with its optimisations off' in out
    assert '1 frames' in out and 'epistemic_log_depth_std' in out and out.endswith('in bounds\n')


def test_a_script_reads_the_comparison_as_json(run, capsys):
    words = ('--model', run / 'model', '--reference', 'onnxruntime', '--frames', 1, '--samples', 4)
    assert parity(*words, '--json') == 0
    found = json.loads(capsys.readouterr().out)
    assert (found['model'], found['backend'], found['frames']) == ('tiny', 'onnxruntime', 1)
    assert found['out_of_bounds'] == [] and found['class_flips'] == 0
    shares = [output['max_error_share'] for output in found['outputs'].values()]
    assert len(shares) > 5 and all(share <= found['bounds']['max_error'] for share in shares)


def test_a_model_is_compared_with_its_checkpoint(run, capsys):
    """Also what the export added: the scale of sigma and the feature statistics."""
    assert parity('--model', run / 'model', '--checkpoint', run / '0.pt',
                  '--frames', 1, '--samples', 4) == 0
    assert 'against torch' in capsys.readouterr().out


@pytest.mark.parametrize('words', [('--reference', 'torch'), ()])
def test_a_model_is_compared_with_its_own_network(run, capsys, words):
    assert parity('--model', run / 'model', *words, '--frames', 1, '--samples', 4) == 0
    assert 'against torch' in capsys.readouterr().out


def test_without_torch_the_reference_is_onnx_runtime(run, tmp_path, monkeypatch, capsys):
    tiny = make_tiny_model(tmp_path / 'tiny')
    assert parity('--model', tiny, '--frames', 1, '--samples', 4) == 0
    assert 'against ONNX Runtime' in capsys.readouterr().out
    assert parity('--model', tiny, '--reference', 'torch') == 2
    assert 'has no weights.pt' in capsys.readouterr().err
    monkeypatch.setattr(command, 'find_spec', lambda library: None)
    assert parity('--model', run / 'model', '--frames', 1, '--samples', 4) == 0
    assert 'against ONNX Runtime' in capsys.readouterr().out


def test_another_networks_checkpoint_is_out_of_bounds(run, capsys):
    assert parity('--model', run / 'model', '--checkpoint', run / '1.pt',
                  '--frames', 1, '--samples', 4) == 1
    assert 'out of bounds: depth, ' in capsys.readouterr().out


def test_a_backend_out_of_bounds_exits_with_one(tmp_path, monkeypatch, capsys):
    class Off(OnnxRuntimeBackend):

        def perceive(self, rgb):
            raw = super().perceive(rgb)
            return raw._replace(entropy=raw.entropy + np.float32(.1))

    monkeypatch.setitem(backends.BACKENDS, 'onnxruntime', lambda files, options: Off(files, 1))
    model = make_tiny_model(tmp_path / 'tiny')
    assert parity('--model', model, '--frames', 1, '--samples', 4) == 1
    assert capsys.readouterr().out.endswith('out of bounds: entropy\n')


def test_the_bounds_are_those_of_the_actual_precision(tmp_path, monkeypatch, capsys):
    class Coarse(OnnxRuntimeBackend):

        def perceive(self, rgb):
            raw = super().perceive(rgb)
            return raw._replace(depth=raw.depth * np.float32(1.01))  # float16 may be so far off

    monkeypatch.setitem(backends.BACKENDS, 'onnxruntime', lambda files, options: Coarse(files, 1))
    words = '--model', make_tiny_model(tmp_path / 'tiny'), '--frames', 1, '--samples', 4
    assert parity(*words, '--precision', 'fp16') == 1
    assert 'in fp32' in capsys.readouterr().out
    monkeypatch.setattr(Coarse, 'precision', 'fp16')
    assert parity(*words) == 0
    assert 'in fp16' in capsys.readouterr().out


def test_a_foreign_graph_cannot_take_a_checkpoint(run, tmp_path, capsys):
    model = make_tiny_model(tmp_path / 'tiny')
    assert parity('--model', model, '--checkpoint', run / '0.pt') == 2
    wanted = ('holds no cells.means, cells.origin, cells.projection, cells.whitenings, mean, '
              'network.decoder.heads.bias, whitening')
    assert wanted in capsys.readouterr().err
