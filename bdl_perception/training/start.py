# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""Begin a run with the weights of another, or of a model: those of the same network only."""
from dataclasses import fields
import math
from pathlib import Path

from bdl_perception.network.model import Network
from bdl_perception.network.model import NetworkConfig
from bdl_perception.training.checkpoint import read_network

OF_SIZE = ('height', 'width', 'canonical_focal_px')  # what may be another
SAME_VIEW = 0.01  # relative: a focal length may have been rounded


def start_from(path: Path, network: Network) -> None:
    """Take the weights at a path; ValueError: they are of another network, or there are none."""
    stored = read_network(path)
    check_same(path, stored.config, network.config)
    network.load_state_dict(stored.state_dict())


def check_same(path: Path, stored: NetworkConfig, wanted: NetworkConfig) -> None:
    """Refuse weights that would fit and mean something else; path: whose they are."""
    other = [f'{entry.name} {getattr(stored, entry.name)}, not {getattr(wanted, entry.name)}'
             for entry in fields(NetworkConfig) if entry.name not in OF_SIZE
             and getattr(stored, entry.name) != getattr(wanted, entry.name)]
    if other:
        raise ValueError(f'{path} is of another network: {"; ".join(other)}; give --config with '
                         f'a section network that has the same')
    focal_px = stored.canonical_focal_px * wanted.width / stored.width
    if not math.isclose(focal_px, wanted.canonical_focal_px, rel_tol=SAME_VIEW):
        raise ValueError(f'{path} has a canonical_focal_px of {stored.canonical_focal_px:g} at a '
                         f'width of {stored.width} px, so its depths would be wrong with '
                         f'{wanted.canonical_focal_px:g} at {wanted.width} px; give '
                         f'{focal_px:g}')
