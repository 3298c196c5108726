# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""The torch network has the architecture of the shipped model."""
from bdl_perception.bench.graphs import identity_statistics, load_torch_network
from bdl_perception.model_store import load_model_files
from bdl_perception.network.export import export_graphs, export_model
from onnx import load_model_from_string
import pytest
from tiny_model import make_tiny_model
from tiny_network import draw_frames, make_tiny_network
import torch


def kernels(graph):
    """List the shapes of all convolutions; their biases may be shared when all are zero."""
    initializers = load_model_from_string(graph).graph.initializer
    return sorted(tuple(tensor.dims) for tensor in initializers if len(tensor.dims) == 4)


@pytest.mark.slow
@pytest.mark.filterwarnings('ignore:Constant folding:UserWarning')  # as `bdl export` has it
def test_the_torch_network_has_the_convolutions_of_the_graphs():
    files = load_model_files('street')
    network, source, statistics = load_torch_network('street')
    graphs = export_graphs(network, statistics, files.spec.chunk)
    assert source in ('weights.pt', 'train_4.yaml, random weights')
    assert len(kernels(files.perceive)) > 50
    assert kernels(graphs.perceive) == kernels(files.perceive)
    assert kernels(graphs.sample) == kernels(files.sample)


def test_a_folder_with_weights_gives_the_same_network(tmp_path):
    network = make_tiny_network(3)
    statistics = identity_statistics(network)
    export_model(tmp_path / 'tiny', network, statistics, name='tiny', chunk=2,
                 frames=draw_frames(1))
    (tmp_path / 'tiny' / 'train_1.yaml').write_text('network: {height: 96, width: 160}\n')
    found, source, read = load_torch_network(tmp_path / 'tiny')
    assert source == 'weights.pt' and found.config == network.config
    assert torch.equal(read.class_whitenings, statistics.class_whitenings)
    assert torch.equal(found.decoder.heads.weight, network.decoder.heads.weight)


def test_a_folder_without_configuration_gets_the_default_network(tmp_path):
    folder = make_tiny_model(tmp_path / 'tiny', height=48, width=80)
    network, source, _ = load_torch_network(folder)
    assert (network.config.height, network.config.width) == (48, 80)
    assert 'random weights' in source and 'neither' in source


def test_a_configuration_of_another_size_is_an_error(tmp_path):
    folder = make_tiny_model(tmp_path / 'tiny', height=48, width=80)
    (folder / 'train_1.yaml').write_text('network: {height: 96, width: 160}\n')
    with pytest.raises(ValueError, match='remove the file that is wrong'):
        load_torch_network(folder)
