# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""What `bdl export` adds to a checkpoint, read back from the graph that it wrote."""
from bdl_perception.network.cells import statistics_of
from bdl_perception.network.feature_statistics import FeatureStatistics
from bdl_perception.network.model import Network
import onnx
from onnx import numpy_helper
import torch

CELLS = ('origin', 'projection', 'means', 'whitenings')  # of a CellDistance
HEADS_BIAS = 'network.decoder.heads.bias'  # holds the scale of sigma


@torch.no_grad()
def take_constants(network: Network, perceive: bytes) -> FeatureStatistics:
    """Give a network the scale of sigma of its graph; returns the statistics of the features."""
    graph = onnx.load_from_string(perceive).graph
    found = {tensor.name: torch.from_numpy(numpy_helper.to_array(tensor).copy())
             for tensor in graph.initializer}
    missing = {HEADS_BIAS, 'mean', 'whitening', *(f'cells.{name}' for name in CELLS)} - set(found)
    if missing:
        raise ValueError(f'the perceive graph holds no {", ".join(sorted(missing))}; it was not '
                         f'made by this version of `bdl export`, export the model again')
    network.decoder.heads.get_parameter('bias').copy_(found[HEADS_BIAS])
    return FeatureStatistics(found['mean'], found['whitening'],
                             *statistics_of({name: found[f'cells.{name}'] for name in CELLS}))
