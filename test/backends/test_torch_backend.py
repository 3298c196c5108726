# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""The torch backend of a model folder: the same numbers as its graphs, from its own file."""
import hashlib
import json

from bdl_perception.backends import open_backend
from bdl_perception.evaluation.backend_parity import BOUNDS, compare_backends
from bdl_perception.model_store import has_weights, load_model_files, ModelError, ModelOptions
from bdl_perception.network.export import export_model
import pytest
from tiny_model import make_tiny_model
from tiny_network import draw_frames, make_tiny_network, tiny_statistics


@pytest.fixture
def folder(tmp_path):
    network = make_tiny_network()
    export_model(tmp_path / 'model', network, tiny_statistics(network), name='tiny',
                 chunk=2, frames=draw_frames(1))
    return tmp_path / 'model'


def test_the_torch_backend_agrees_with_the_graphs(folder):
    reference = open_backend(folder, ModelOptions('torch', 1))
    assert reference.name == 'torch' and reference.spec == load_model_files(folder).spec
    found = compare_backends(open_backend(folder, ModelOptions('onnxruntime', 1)), reference,
                             list(draw_frames(2, seed=4).numpy()), 4, 0)
    assert found.exceeded_outputs(BOUNDS['fp32']) == []
    assert found.outputs['feature_distance'].reference_sum > 0


def edit(folder, **changes):
    path = folder / 'model.json'
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


def exchange(folder):
    path = folder / 'weights.pt'
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


@pytest.mark.parametrize(('harm', 'message'), [
    (lambda folder: (folder / 'weights.pt').unlink(), 'has no weights.pt'),
    (lambda folder: edit(folder, weights_sha256=''), 'has no weights.pt'),
    (exchange, 'weights.pt has sha256'),
    (lambda folder: edit(folder, dropout_channels=[8]), 'not exported from this network')])
def test_weights_that_do_not_match_the_graphs_are_an_error(folder, harm, message):
    harm(folder)
    with pytest.raises(ModelError, match=message):
        open_backend(folder, ModelOptions('torch', 1))


def test_weights_of_another_format_are_a_model_error(folder):
    (folder / 'weights.pt').write_bytes(b'nothing')
    edit(folder, weights_sha256=hashlib.sha256(b'nothing').hexdigest())
    with pytest.raises(ModelError, match='is no weights.pt'):
        open_backend(folder, ModelOptions('torch', 1))


def test_a_model_of_an_older_version_has_no_weights(tmp_path):
    folder = make_tiny_model(tmp_path / 'tiny')
    described = json.loads((folder / 'model.json').read_text())
    described.pop('weights_sha256', None)
    (folder / 'model.json').write_text(json.dumps(described))
    files = load_model_files(folder)
    assert files.perceive and not has_weights(files)
    with pytest.raises(ModelError, match='has no weights.pt, which torch needs'):
        open_backend(folder, ModelOptions('torch'))
