# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""
A graph in float16 where that is safe, for networks that take every type from the graph.

Float16 are the convolutions and what lies directly between them. Float32 stay the inputs and
outputs, the preprocessing, every reduction, and all that follows the last convolution and that
convolution itself: log-variance, exp, softmax, entropy, the moments of the samples. The converter
of ONNX Runtime was tried: it casts to float16 and back between any two nodes that it leaves alone.
"""
from typing import Iterable, TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from onnx import GraphProto
    from onnx import NodeProto
    from onnx import TensorProto

# No AveragePool: it is a reduction. No Concat: only cells are joined, and no convolution follows.
ELEMENTWISE = {'Relu', 'Clip', 'Pad', 'Resize', 'Add', 'MaxPool'}
HALF_INPUTS = {'Resize': 1}  # only so many inputs follow the type; all of them by default


def to_half(data: bytes) -> bytes:
    """Convert an ONNX file of float32; its inputs and outputs keep their types."""
    import onnx
    import onnx.shape_inference
    model = onnx.load_from_string(data)
    inferred = onnx.shape_inference.infer_shapes(model)
    _Converter(model.graph, _float_tensors(inferred.graph)).convert()
    onnx.checker.check_model(model, full_check=True)
    return bytes(model.SerializeToString())


def half_nodes(graph: 'GraphProto') -> list[bool]:
    """Tell which nodes may run in float16, in the order of the graph."""
    constant = {tensor.name for tensor in graph.initializer}
    constant |= {name for node in graph.node if node.op_type == 'Constant' for name in node.output}
    before_conv: set[str] = set()  # tensors from which a convolution is still to come
    found = []
    for node in reversed(graph.node):
        ahead = any(name in before_conv for name in node.output)
        if ahead or node.op_type == 'Conv':
            before_conv.update(node.input)
        # An Add of a constant belongs to a normalisation, as its epsilon.
        lone = node.op_type == 'Add' and bool(constant & set(node.input))
        found.append(ahead and not lone and node.op_type in ELEMENTWISE | {'Conv'})
    return found[::-1]


class _Converter:
    """Goes through one graph and casts where the types of two neighbours differ."""

    def __init__(self, graph: 'GraphProto', floats: set[str]) -> None:
        self._graph = graph
        self._floats = floats
        self._constants = _float_constants(graph)
        self._nodes: list[NodeProto] = []
        self._half: dict[str, str] = {}  # float32 name -> float16 name
        self._missing: set[str] = set()  # float32 names that nobody has made yet

    def convert(self) -> None:
        for node, half in zip(list(self._graph.node), half_nodes(self._graph), strict=True):
            if half and node.output[0] in self._floats:
                self._take_half(node)
            else:
                self._widen(node.input)
                self._nodes.append(node)
        self._widen(value.name for value in self._graph.output)
        used = {name for node in self._nodes for name in node.input}
        weights = [tensor for tensor in self._graph.initializer if tensor.name in used]
        for field in ('node', 'initializer', 'value_info'):
            self._graph.ClearField(field)
        self._graph.node.extend(self._nodes)
        self._graph.initializer.extend(weights)

    def _take_half(self, node: 'NodeProto') -> None:
        for place, name in enumerate(node.input[:HALF_INPUTS.get(node.op_type)]):
            if name in self._floats or name in self._constants:
                node.input[place] = self._half_of(name)
        for place, name in enumerate(node.output):
            node.output[place] = self._half[name] = f'{name}_half'
            self._missing.add(name)
        self._nodes.append(node)

    def _half_of(self, name: str) -> str:
        half = f'{name}_half'
        if name not in self._half:
            self._half[name] = half
            if name in self._constants:
                self._graph.initializer.append(_rounded(self._constants[name], half))
            else:
                self._nodes.append(_cast(name, half, 'FLOAT16'))
        return half

    def _widen(self, names: Iterable[str]) -> None:
        for name in self._missing.intersection(names):
            self._missing.remove(name)
            self._nodes.append(_cast(self._half[name], name, 'FLOAT'))


def _cast(name: str, to: str, kind: str) -> 'NodeProto':
    from onnx import TensorProto
    from onnx.helper import make_node
    return make_node('Cast', [name], [to], name=f'cast_to_{to}',
                     to=TensorProto.DataType.Value(kind))


def _float_tensors(graph: 'GraphProto') -> set[str]:
    """Name what is float32 in a graph with inferred types; constants aside."""
    from onnx import TensorProto
    return {value.name for value in (*graph.value_info, *graph.input, *graph.output)
            if value.type.tensor_type.elem_type == TensorProto.FLOAT}


def _float_constants(graph: 'GraphProto') -> dict[str, 'TensorProto']:
    from onnx import TensorProto
    found = {tensor.name: tensor for tensor in graph.initializer}
    found |= {node.output[0]: attribute.t for node in graph.node if node.op_type == 'Constant'
              for attribute in node.attribute if attribute.name == 'value'}
    return {name: tensor for name, tensor in found.items()
            if tensor.data_type == TensorProto.FLOAT}


def _rounded(tensor: 'TensorProto', name: str) -> 'TensorProto':
    """Round to float16; a weight that would become infinite is an error."""
    from onnx import numpy_helper
    values = numpy_helper.to_array(tensor)
    largest = float(np.abs(values).max(initial=0))
    if not largest <= float(np.finfo(np.float16).max):
        raise ValueError(f'{tensor.name} has a weight of {largest:g}, which float16 cannot hold; '
                         f'use precision fp32')
    return numpy_helper.from_array(values.astype(np.float16), name)
