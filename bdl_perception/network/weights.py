# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""
weights.pt of a model folder: the network behind its graphs, and constants read from a graph.

A graph can neither be trained further nor compared layer by layer. Files are read with
weights_only, so that an untrusted model cannot run code.
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

WEIGHTS_FORMAT = 4  # 1: no cells, 2: all directions of each class, 3: their variances
WEIGHTS_KEYS = {'weights_format', 'config', 'network', *FeatureStatistics._fields}
CELL_CONSTANTS = ('origin', 'projection', 'means', 'whitenings')  # buffers of CellDistance
HEADS_BIAS = 'network.decoder.heads.bias'  # includes the fitted factor of sigma


class Weights(NamedTuple):
    """A network in evaluation mode and the feature statistics of its training set."""

    network: Network
    statistics: FeatureStatistics


def weights_to_bytes(weights: Weights) -> bytes:
    """Return the contents of weights.pt: plain values and float32 tensors."""
    network, statistics = weights
    file = BytesIO()
    torch.save({'weights_format': WEIGHTS_FORMAT, 'config': asdict(network.config),
                'network': network.state_dict(), **statistics._asdict()}, file)
    return file.getvalue()


def weights_from_bytes(data: bytes, source: str) -> Weights:
    """Invert weights_to_bytes; source: the origin of the bytes, named in a ValueError."""
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
                         f'again') from error  # torch's message lists every tensor
    return Weights(network.eval(), FeatureStatistics(
        *(values[name] for name in FeatureStatistics._fields)))


def is_weights(data: bytes) -> bool:
    """Return whether the bytes are meant as a weights.pt, of any format."""
    return 'weights_format' in _read_torch_file(data)


def _read_torch_file(data: bytes) -> dict[str, Any]:
    """Read a dict of a torch file; empty when the bytes hold none."""
    try:
        values = torch.load(BytesIO(data), map_location='cpu', weights_only=True)
    except (pickle.UnpicklingError, AttributeError, EOFError, LookupError, RuntimeError,
            TypeError, ValueError):
        return {}
    return values if isinstance(values, dict) else {}


@torch.no_grad()
def load_graph_constants(network: Network, perceive: bytes) -> FeatureStatistics:
    """Copy the bias of the heads from a perceive graph; return its feature statistics."""
    graph = onnx.load_from_string(perceive).graph
    found = {tensor.name: torch.from_numpy(numpy_helper.to_array(tensor).copy())
             for tensor in graph.initializer}
    needed = {HEADS_BIAS, 'mean', 'whitening', *(f'cells.{name}' for name in CELL_CONSTANTS)}
    missing = sorted(needed - set(found))
    if missing:
        raise ValueError(f'the perceive graph holds no {", ".join(missing)}; it was not made by '
                         f'this version of `bdl export`, export the model again')
    network.decoder.heads.get_parameter('bias').copy_(found[HEADS_BIAS])
    cells = {name: found[f'cells.{name}'] for name in CELL_CONSTANTS}
    return FeatureStatistics(found['mean'], found['whitening'], *statistics_from_constants(cells))
