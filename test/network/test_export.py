# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
from dataclasses import replace
import hashlib
import json

from bdl_perception.backends.onnxruntime_backend import OnnxRuntimeBackend
from bdl_perception.backends.torch_backend import TorchBackend
from bdl_perception.model_store import load_model_files
from bdl_perception.network.export import (
    check_parity,
    export_graphs,
    export_model,
    relative_difference,
    replace_folder,
)
from bdl_perception.network.model import Network, NetworkConfig
from bdl_perception.perception.monte_carlo import draw_masks, merge
import numpy as np
import onnx
import pytest
from tiny_network import draw_frames, make_tiny_network, TINY, tiny_statistics
import torch

CHUNK = 2


@pytest.fixture(scope='module')
def network():
    return make_tiny_network()


@pytest.fixture(scope='module')
def statistics():
    torch.manual_seed(0)
    return tiny_statistics(make_tiny_network())


@pytest.fixture(scope='module')
def folder(network, statistics, tmp_path_factory):
    path = tmp_path_factory.mktemp('export') / 'tiny'
    export_model(path, network, statistics, name='tiny', chunk=CHUNK,
                 frames=list(draw_frames(2)))
    return path


@pytest.fixture(scope='module')
def exported(folder):
    return OnnxRuntimeBackend(load_model_files(folder), threads=1)


@pytest.fixture(scope='module')
def reference(folder, network, statistics):
    return TorchBackend(load_model_files(folder).spec, network, statistics)


def _close(found, wanted):
    for name in ('log_depth_mean', 'log_depth_m2', 'probability_sum', 'entropy_sum'):
        share = relative_difference(getattr(found, name), getattr(wanted, name))
        assert share <= 1e-4, name


def _masks(seed, samples):
    return draw_masks(seed, samples, TINY.decoder_channels, TINY.dropout_probability)


def test_the_exported_model_perceives_like_torch(exported, reference):
    for frame in draw_frames(3, seed=5).numpy():
        found, wanted = exported.perceive(frame), reference.perceive(frame)
        for name in found._fields[:-1]:
            if name == 'classes':
                assert (found.classes != wanted.classes).mean() < 1e-3
                continue
            assert relative_difference(getattr(found, name), getattr(wanted, name)) <= 1e-4, name


def test_the_exported_model_samples_like_torch(exported, reference):
    frame = draw_frames(1, seed=6)[0].numpy()
    found, wanted = exported.perceive(frame).features, reference.perceive(frame).features
    for seed in range(3):
        masks = _masks(seed, CHUNK)
        _close(exported.sample(found, masks), reference.sample(wanted, masks))


def test_masks_of_ones_give_the_deterministic_depth(exported, reference):
    frame = draw_frames(1, seed=7)[0].numpy()
    ones = [np.ones((CHUNK, channels), np.float32) for channels in TINY.decoder_channels]
    moments = exported.sample(exported.perceive(frame).features, ones)
    with torch.no_grad():
        rgb = torch.from_numpy(frame)[None].permute(0, 3, 1, 2).float()
        wanted = make_tiny_network()(rgb).log_depth[0, ::2, ::2].numpy()
    np.testing.assert_allclose(moments.log_depth_mean, wanted, rtol=1e-5)
    assert moments.log_depth_m2.max() < 1e-9


def test_merged_chunks_are_one_batch(exported, reference):
    frame = draw_frames(1, seed=8)[0].numpy()
    features = exported.perceive(frame).features
    masks = _masks(1, 3 * CHUNK)
    merged = None
    for start in range(0, 3 * CHUNK, CHUNK):
        chunk = exported.sample(features, [mask[start:start + CHUNK] for mask in masks])
        merged = chunk if merged is None else merge(merged, chunk)
    assert merged.count == 3 * CHUNK
    _close(merged, reference.sample(reference.perceive(frame).features, masks))


def test_the_graph_casts_bytes_before_it_moves_them(folder):
    # TensorRT's parser refuses uint8 in anything but a Cast.
    graph = onnx.load(folder / 'perceive.onnx').graph
    users = [node.op_type for node in graph.node if 'rgb' in node.input]
    makers = [node.op_type for node in graph.node if 'classes' in node.output]
    assert users == makers == ['Cast']


def test_graphs_are_opset_17_static_and_deterministic(folder):
    for name in ('perceive', 'sample'):
        model = onnx.load(folder / f'{name}.onnx')
        assert [entry.version for entry in model.opset_import if not entry.domain] == [17]
        for value in (*model.graph.input, *model.graph.output):
            assert all(side.dim_value > 0 for side in value.type.tensor_type.shape.dim)
        kinds = {node.op_type for node in model.graph.node}
        assert not kinds & {'Dropout', 'RandomNormalLike', 'Bernoulli', 'BatchNormalization'}


def test_model_json_holds_the_hashes_of_the_files(folder):
    described = json.loads((folder / 'model.json').read_text())
    for name in ('perceive', 'sample'):
        data = (folder / f'{name}.onnx').read_bytes()
        assert described[f'{name}_sha256'] == hashlib.sha256(data).hexdigest()


def test_a_graph_of_another_network_is_not_written(network, statistics):
    graphs = export_graphs(make_tiny_network(seed=1), statistics, CHUNK)
    with pytest.raises(RuntimeError, match='depth.*nothing was written'):
        check_parity(graphs, network, statistics, CHUNK,
                     list(draw_frames(1)))


@pytest.mark.parametrize('dropout', ['none', 'deep_encoder', 'everywhere'])
def test_a_network_without_masks_only_in_the_decoder_is_rejected(statistics, dropout):
    network = Network(replace(TINY, dropout=dropout))
    with pytest.raises(ValueError, match=f"dropout '{dropout}'.* in the decoder, and only there"):
        export_graphs(network, statistics, CHUNK)


def test_a_network_that_gives_nan_is_not_written(statistics, tmp_path):
    broken = make_tiny_network()
    with torch.no_grad():
        broken.decoder.heads.bias[0] = float('nan')
    with pytest.raises(RuntimeError, match='depth'):
        export_model(tmp_path / 'm', broken, statistics, name='m', chunk=CHUNK,
                     frames=list(draw_frames(1)))
    assert not list(tmp_path.iterdir())


def test_a_model_is_replaced_as_a_whole(tmp_path):
    folder = tmp_path / 'street'
    replace_folder(folder, {'model.json': b'1', 'old.txt': b''})
    replace_folder(folder, {'model.json': b'2'})
    assert [path.name for path in folder.iterdir()] == ['model.json']
    assert (folder / 'model.json').read_bytes() == b'2'
    assert list(tmp_path.iterdir()) == [folder]


def test_a_folder_that_is_no_model_is_never_replaced(tmp_path):
    (tmp_path / 'thesis.txt').write_text('dear')
    with pytest.raises(ValueError, match='no model folder'):
        replace_folder(tmp_path, {'model.json': b''})
    assert (tmp_path / 'thesis.txt').exists()


def test_a_failed_write_leaves_the_old_model(tmp_path):
    folder = tmp_path / 'street'
    replace_folder(folder, {'model.json': b'1'})
    with pytest.raises(OSError):
        replace_folder(folder, {'model.json': b'2', 'no/such/folder': b''})
    assert (folder / 'model.json').read_bytes() == b'1'
    assert list(tmp_path.iterdir()) == [folder]


def test_the_reference_rejects_a_model_of_another_network(folder, statistics):
    with pytest.raises(ValueError, match='not exported from this network'):
        TorchBackend(load_model_files(folder).spec, Network(NetworkConfig()), statistics)


def test_the_reference_rejects_frames_of_another_size(reference):
    with pytest.raises(ValueError, match='takes uint8'):
        reference.perceive(np.zeros((8, 8, 3), np.uint8))


def test_a_closed_reference_raises(folder, network, statistics):
    backend = TorchBackend(load_model_files(folder).spec, network, statistics)
    backend.close()
    with pytest.raises(RuntimeError, match='closed'):
        backend.perceive(draw_frames(1)[0].numpy())
