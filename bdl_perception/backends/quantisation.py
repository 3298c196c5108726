# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""
The encoder of a perceive graph in int8, for ONNX Runtime on a CPU.

Static quantisation by ONNX Runtime's own tool: each channel of a kernel and each map has a scale,
that of the maps from what the pictures of nominal drives make of them. The encoder alone, with
the layers between its convolutions: what comes after it writes metres, nats and the features that
are sampled, and those layers are few. Whether the numbers stay good is to be measured each time;
docs/int8.md says what came out for the shipped model.
"""
from pathlib import Path
import tempfile
from typing import Any, Iterator, Sequence, TYPE_CHECKING

from bdl_perception.perception.types import Bytes

if TYPE_CHECKING:
    from onnx import GraphProto


QUANTISED_OPS = ('Conv', 'Clip', 'Relu', 'Add', 'Pad')  # a layer between two int8 ones is int8 as well


def to_int8(perceive: bytes, images: Sequence[Bytes]) -> bytes:
    """
    Quantise the encoder; pictures (H, W, 3) uint8 of the model's size set the scales.

    Inputs and outputs keep their names, types and shapes. ValueError: there is no picture.
    """
    from onnxruntime.quantization import QuantFormat, quantize_static, QuantType
    if not images:
        raise ValueError('there is no picture to take the scales of int8 from')
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
    Name what lies before a convolution before the features: all but the last ones, projections.

    ValueError: there are none, as in a graph whose nodes have no names.
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
    """Go from tensors to all that they are made of, each once."""
    ahead, seen = list(names), set[str]()
    while ahead:
        name = ahead.pop()
        if name in seen or name not in makers:
            continue
        seen.add(name)
        yield name
        ahead += makers[name].input


def _fold_constants(graph: bytes, path: Path) -> Any:
    """Let ONNX Runtime fold constants: the tool must see layers, no arithmetic of shapes."""
    import onnx
    import onnxruntime
    from onnxruntime.quantization.quant_utils import add_pre_process_metadata
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC
    options.optimized_model_filepath = str(path)
    onnxruntime.InferenceSession(graph, options, providers=['CPUExecutionProvider'])
    model = onnx.load(path)
    kept = [entry for entry in model.opset_import if not entry.domain]
    del model.opset_import[:]  # it lists every domain that this build of ONNX Runtime knows
    model.opset_import.extend(kept)
    add_pre_process_metadata(model)
    return model


class _CalibrationImages:
    """What the tool reads its pictures from."""

    def __init__(self, images: Sequence[Bytes]) -> None:
        self._remaining = iter(images)

    def get_next(self) -> dict[str, Bytes] | None:
        """Give the next picture as the graph takes it; None at the end."""
        rgb = next(self._remaining, None)
        return None if rgb is None else {'rgb': rgb[None]}
