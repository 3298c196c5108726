# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""
The checkpoint of a training run: one file that is replaced atomically.

It is read with weights_only: a checkpoint from an unknown source cannot run code. A run can also
start with the weights of another run or of a model, if the network is the same.
"""
from dataclasses import dataclass, field, fields
import io
import math
from pathlib import Path
import pickle
from typing import Any, Sequence, TypedDict

from bdl_perception.datasets import terms_of_kinds
from bdl_perception.files import write_atomic
from bdl_perception.network.model import Network, NetworkConfig
from bdl_perception.network.weights import is_weights, weights_from_bytes
from bdl_perception.training.config import config_from_dict, config_to_dict, TrainConfig
import torch

CHECKPOINT_FORMAT = 1
CHECKPOINT_FILE = 'checkpoint.pt'
BEST_FILE = 'best.pt'  # of the epoch with the lowest validation score
SCORE_COLUMN = 'validation_score'  # column of the history
SIZE_FIELDS = ('height', 'width', 'canonical_focal_px')  # may differ in the same network
UNKNOWN_DATA = 'training data that were not recorded: their terms are not known'
UNKNOWN_START = 'initial weights that were not recorded: their terms are not known'
FOCAL_TOLERANCE = 0.01  # relative: a focal length may have been rounded


class TrainingSet(TypedDict):
    """A data set of a run; without its path, since folders may move."""

    kind: str
    frames: int  # after the stride
    stride: int  # every n-th frame is used
    repeat: int  # uses per epoch


def describe_sets(sets: Sequence[TrainingSet]) -> str:
    """Describe training sets in an error message."""
    return ', '.join('{kind} ({frames} frames, stride {stride}, repeat {repeat})'.format(**one)
                     for one in sets)


@dataclass
class Progress:
    """The progress of a run."""

    epoch: int = 0  # number of finished epochs
    images: int = 0
    elapsed_s: float = 0.0  # of training, without the time between a kill and a resume
    finished: bool = False
    history: list[dict[str, float]] = field(default_factory=list)  # one row per epoch
    data: list[TrainingSet] = field(default_factory=list)  # empty: unknown, in an old checkpoint
    # Terms of the data behind the initial weights; None: unknown, in an old checkpoint
    start_terms: list[str] | None = None

    @property
    def terms(self) -> tuple[str, ...]:
        """Terms of all data that the network was trained on, also before this run."""
        before = (UNKNOWN_START,) if self.start_terms is None else self.start_terms
        own = terms_of_kinds(one['kind'] for one in self.data) or (UNKNOWN_DATA,)
        return tuple(dict.fromkeys((*before, *own)))

    @property
    def best_epoch(self) -> int:
        """Return the first epoch with the lowest validation score; 0 without any score."""
        scores = {int(row['epoch']): row[SCORE_COLUMN] for row in self.history
                  if not math.isnan(row.get(SCORE_COLUMN, math.nan))}
        return min(scores, key=lambda epoch: scores[epoch], default=0)


@dataclass(frozen=True)
class Checkpoint:
    """The contents of a checkpoint: plain values and tensors."""

    config: TrainConfig
    network: dict[str, torch.Tensor]
    task_weights: dict[str, torch.Tensor]
    optimizer: dict[str, Any]
    progress: Progress
    scaler: dict[str, Any] = field(default_factory=dict)  # of float16, else empty
    source: str = 'the checkpoint'  # its path, for errors

    def build_network(self) -> Network:
        """Build the network with these weights, in evaluation mode."""
        network = Network(self.config.network)
        self.load_into(network)
        return network.eval()

    def load_into(self, network: Network) -> None:
        """Load these weights into a network; ValueError when it has other tensors."""
        try:
            network.load_state_dict(self.network)
        except RuntimeError as error:  # torch names every tensor
            raise ValueError(f'{self.source} is of another version of the network; train again '
                             f'in another folder') from error


def write_checkpoint(path: Path, checkpoint: Checkpoint) -> None:
    """Write a checkpoint atomically: a kill leaves the old file or the new one."""
    values = {'format': CHECKPOINT_FORMAT, 'config': config_to_dict(checkpoint.config),
              'network': checkpoint.network, 'task_weights': checkpoint.task_weights,
              'optimizer': checkpoint.optimizer, 'progress': vars(checkpoint.progress),
              'scaler': checkpoint.scaler}
    buffer = io.BytesIO()
    torch.save(values, buffer)
    write_atomic(path, buffer.getvalue())


def read_checkpoint(path: Path) -> Checkpoint:
    """Read a checkpoint; ValueError when it is none, or of another format."""
    try:
        values = torch.load(path, map_location='cpu', weights_only=True)
        found = values['format']
    except (pickle.UnpicklingError, AttributeError, EOFError, LookupError, RuntimeError,
            TypeError) as error:
        raise ValueError(f'{path} is no checkpoint of `bdl train`; give RUN/checkpoint.pt, '
                         f'RUN/best.pt or the weights.pt of a model folder') from error
    if found != CHECKPOINT_FORMAT:
        raise ValueError(f'{path} has format {found}, this version reads {CHECKPOINT_FORMAT}; '
                         f'train again')
    try:
        return Checkpoint(
            config_from_dict(values['config']), values['network'], values['task_weights'],
            values['optimizer'], Progress(**values['progress']), values.get('scaler', {}),
            str(path))
    except (LookupError, TypeError, ValueError) as error:
        raise ValueError(f'{path} is a checkpoint of another version ({error}); train again, or '
                         f'read it with the version that wrote it') from error


def read_network(path: Path) -> Network:
    """Read the network of a checkpoint or of the weights.pt in a model folder."""
    data = read_weights_file(path)
    if is_weights(data):
        return weights_from_bytes(data, str(path)).network
    return read_checkpoint(path).build_network()


def read_weights_file(path: Path) -> bytes:
    """Read a file of weights; ValueError for a graph or a folder."""
    if path.suffix == '.onnx':
        raise ValueError(f'{path} is a graph, not weights; give the weights.pt beside it')
    if path.is_dir():
        raise ValueError(f'{path} is a folder; give the checkpoint.pt or weights.pt in it')
    return path.read_bytes()


def load_initial_weights(path: Path, network: Network) -> None:
    """Load the weights at a path; ValueError when they belong to another network."""
    stored = read_network(path)
    check_same_network(path, stored.config, network.config)
    network.load_state_dict(stored.state_dict())


def check_same_network(path: Path, stored: NetworkConfig, expected: NetworkConfig) -> None:
    """Raise ValueError when the weights at path fit but belong to another configuration."""
    other = [f'{entry.name} {getattr(stored, entry.name)}, not {getattr(expected, entry.name)}'
             for entry in fields(NetworkConfig) if entry.name not in SIZE_FIELDS
             and getattr(stored, entry.name) != getattr(expected, entry.name)]
    if other:
        raise ValueError(f'{path} is of another network: {"; ".join(other)}; give --config with '
                         f'a section network that has the same')
    focal_px = stored.canonical_focal_px * expected.width / stored.width
    if not math.isclose(focal_px, expected.canonical_focal_px, rel_tol=FOCAL_TOLERANCE):
        raise ValueError(f'{path} has a canonical_focal_px of {stored.canonical_focal_px:g} at a '
                         f'width of {stored.width} px, so its depths would be wrong with '
                         f'{expected.canonical_focal_px:g} at {expected.width} px; give '
                         f'{focal_px:g}')
