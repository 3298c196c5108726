# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""
The inputs and outputs that the two graphs of a model must have.

A backend compares this contract with the tensors that its library finds in the graphs, before the
first frame. A wrong export then gives one message, not a crash or plausible numbers in operation.
"""
from math import prod
from typing import Iterable, Mapping, NamedTuple

from bdl_perception.model_store import ModelError
from bdl_perception.perception.backend import ModelSpec, PERCEIVE_OUTPUTS, SAMPLE_OUTPUTS


class TensorSpec(NamedTuple):
    """Type (numpy's name) and static shape of one input or output."""

    dtype: str
    shape: tuple[int, ...]


TensorSpecs = Mapping[str, TensorSpec]
FLOAT32, UINT8 = 'float32', 'uint8'


class GraphSpec(NamedTuple):
    """The inputs and outputs of one graph, as a library reports them."""

    inputs: TensorSpecs
    outputs: TensorSpecs


def check_graphs(spec: ModelSpec, perceive: GraphSpec, sample: GraphSpec) -> tuple[str, ...]:
    """Check both graphs; returns the names of the features in order. ModelError: a mismatch."""
    features = _feature_names(perceive.outputs)
    _check_tensors('perceive', 'input', {'rgb': _rgb_input(spec)}, perceive.inputs)
    _check_tensors('perceive', 'output', perceive_outputs(spec), perceive.outputs)
    features_of_perceive = {name: perceive.outputs[name] for name in features}
    _check_tensors('sample', 'input', {**features_of_perceive, **mask_inputs(spec)}, sample.inputs)
    _check_tensors('sample', 'output', sample_outputs(spec), sample.outputs)
    _check_no_extra_inputs('perceive', perceive.inputs, ('rgb',))
    _check_no_extra_inputs('sample', sample.inputs, (*features, *mask_inputs(spec)))
    return features


def perceive_outputs(spec: ModelSpec) -> dict[str, TensorSpec]:
    """Return the outputs of the single pass, without its features; the batch axis is 1."""
    sizes = spec.sizes
    return {output.name: TensorSpec(output.dtype, (1, *map(sizes.__getitem__, output.shape)))
            for output in PERCEIVE_OUTPUTS}


def sample_outputs(spec: ModelSpec) -> dict[str, TensorSpec]:
    """Return the moments of one chunk."""
    sizes = spec.sizes
    return {output.name: TensorSpec(output.dtype, tuple(map(sizes.__getitem__, output.shape)))
            for output in SAMPLE_OUTPUTS}


def mask_inputs(spec: ModelSpec) -> dict[str, TensorSpec]:
    """Return the masks of one chunk, (S, C_k, 1, 1) each."""
    return {f'mask_{k}': TensorSpec(FLOAT32, (spec.chunk, channels, 1, 1))
            for k, channels in enumerate(spec.dropout_channels)}


def count_parameters(graph: bytes) -> int:
    """
    Count the elements of all float initializers of an ONNX graph.

    The constants of the feature distance are included, Constant nodes are not.
    """
    from onnx import load_model_from_string, TensorProto
    initializers = load_model_from_string(graph).graph.initializer
    return sum(prod(tensor.dims) for tensor in initializers
               if tensor.data_type == TensorProto.FLOAT)


def _rgb_input(spec: ModelSpec) -> TensorSpec:
    return TensorSpec(UINT8, (1, spec.height, spec.width, 3))


def _feature_names(outputs: Iterable[str]) -> tuple[str, ...]:
    count = sum(name.startswith('features_') for name in outputs)
    names = tuple(f'features_{k}' for k in range(count))
    if not names or not set(names) <= set(outputs):
        raise ModelError(f'the perceive graph must have outputs features_0, features_1, ...; '
                         f'it has {sorted(outputs)}; export the model again')
    return names


def _check_tensors(graph: str, side: str, expected: TensorSpecs, found: TensorSpecs) -> None:
    for name, tensor in expected.items():
        if found.get(name) != tensor:
            actual = f'is {_format_tensor(found[name])}' if name in found else 'is missing'
            raise ModelError(f'{side} {name} of the {graph} graph {actual}, '
                             f'must be {_format_tensor(tensor)} '
                             f'by model.json; export the model again')


def _check_no_extra_inputs(graph: str, inputs: Iterable[str], fed: Iterable[str]) -> None:
    extra = sorted(set(inputs) - set(fed))
    if extra:
        raise ModelError(f'nothing feeds inputs {extra} of the {graph} graph; '
                         f'export the model again')


def _format_tensor(tensor: TensorSpec) -> str:
    return f'{tensor.dtype} {list(tensor.shape)}'
