# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""The command `bdl`: a name for each thing to do; its code is imported when it is asked for."""
import argparse
import importlib
import logging
import sys
from typing import Protocol, Sequence

COMMANDS = {
    'render': 'make drives of the procedural world',
    'train': 'teach the network',
    'export': 'turn a checkpoint into the two graphs of a model',
    'experiment': 'train many small networks and write down what their uncertainty is worth',
    'calibrate': 'make the alarm thresholds of a model from drives',
    'evaluate': 'measure a model and its alarm: one page with plots, tables, JSON',
    'sheet': 'draw what a model says of frames beside what is true',
    'compile': 'build the TensorRT engines of a model ahead of driving',
    'parity': 'hold a backend against the reference on the same frames',
    'quantise': 'try the encoder of a model in int8, and say what that changes',
    'bench': 'measure what the package costs, beside its goals',
    'demo': 'play a drive through the real ROS 2 processes and keep a record',
}

EXTRAS = {  # module -> the part of setup.py's extras that brings it
    'torch': 'train', 'onnx': 'train', 'tensorboard': 'train', 'moderngl': 'world',
    'matplotlib': 'demo', 'rclpy': 'ros', 'domain_coordinator': 'ros', 'h5py': 'datasets',
    'sklearn': 'evaluate', 'scipy': 'evaluate', 'jinja2': 'evaluate', 'psutil': 'bench',
    'tensorrt_rtx': 'rtx', 'cuda': 'rtx', 'ray': 'ray'}


class Command(Protocol):
    """A module of commands/."""

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Declare what the command can be told."""

    def run(self, arguments: argparse.Namespace) -> int:
        """Do it; returns the exit code."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run `bdl`; an error that a user can mend is one line and exit code 2."""
    argv = list(sys.argv[1:] if argv is None else argv)
    overview = _overview_parser()
    if not argv or argv[0] not in COMMANDS:
        overview.parse_args(argv or ['--help'])
        return 2  # pragma: no cover: parse_args has left already
    command: Command = importlib.import_module(f'bdl_perception.cli.{argv[0]}')
    parser = argparse.ArgumentParser(f'bdl {argv[0]}', description=COMMANDS[argv[0]])
    command.add_arguments(parser)
    logging.basicConfig(format='%(message)s')  # to stderr
    logging.getLogger('bdl_perception').setLevel(logging.INFO)
    try:
        return command.run(parser.parse_args(argv[1:]))
    except KeyboardInterrupt:
        return 130  # as a shell says it
    except ModuleNotFoundError as error:
        print(f'bdl {argv[0]}: {_install_hint(error)}', file=sys.stderr)
        return 2
    except (OSError, ValueError, RuntimeError) as error:
        # Not the error itself: it holds this frame, which would hold it and all that it failed in.
        print(f'bdl {argv[0]}: {error}', file=sys.stderr)
        return 2


def _install_hint(error: ModuleNotFoundError) -> str:
    """Say which part of the package was not installed."""
    extra = EXTRAS.get((error.name or '').split('.')[0])
    if extra is None:
        return str(error)
    return f"{error}; in the checkout: {sys.executable} -m pip install -e '.[{extra}]'"


def _overview_parser() -> argparse.ArgumentParser:
    lines = '\n'.join(f'  {name:10} {what}' for name, what in COMMANDS.items())
    parser = argparse.ArgumentParser(
        'bdl', formatter_class=argparse.RawDescriptionHelpFormatter,
        description=f'Bayesian perception for driving robots.\n\n{lines}\n\n'
                    f'`bdl NAME --help` tells more.')
    parser.add_argument('command', choices=COMMANDS, metavar='NAME')
    return parser


if __name__ == '__main__':
    sys.exit(main())
