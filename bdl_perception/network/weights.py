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

from bdl_perception.network.feature_statistics import FeatureStatistics
from bdl_perception.network.model import Network
from bdl_perception.network.model import NetworkConfig
import torch

FORMAT = 4  # 1 had no cells, 2 all directions of each class, 3 their variances
PARTS = {'weights_format', 'config', 'network', *FeatureStatistics._fields}


class Weights(NamedTuple):
    """A network, ready to predict, and how the features of its training set lie."""

    network: Network
    statistics: FeatureStatistics


def weights_to_bytes(weights: Weights) -> bytes:
    """Give the contents of weights.pt: plain values and float32 tensors."""
    network, statistics = weights
    file = BytesIO()
    torch.save({'weights_format': FORMAT, 'config': asdict(network.config),
                'network': network.state_dict(), **statistics._asdict()}, file)
    return file.getvalue()


def weights_from_bytes(data: bytes, where: str) -> Weights:
    """Build what weights_to_bytes was given; ValueError names where these bytes came from."""
    values = _read(data)
    if values.get('weights_format', FORMAT) != FORMAT:
        raise ValueError(f'{where} has format {values["weights_format"]}, this version reads '
                         f'{FORMAT}; export the model again')
    if set(values) != PARTS:
        raise ValueError(f'{where} is no weights.pt of `bdl export`; export the model again')
    try:
        network = Network(NetworkConfig(**values['config']))
        network.load_state_dict(values['network'])
    except (RuntimeError, TypeError) as error:
        raise ValueError(f'{where} is of another version of the network; export the model '
                         f'again') from error  # torch names every tensor
    return Weights(network.eval(), FeatureStatistics(
        *(values[name] for name in FeatureStatistics._fields)))


def is_weights(data: bytes) -> bool:
    """Tell whether these bytes were meant to be a weights.pt."""
    return 'weights_format' in _read(data)


def _read(data: bytes) -> dict[str, Any]:
    """Read any file of torch; empty when it is none or holds no names."""
    try:
        values = torch.load(BytesIO(data), map_location='cpu', weights_only=True)
    except (pickle.UnpicklingError, AttributeError, EOFError, LookupError, RuntimeError,
            TypeError, ValueError):
        return {}
    return values if isinstance(values, dict) else {}
