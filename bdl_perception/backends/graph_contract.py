# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""
The tensors that the two graphs of a model must have.

A backend compares this with what its library finds in the graphs, before the first frame: a
wrong export is then one message and not a crash, or worse a plausible number, on the road.
"""
from typing import Iterable, Mapping, NamedTuple

from bdl_perception.backends.model_files import ModelError
from bdl_perception.perception.model_spec import ModelSpec
from bdl_perception.perception.values import CELL_PX


class Tensor(NamedTuple):
    """Type (numpy's name) and static shape of one input or output."""

    dtype: str
    shape: tuple[int, ...]


Tensors = Mapping[str, Tensor]
FLOAT, BYTE = 'float32', 'uint8'
DECODER_STRIDE = 2  # the single pass predicts at every second pixel of the picture


class Graph(NamedTuple):
    """What a library says of one graph."""

    inputs: Tensors
    outputs: Tensors


def check_graphs(spec: ModelSpec, perceive: Graph, sample: Graph) -> tuple[str, ...]:
    """Compare both graphs with the contract; returns the names of the features, in order."""
    features = _feature_names(perceive.outputs)
    _compare('perceive', 'input', {'rgb': _rgb(spec)}, perceive.inputs)
    _compare('perceive', 'output', perceive_outputs(spec), perceive.outputs)
    carried = {name: perceive.outputs[name] for name in features}
    _compare('sample', 'input', {**carried, **mask_inputs(spec)}, sample.inputs)
    _compare('sample', 'output', sample_outputs(spec), sample.outputs)
    _refuse_unfed('perceive', perceive.inputs, ('rgb',))
    _refuse_unfed('sample', sample.inputs, (*features, *mask_inputs(spec)))
    return features


def perceive_outputs(spec: ModelSpec) -> dict[str, Tensor]:
    """Give the outputs of the single pass, without its features."""
    large = (1, spec.height, spec.width)
    small = (1, spec.height // DECODER_STRIDE, spec.width // DECODER_STRIDE)
    return {
        'depth': Tensor(FLOAT, large), 'aleatoric_std': Tensor(FLOAT, large),
        'classes': Tensor(BYTE, large), 'entropy': Tensor(FLOAT, large),
        'max_probability': Tensor(FLOAT, small), 'energy': Tensor(FLOAT, small),
        'log_depth_std': Tensor(FLOAT, small), 'feature_distance': Tensor(FLOAT, (1,)),
        'cell_distance': Tensor(
            FLOAT, (1, spec.height // CELL_PX, spec.width // CELL_PX))}


def mask_inputs(spec: ModelSpec) -> dict[str, Tensor]:
    """Give the masks of one chunk, a (S, C_k, 1, 1) each."""
    return {f'mask_{k}': Tensor(FLOAT, (spec.chunk, channels, 1, 1))
            for k, channels in enumerate(spec.dropout_channels)}


def sample_outputs(spec: ModelSpec) -> dict[str, Tensor]:
    """Give the moments of one chunk."""
    size = (spec.sample_height, spec.sample_width)
    return {
        'log_depth_mean': Tensor(FLOAT, size), 'log_depth_m2': Tensor(FLOAT, size),
        'probability_sum': Tensor(FLOAT, (len(spec.class_names), *size)),
        'entropy_sum': Tensor(FLOAT, size)}


def _rgb(spec: ModelSpec) -> Tensor:
    return Tensor(BYTE, (1, spec.height, spec.width, 3))


def _feature_names(outputs: Iterable[str]) -> tuple[str, ...]:
    count = sum(name.startswith('features_') for name in outputs)
    names = tuple(f'features_{k}' for k in range(count))
    if not names or not set(names) <= set(outputs):
        raise ModelError(f'the perceive graph must have outputs features_0, features_1, ...; '
                         f'it has {sorted(outputs)}; export the model again')
    return names


def _compare(graph: str, side: str, wanted: Tensors, found: Tensors) -> None:
    for name, tensor in wanted.items():
        if found.get(name) != tensor:
            has = f'is {_text(found[name])}' if name in found else 'is missing'
            raise ModelError(f'{side} {name} of the {graph} graph {has}, must be {_text(tensor)} '
                             f'by model.json; export the model again')


def _refuse_unfed(graph: str, inputs: Iterable[str], fed: Iterable[str]) -> None:
    extra = sorted(set(inputs) - set(fed))
    if extra:
        raise ModelError(f'nothing feeds inputs {extra} of the {graph} graph; '
                         f'export the model again')


def _text(tensor: Tensor) -> str:
    return f'{tensor.dtype} {list(tensor.shape)}'
