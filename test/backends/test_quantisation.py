# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""The int8 encoder: which layers are quantised, and how far the outputs change."""
from dataclasses import replace

from bdl_perception.backends.onnxruntime_backend import OnnxRuntimeBackend
from bdl_perception.backends.quantisation import encoder_nodes, to_int8
from bdl_perception.model_store import load_model_files
from bdl_perception.network.export import export_model
import numpy as np
import onnx
from onnx import helper, TensorProto
import pytest
from tiny_network import draw_frames, make_tiny_network, TINY, tiny_statistics

CONVOLUTIONS = 4  # of the tiny encoder at least, one for each scale


@pytest.fixture(scope='module')
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp('int8') / 'model'
    network = make_tiny_network()
    export_model(folder, network, tiny_statistics(network), name='tiny',
                 chunk=2, frames=draw_frames(1))
    return load_model_files(folder)


@pytest.fixture(scope='module')
def int8(files):
    return to_int8(files.perceive, list(draw_frames(8).numpy()))


def kernels(graph):
    """Count the convolutions by the type of their weights, through DequantizeLinear."""
    types = {tensor.name: tensor.data_type for tensor in graph.initializer}
    through = {node.output[0]: node.input[0] for node in graph.node
               if node.op_type == 'DequantizeLinear'}
    found = [types[through.get(node.input[1], node.input[1])] for node in graph.node
             if node.op_type == 'Conv']
    return found.count(TensorProto.INT8), found.count(TensorProto.FLOAT)


def test_the_encoder_is_int8_and_nothing_after_it(files, int8):
    whole, graph = (onnx.load_from_string(data).graph for data in (files.perceive, int8))
    small, floats = kernels(graph)
    assert small >= CONVOLUTIONS and small + floats == kernels(whole)[1]
    after = {'/project', '/decoder', '/levels', '/heads', '/cells'}
    names = encoder_nodes(whole)
    assert names and not [name for name in names if any(part in name for part in after)]
    others = [node.name for node in whole.node if node.op_type == 'Conv' and
              node.name not in names]
    assert len(others) == floats and all(any(part in name for part in after) for name in others)


def test_the_int8_model_has_the_same_tensors_and_near_values(files, int8):
    before = OnnxRuntimeBackend(files, threads=1)
    after = OnnxRuntimeBackend(replace(files, perceive=int8), threads=1)  # checks the contract
    for rgb in draw_frames(3, seed=9).numpy():
        expected, found = before.perceive(rgb), after.perceive(rgb)
        share = np.abs(found.depth - expected.depth).mean() / expected.depth.mean()
        assert 0 < share < .1
        assert (found.classes != expected.classes).mean() < .2


def test_the_scales_come_from_the_images(files, int8):
    dark = to_int8(files.perceive, [np.zeros((TINY.height, TINY.width, 3), np.uint8)] * 2)
    expected = OnnxRuntimeBackend(files, threads=1)
    rgb = draw_frames(1, seed=9)[0].numpy()

    def error(graph):
        found = OnnxRuntimeBackend(replace(files, perceive=graph), threads=1).perceive(rgb)
        return np.abs(found.log_depth_std - expected.perceive(rgb).log_depth_std).mean()
    assert error(dark) > 2 * error(int8)


def test_quantisation_without_images_is_an_error(files):
    with pytest.raises(ValueError, match='no image'):
        to_int8(files.perceive, [])


def graph_of(*nodes, output):
    return helper.make_graph(
        [helper.make_node(kind, list(inputs), [made], name=name)
         for kind, name, inputs, made in nodes], 'graph', [],
        [helper.make_tensor_value_info(output, TensorProto.FLOAT, None)])


def test_the_encoder_ends_before_the_projections():
    nodes = [('Cast', 'cast', ['rgb'], 'a'), ('Conv', 'stem', ['a', 'w'], 'b'),
             ('Relu', 'relu', ['b'], 'c'), ('Sigmoid', 'sigmoid', ['c'], 'd'),
             ('Conv', 'project', ['d', 'w'], 'e'), ('Relu', 'end', ['e'], 'features_0'),
             ('Conv', 'heads', ['features_0', 'w'], 'depth')]
    assert sorted(encoder_nodes(graph_of(*nodes, output='features_0'))) == ['relu', 'stem']
    with pytest.raises(ValueError, match='no named convolution'):
        encoder_nodes(graph_of(*nodes, output='depth'))
    with pytest.raises(ValueError, match='no named convolution'):
        encoder_nodes(graph_of(('Conv', 'only', ['rgb', 'w'], 'features_0'),
                               output='features_0'))
