# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""
Static int8 quantisation of the encoder of a perceive graph, for ONNX Runtime on a CPU.

ONNX Runtime's tool sets one scale per kernel channel, and one per activation map from the maps of
nominal frames. Only the encoder is quantised, with the layers between its convolutions. The later
layers are few and compute metres, nats and the sampled features. Measure the accuracy of every
quantised model; docs/int8.md has the results for the shipped one.
"""
from pathlib import Path
import tempfile
from typing import Any, Iterator, Sequence, TYPE_CHECKING

from bdl_perception.perception.data_types import Bytes

if TYPE_CHECKING:
    from onnx import GraphProto


QUANTISED_OPS = ('Conv', 'Clip', 'Relu', 'Add', 'Pad')  # convolutions and layers between them


def to_int8(perceive: bytes, images: Sequence[Bytes]) -> bytes:
    """
    Quantise the encoder; images (H, W, 3) uint8 of the model's size set the scales.

    Inputs and outputs keep their names, types and shapes. ValueError: there is no image.
    """
    from onnxruntime.quantization import QuantFormat, quantize_static, QuantType
    if not images:
        raise ValueError('there is no image to compute the scales of int8 from')
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / 'int8.onnx'
        model = _fold_constants(perceive, Path(folder) / 'folded.onnx')
        quantize_static(
            model, path, _CalibrationImages(images), QuantFormat.QDQ, per_channel=True,
            activation_type=QuantType.QUInt8, weight_type=QuantType.QInt8,
            op_types_to_quantize=list(QUANTISED_OPS), nodes_to_quantize=encoder_nodes(model.graph))
        return path.read_bytes()


def encoder_nodes(graph: 'GraphProto') -> list[str]:
    """
    Return the names of the encoder's nodes: those before the last convolution of each feature.

    That last convolution, a projection, is excluded. ValueError: no named convolution is found.
    """
    makers = {name: node for node in graph.node for name in node.output}
    features = [tensor.name for tensor in graph.output if tensor.name.startswith('features_')]
    inputs = [makers[name].input[0] for name in _upstream_tensors(makers, features)
              if makers[name].op_type == 'Conv']
    found = {makers[name].name: None for name in _upstream_tensors(makers, inputs)
             if makers[name].op_type in QUANTISED_OPS and makers[name].name}
    if not found:
        raise ValueError('the perceive graph has no named convolution before its features; '
                         'export the model again')
    return list(found)


def _upstream_tensors(makers: dict[str, Any], names: list[str]) -> Iterator[str]:
    """Iterate over tensors and everything they are computed from, each once."""
    pending, visited = list(names), set[str]()
    while pending:
        name = pending.pop()
        if name in visited or name not in makers:
            continue
        visited.add(name)
        yield name
        pending += makers[name].input


def _fold_constants(graph: bytes, path: Path) -> Any:
    """Fold constants with ONNX Runtime: the tool cannot handle arithmetic on shapes."""
    import onnx
    import onnxruntime
    from onnxruntime.quantization.quant_utils import add_pre_process_metadata
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC
    options.optimized_model_filepath = str(path)
    onnxruntime.InferenceSession(graph, options, providers=['CPUExecutionProvider'])
    model = onnx.load(path)
    standard = [entry for entry in model.opset_import if not entry.domain]
    del model.opset_import[:]  # ONNX Runtime adds every domain of its build
    model.opset_import.extend(standard)
    add_pre_process_metadata(model)
    return model


class _CalibrationImages:
    """The image reader that ONNX Runtime's tool calls."""

    def __init__(self, images: Sequence[Bytes]) -> None:
        self._remaining = iter(images)

    def get_next(self) -> dict[str, Bytes] | None:
        """Return the next input of the graph; None at the end."""
        rgb = next(self._remaining, None)
        return None if rgb is None else {'rgb': rgb[None]}
