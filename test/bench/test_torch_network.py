# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""The network for comparison has the shape that the shipped model was taught in."""
from bdl_perception.backends.model_files import load_model_files
from bdl_perception.bench.torch_network import blank_statistics
from bdl_perception.bench.torch_network import rebuild
from bdl_perception.network.export import export_graphs
from bdl_perception.network.graph_size import count_parameters
import pytest
from tiny_model import make_tiny_model


@pytest.mark.slow
@pytest.mark.filterwarnings('ignore:Constant folding:UserWarning')  # as `bdl export` has it
def test_the_network_of_the_shipped_model_has_as_many_numbers_as_its_graphs():
    files = load_model_files('street')
    network, source = rebuild('street')
    graphs = export_graphs(network, blank_statistics(network), files.spec.chunk)
    assert source == 'train_2.yaml'
    assert count_parameters(graphs.sample) == count_parameters(files.sample)
    assert count_parameters(graphs.perceive) == count_parameters(files.perceive)


def test_a_folder_without_a_configuration_gets_the_default_network_of_its_size(tmp_path):
    network, source = rebuild(make_tiny_model(tmp_path / 'tiny', height=48, width=80))
    assert (network.config.height, network.config.width) == (48, 80)
    assert 'has no train_*.yaml' in source


def test_a_configuration_of_another_size_is_refused(tmp_path):
    folder = make_tiny_model(tmp_path / 'tiny', height=48, width=80)
    (folder / 'train_1.yaml').write_text('network: {height: 96, width: 160}\n')
    with pytest.raises(ValueError, match='which is it'):
        rebuild(folder)
