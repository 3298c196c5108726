# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""
weights.pt of a model folder: the network behind its graphs.

A graph cannot be trained any further and has no layers to compare with. Read with weights_only,
so that a model from a stranger cannot run code.
"""
from dataclasses import asdict
from io import BytesIO
import pickle
from typing import Any, NamedTuple

from bdl_perception.network.class_distance import statistics_from_constants
from bdl_perception.network.feature_statistics import FeatureStatistics
from bdl_perception.network.model import Network, NetworkConfig
import onnx
from onnx import numpy_helper
import torch

WEIGHTS_FORMAT = 4  # 1 had no cells, 2 all directions of each class, 3 their variances
WEIGHTS_KEYS = {'weights_format', 'config', 'network', *FeatureStatistics._fields}


class Weights(NamedTuple):
    """A network, ready to predict, and how the features of its training set lie."""

    network: Network
    statistics: FeatureStatistics


def weights_to_bytes(weights: Weights) -> bytes:
    """Give the contents of weights.pt: plain values and float32 tensors."""
    network, statistics = weights
    file = BytesIO()
    torch.save({'weights_format': WEIGHTS_FORMAT, 'config': asdict(network.config),
                'network': network.state_dict(), **statistics._asdict()}, file)
    return file.getvalue()


def weights_from_bytes(data: bytes, source: str) -> Weights:
    """Build what weights_to_bytes was given; ValueError names where these bytes came from."""
    values = _read_torch_file(data)
    if values.get('weights_format', WEIGHTS_FORMAT) != WEIGHTS_FORMAT:
        raise ValueError(f'{source} has format {values["weights_format"]}, this version reads '
                         f'{WEIGHTS_FORMAT}; export the model again')
    if set(values) != WEIGHTS_KEYS:
        raise ValueError(f'{source} is no weights.pt of `bdl export`; export the model again')
    try:
        network = Network(NetworkConfig(**values['config']))
        network.load_state_dict(values['network'])
    except (RuntimeError, TypeError) as error:
        raise ValueError(f'{source} is of another version of the network; export the model '
                         f'again') from error  # torch names every tensor
    return Weights(network.eval(), FeatureStatistics(
        *(values[name] for name in FeatureStatistics._fields)))


def is_weights(data: bytes) -> bool:
    """Tell whether these bytes were meant to be a weights.pt."""
    return 'weights_format' in _read_torch_file(data)


def _read_torch_file(data: bytes) -> dict[str, Any]:
    """Read any file of torch; empty when it is none or holds no names."""
    try:
        values = torch.load(BytesIO(data), map_location='cpu', weights_only=True)
    except (pickle.UnpicklingError, AttributeError, EOFError, LookupError, RuntimeError,
            TypeError, ValueError):
        return {}
    return values if isinstance(values, dict) else {}


CELL_CONSTANTS = ('origin', 'projection', 'means', 'whitenings')  # of a CellDistance
HEADS_BIAS = 'network.decoder.heads.bias'  # holds the scale of sigma


@torch.no_grad()
def load_graph_constants(network: Network, perceive: bytes) -> FeatureStatistics:
    """Give a network the scale of sigma of its graph; returns the statistics of the features."""
    graph = onnx.load_from_string(perceive).graph
    found = {tensor.name: torch.from_numpy(numpy_helper.to_array(tensor).copy())
             for tensor in graph.initializer}
    missing = {HEADS_BIAS, 'mean', 'whitening', *(f'cells.{name}' for name in CELL_CONSTANTS)} - set(found)
    if missing:
        raise ValueError(f'the perceive graph holds no {", ".join(sorted(missing))}; it was not '
                         f'made by this version of `bdl export`, export the model again')
    network.decoder.heads.get_parameter('bias').copy_(found[HEADS_BIAS])
    return FeatureStatistics(found['mean'], found['whitening'],
                             *statistics_from_constants({name: found[f'cells.{name}'] for name in CELL_CONSTANTS}))
