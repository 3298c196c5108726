# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""What several commands can be told of how a model is run."""
import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from bdl_perception.perception.backend import FIT_MODES, PRECISIONS, PROVIDERS
from bdl_perception.perception.regions import DEFAULT_REGIONS_TEXT
from bdl_perception.workflows.executor import ExecutorConfig

if TYPE_CHECKING:
    from bdl_perception.perception.backend import Backend


def add_sampling_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare samples, their seed, and what runs the model."""
    parser.add_argument('--samples', type=int, default=16,
                        help='Monte Carlo samples of a frame; a calibration is bound to them '
                             'and to the seed (default: %(default)s)')
    parser.add_argument('--seed', type=int, default=0,
                        help='of the dropout masks (default: %(default)s)')
    parser.add_argument('--backend', default='auto',
                        help='what runs the model; auto: the best that is there '
                             '(default: %(default)s)')
    parser.add_argument('--threads', type=int, default=0,
                        help='of the backend; 0: all cores (default: %(default)s)')
    parser.add_argument('--provider', choices=PROVIDERS, default=PROVIDERS[0],
                        help='of ONNX Runtime (default: %(default)s)')
    parser.add_argument('--precision', choices=PRECISIONS, default=PRECISIONS[0],
                        help='of TensorRT; a calibration is bound to it (default: %(default)s)')


def add_regions_argument(parser: argparse.ArgumentParser) -> None:
    """Declare which parts of the picture have scores of their own."""
    parser.add_argument('--regions', default=DEFAULT_REGIONS_TEXT, metavar='NAME=X,Y X,Y X,Y; ...',
                        help='parts of the picture that are scored on their own, as in the '
                             'parameter of perception_node (default: %(default)s)')


def add_fit_mode_argument(parser: argparse.ArgumentParser) -> None:
    """Declare how a picture of another shape is brought to the network's input."""
    parser.add_argument('--fit-mode', choices=FIT_MODES, default=FIT_MODES[0],
                        help='how a picture of another shape meets the network, as in the '
                             'parameter of perception_node; a calibration is bound to it '
                             '(default: %(default)s)')


def open_model(arguments: argparse.Namespace) -> 'Backend':
    """Open the model with what was declared above."""
    from bdl_perception.backends import open_backend
    from bdl_perception.model_store import ModelOptions
    return open_backend(arguments.model, ModelOptions(
        arguments.backend, arguments.threads, arguments.provider, arguments.precision))


def add_executor_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare processes, Ray, and where finished drives are kept."""
    parser.add_argument('--processes', type=int, default=1,
                        help='work on that many drives at a time (default: %(default)s)')
    parser.add_argument('--ray', default='', metavar='ADDRESS',
                        help='spread drives over the Ray cluster at HOST:PORT; local: start one '
                             'on this machine (default: without Ray)')
    parser.add_argument('--keep', type=Path, metavar='FOLDER',
                        help='keep what is finished, and go on from there after a kill '
                             '(default: nothing is kept)')


def executor_from_arguments(arguments: argparse.Namespace) -> ExecutorConfig:
    """Read what was declared above; ValueError when it cannot be meant."""
    how = ExecutorConfig(arguments.processes, arguments.ray)
    how.check()
    return how


def add_rate_argument(parser: argparse.ArgumentParser) -> None:
    """Declare how fast pictures were taken that do not say it."""
    parser.add_argument('--rate-hz', type=float, metavar='N',
                        help='pictures a second of folders of pictures, which have no stamps; all '
                             'other drives say theirs (default: 10 is assumed, and told)')
