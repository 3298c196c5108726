# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""How many numbers a graph was taught."""
from math import prod

from onnx import load_model_from_string
from onnx import TensorProto


def count_parameters(graph: bytes) -> int:
    """
    Count the elements of all float initializers of an ONNX graph.

    The constants of the feature distance are among them; Constant nodes are not.
    """
    initializers = load_model_from_string(graph).graph.initializer
    return sum(prod(tensor.dims) for tensor in initializers
               if tensor.data_type == TensorProto.FLOAT)
