# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""The float16 conversion: which nodes it changes, and how far the outputs change."""
from bdl_perception.backends.tensorrt.fp16 import fp16_nodes, to_fp16
from bdl_perception.drives import open_drive
from bdl_perception.model_store import load_model_files, SHIPPED_MODELS_FOLDER
from bdl_perception.perception.image_geometry import fit_image
from bdl_perception.perception.monte_carlo import draw_masks
import numpy as np
import onnx
from onnx import helper, numpy_helper, TensorProto
import onnxruntime
import pytest

FILES = load_model_files('street')
VIDEO = SHIPPED_MODELS_FOLDER.parent / 'demo' / 'street_fog_dirt.mp4'
GRAPHS = {'perceive': FILES.perceive, 'sample': FILES.sample}
MEAN_SHARE = .005  # of an output's mean size, on frames like those of training
SENSITIVE = {'Exp', 'Log', 'Sqrt', 'Div', 'Softmax', 'ReduceMax', 'ReduceMean', 'ReduceSum',
             'ArgMax', 'MatMul', 'AveragePool'}
CASTS = {'perceive': 12, 'sample': 9}  # that the conversion adds: one where the types meet


@pytest.fixture(scope='module')
def halves():
    return {name: to_fp16(graph) for name, graph in GRAPHS.items()}


def types_of(model):
    """Map every tensor to its type, as ONNX infers it."""
    graph = onnx.shape_inference.infer_shapes(model, strict_mode=True).graph
    known = {value.name: value.type.tensor_type.elem_type
             for value in (*graph.value_info, *graph.input, *graph.output)}
    return known | {tensor.name: tensor.data_type for tensor in graph.initializer}


@pytest.mark.parametrize('name', GRAPHS)
def test_all_convolutions_but_the_last_become_float16(halves, name):
    model = onnx.load_from_string(halves[name])
    types = types_of(model)
    convolutions = [types[node.output[0]] for node in model.graph.node if node.op_type == 'Conv']
    *others, heads = convolutions
    assert heads == TensorProto.FLOAT and len(others) > 4
    assert set(others) == {TensorProto.FLOAT16}
    sensitive = [node for node in model.graph.node if node.op_type in SENSITIVE]
    assert len(sensitive) >= 15
    for node in sensitive:
        for tensor in (*node.input, *node.output):
            assert types.get(tensor) != TensorProto.FLOAT16, f'{node.op_type} {node.name}'


def test_cell_features_are_averaged_and_joined_in_float32(halves):
    """Only a float32 product follows, so half would round them and save nothing."""
    model = onnx.load_from_string(halves['perceive'])
    makers = {output: node for node in model.graph.node for output in node.output}
    types = types_of(model)
    joined, = [node for node in model.graph.node if node.op_type == 'Concat' and 'AveragePool' in [
        makers[name].op_type for name in node.input if name in makers]]
    assert [makers[name].op_type for name in joined.input].count('AveragePool') == 2
    assert {types[name] for name in (*joined.input, *joined.output)} == {TensorProto.FLOAT}
    constants = [name for name in types if name.startswith('cells.')]
    assert len(constants) == 4 and {types[name] for name in constants} == {TensorProto.FLOAT}


@pytest.mark.parametrize('name', GRAPHS)
def test_few_casts_are_inserted(halves, name):
    before, after = ([node.op_type for node in onnx.load_from_string(graphs[name]).graph.node]
                     for graphs in (GRAPHS, halves))
    assert after.count('Cast') - before.count('Cast') <= CASTS[name]


@pytest.mark.parametrize('name', GRAPHS)
def test_no_output_is_float16_after_the_last_convolution(halves, name):
    """Else a moment of 1e-7 would be rounded away, though its reduction was in float32."""
    model = onnx.load_from_string(halves[name])
    makers = {output: node for node in model.graph.node for output in node.output}
    for output in model.graph.output:
        if output.name.startswith('features_') and output.name != 'feature_distance':
            continue
        waiting, visited = [output.name], set()
        while waiting:
            node = makers.get(waiting.pop())
            if node is None or node.name in visited:
                continue
            visited.add(node.name)
            assert not (node.op_type == 'Cast' and node.attribute[0].i == TensorProto.FLOAT16)
            if node.op_type not in ('Conv', 'Relu', 'Clip', 'Shape'):
                waiting += node.input
        assert visited, output.name


@pytest.mark.parametrize('name', GRAPHS)
def test_inputs_and_outputs_keep_their_names_types_and_shapes(halves, name):
    before, after = onnx.load_from_string(GRAPHS[name]), onnx.load_from_string(halves[name])
    for side in ('input', 'output'):
        assert list(getattr(after.graph, side)) == list(getattr(before.graph, side))


def test_the_file_is_half_as_large(halves):
    assert len(halves['perceive']) < .55 * len(GRAPHS['perceive'])


def session(graph):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(graph, options, ['CPUExecutionProvider'])


def run(perceive, sample, rgb):
    names = [output.name for output in perceive.get_outputs()]
    maps = dict(zip(names, perceive.run(names, {'rgb': rgb}), strict=True))
    masks = {f'mask_{k}': mask[:, :, None, None] for k, mask in enumerate(draw_masks(
        0, FILES.spec.chunk, FILES.spec.dropout_channels, FILES.spec.dropout_probability))}
    features = {name: maps.pop(name) for name in names if name[:9] == 'features_'}
    moments = [output.name for output in sample.get_outputs()]
    return maps | dict(zip(moments, sample.run(moments, {**features, **masks}), strict=True))


def test_the_outputs_change_little(halves):
    frame = next(iter(open_drive(VIDEO)))
    height, width = frame.rgb.shape[:2]
    fit = fit_image(width, height, FILES.spec.width, FILES.spec.height, 'crop')
    rgb = fit.apply(frame.rgb)[None]
    found, expected = (run(session(graphs['perceive']), session(graphs['sample']), rgb)
                       for graphs in (halves, GRAPHS))
    assert (found.pop('classes') != expected.pop('classes')).mean() < 1e-3
    assert any((found[name] != expected[name]).any() for name in expected)  # it is another graph
    for name, value in expected.items():
        share = np.abs(found[name] - value).mean() / np.abs(value).mean()
        assert share < (.03 if name == 'log_depth_m2' else MEAN_SHARE), f'{name}: {share:.2g}'


def small_graph(weight):
    """Two convolutions, the square root of one between them, and an epsilon."""
    nodes = [helper.make_node('Conv', ['x', 'w'], ['a']),
             helper.make_node('Add', ['a', 'e'], ['b']),
             helper.make_node('Sqrt', ['b'], ['c']), helper.make_node('Conv', ['c', 'w'], ['y'])]
    shape = (1, 1, 2, 2)
    weights = [numpy_helper.from_array(np.full((1, 1, 1, 1), weight, np.float32), 'w'),
               numpy_helper.from_array(np.float32(1e-6), 'e')]
    ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name in 'xy']
    graph = helper.make_graph(nodes, 'small', ends[:1], ends[1:], weights)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid('', 17)], ir_version=8)


def test_the_epsilon_of_a_normalisation_stays_float32():
    model = small_graph(1.)
    assert fp16_nodes(model.graph) == [True, False, False, False]
    found = session(to_fp16(model.SerializeToString())).run(
        None, {'x': np.zeros((1, 1, 2, 2), np.float32)})[0]
    np.testing.assert_allclose(found, 1e-3, rtol=1e-6)


def test_a_weight_beyond_float16_is_an_error():
    with pytest.raises(ValueError, match='w has a weight of 70000, .*precision fp32'):
        to_fp16(small_graph(7e4).SerializeToString())
