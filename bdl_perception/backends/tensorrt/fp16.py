# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""
Conversion of an ONNX graph to mixed float16, for strongly typed TensorRT networks.

Convolutions and elementwise operators between them become float16. Inputs, outputs, preprocessing,
reductions, the last convolution and everything after it stay float32: log-variance, exp, softmax,
entropy and the moments of the samples. The converter of ONNX Runtime is not used: it inserts casts
to float16 and back between float32 nodes.
"""
from typing import Iterable, TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from onnx import GraphProto, NodeProto, TensorProto


# No AveragePool: it is a reduction. No Concat: it only joins cells, before no convolution.
ELEMENTWISE_OPS = {'Relu', 'Clip', 'Pad', 'Resize', 'Add', 'MaxPool'}
FP16_INPUT_COUNTS = {'Resize': 1}  # number of inputs that have the type; default: all


def to_fp16(data: bytes) -> bytes:
    """Convert an ONNX file of float32; its inputs and outputs keep their types."""
    import onnx
    import onnx.shape_inference
    model = onnx.load_from_string(data)
    inferred = onnx.shape_inference.infer_shapes(model)
    _Fp16Converter(model.graph, _fp32_tensors(inferred.graph)).convert()
    onnx.checker.check_model(model, full_check=True)
    return bytes(model.SerializeToString())


def fp16_nodes(graph: 'GraphProto') -> list[bool]:
    """Return for each node of the graph whether it may run in float16."""
    constant = {tensor.name for tensor in graph.initializer}
    constant |= {name for node in graph.node if node.op_type == 'Constant' for name in node.output}
    before_conv: set[str] = set()  # tensors that a later convolution depends on
    found = []
    for node in reversed(graph.node):
        feeds_conv = any(name in before_conv for name in node.output)
        if feeds_conv or node.op_type == 'Conv':
            before_conv.update(node.input)
        # An Add of a constant is the epsilon of a normalisation, too small for float16.
        adds_constant = node.op_type == 'Add' and bool(constant & set(node.input))
        known = node.op_type in ELEMENTWISE_OPS | {'Conv'}
        found.append(known and feeds_conv and not adds_constant)
    return found[::-1]


class _Fp16Converter:
    """Converts the nodes of one graph and inserts casts where the types of neighbours differ."""

    def __init__(self, graph: 'GraphProto', floats: set[str]) -> None:
        self._graph = graph
        self._fp32_names = floats
        self._constants = _fp32_constants(graph)
        self._nodes: list[NodeProto] = []
        self._fp16_names: dict[str, str] = {}  # float32 name -> float16 name
        self._pending_fp32: set[str] = set()  # float32 names without a cast so far

    def convert(self) -> None:
        for node, half in zip(list(self._graph.node), fp16_nodes(self._graph), strict=True):
            if half and node.output[0] in self._fp32_names:
                self._convert_node(node)
            else:
                self._cast_to_fp32(node.input)
                self._nodes.append(node)
        self._cast_to_fp32(value.name for value in self._graph.output)
        used = {name for node in self._nodes for name in node.input}
        weights = [tensor for tensor in self._graph.initializer if tensor.name in used]
        for field in ('node', 'initializer', 'value_info'):
            self._graph.ClearField(field)
        self._graph.node.extend(self._nodes)
        self._graph.initializer.extend(weights)

    def _convert_node(self, node: 'NodeProto') -> None:
        for place, name in enumerate(node.input[:FP16_INPUT_COUNTS.get(node.op_type)]):
            if name in self._fp32_names or name in self._constants:
                node.input[place] = self._fp16_tensor(name)
        for place, name in enumerate(node.output):
            node.output[place] = self._fp16_names[name] = f'{name}_half'
            self._pending_fp32.add(name)
        self._nodes.append(node)

    def _fp16_tensor(self, name: str) -> str:
        half = f'{name}_half'
        if name not in self._fp16_names:
            self._fp16_names[name] = half
            if name in self._constants:
                self._graph.initializer.append(_round_to_fp16(self._constants[name], half))
            else:
                self._nodes.append(_cast_node(name, half, 'FLOAT16'))
        return half

    def _cast_to_fp32(self, names: Iterable[str]) -> None:
        for name in self._pending_fp32.intersection(names):
            self._pending_fp32.remove(name)
            self._nodes.append(_cast_node(self._fp16_names[name], name, 'FLOAT'))


def _cast_node(name: str, to: str, kind: str) -> 'NodeProto':
    from onnx import TensorProto
    from onnx.helper import make_node
    return make_node('Cast', [name], [to], name=f'cast_to_{to}',
                     to=TensorProto.DataType.Value(kind))


def _fp32_tensors(graph: 'GraphProto') -> set[str]:
    """Return the names of float32 tensors in a graph with inferred types, without constants."""
    from onnx import TensorProto
    return {value.name for value in (*graph.value_info, *graph.input, *graph.output)
            if value.type.tensor_type.elem_type == TensorProto.FLOAT}


def _fp32_constants(graph: 'GraphProto') -> dict[str, 'TensorProto']:
    from onnx import TensorProto
    found = {tensor.name: tensor for tensor in graph.initializer}
    found |= {node.output[0]: attribute.t for node in graph.node if node.op_type == 'Constant'
              for attribute in node.attribute if attribute.name == 'value'}
    return {name: tensor for name, tensor in found.items()
            if tensor.data_type == TensorProto.FLOAT}


def _round_to_fp16(tensor: 'TensorProto', name: str) -> 'TensorProto':
    """Round to float16; ValueError if a weight would become infinite."""
    from onnx import numpy_helper
    values = numpy_helper.to_array(tensor)
    largest = float(np.abs(values).max(initial=0))
    if not largest <= float(np.finfo(np.float16).max):
        raise ValueError(f'{tensor.name} has a weight of {largest:g}, which float16 cannot hold; '
                         f'use precision fp32')
    return numpy_helper.from_array(values.astype(np.float16), name)
