# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
from pathlib import Path

from bdl_perception.backends.graph_contract import count_parameters
import numpy as np
from onnx import helper, numpy_helper, TensorProto


def test_float_initializers_are_counted_and_shapes_are_not(tmp_path: Path) -> None:
    constants = [numpy_helper.from_array(np.zeros((3, 4), np.float32), 'weight'),
                 numpy_helper.from_array(np.zeros(5, np.float32), 'bias'),
                 numpy_helper.from_array(np.zeros(7, np.int64), 'shape')]
    value = helper.make_tensor_value_info('x', TensorProto.FLOAT, (1,))
    graph = helper.make_graph([], 'graph', [value], [value], constants)
    assert count_parameters(helper.make_model(graph).SerializeToString()) == 17
