# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
# PYTHON_ARGCOMPLETE_OK: a shell may complete words, see complete()
"""The command `bdl` and the executables of the nodes; a module is imported when it is used."""
import argparse
from contextlib import contextmanager
import importlib
import logging
import multiprocessing
import os
from pathlib import Path
import shlex
import signal
import sys
import threading
from typing import Any, Iterator, Protocol, Sequence

from bdl_perception.cli.command_parser import command_parser, suggestion
from bdl_perception.version import software_version

COMMANDS = {
    'render': 'render drives of the procedural world',
    'train': 'train the network',
    'export': 'export a checkpoint as a model: two graphs and their weights',
    'experiment': 'train many small networks and measure the quality of their uncertainty',
    'calibrate': 'fit the alarm of a model to nominal drives',
    'evaluate': 'measure a model and its alarm: one page with plots, tables, JSON',
    'replay': 'run a recording through the alarm: a page with its timeline, a bag',
    'live': 'show a camera or a recording with its alert on a page of this machine',
    'sheet': 'draw predictions beside the ground truth',
    'compile': 'build the TensorRT engines of a model before driving',
    'parity': 'compare a backend with the reference on the same frames',
    'quantise': 'quantise the encoder of a model to int8 and measure the difference',
    'bench': 'measure latency, memory and load, beside their goals',
    'faults': 'inject faults into the running nodes and measure the reaction times',
    'doctor': 'check ROS 2, shared memory, inference, models and topics on this machine',
    'demo': 'play a drive through the ROS 2 nodes and record it',
    'soak': 'run the nodes under load and scheduled faults, and check every alert',
}

EXTRAS = {  # module -> the extra of setup.py that installs it
    'torch': 'train', 'onnx': 'train', 'tensorboard': 'train', 'moderngl': 'world',
    'matplotlib': 'demo', 'rclpy': 'ros', 'domain_coordinator': 'ros', 'h5py': 'datasets',
    'sklearn': 'evaluate', 'scipy': 'evaluate', 'jinja2': 'evaluate', 'psutil': 'bench',
    'tensorrt_rtx': 'rtx', 'tensorrt_lean': 'lean', 'cuda': 'rtx', 'ray': 'ray'}
ROS_SUFFIXES = ('_msgs', '_interfaces', '_srvs')  # of packages of messages
EXIT_CONFIG_ERROR = 2  # as of a node with wrong parameters: starting it again does not help


class Command(Protocol):
    """A module of cli/."""

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Declare the arguments of the command."""

    def run(self, arguments: argparse.Namespace) -> int:
        """
        Run the command; returns the exit code.

        Beside its own, arguments has command_line: the whole command as a shell takes it.
        """


def main(argv: Sequence[str] | None = None) -> int:
    """Run `bdl`; an error that a user can correct is one line and exit code 2."""
    argv = list(sys.argv[1:] if argv is None else argv)
    if {'_ARGCOMPLETE', 'COMP_LINE', 'COMP_POINT'} <= os.environ.keys():
        complete(os.environ['COMP_LINE'][:int(os.environ['COMP_POINT'])])
    overview = _overview_parser()
    if not argv or argv[0] not in COMMANDS:
        if argv and not argv[0].startswith('-'):
            overview.error(f'there is no command {argv[0]!r}' + suggestion(argv[0], COMMANDS))
        overview.parse_args(argv or ['--help'])
        return 2  # pragma: no cover: parse_args has left already
    command, parser = _load_command(argv[0])
    try:
        arguments = parser.parse_args(argv[1:])
        arguments.command_line = shlex.join(('bdl', *argv))
        with _log_to_stderr(argv[0]), _sigterm_interrupts():
            return command.run(arguments)
    except KeyboardInterrupt:
        return 130  # as in a shell
    except ModuleNotFoundError as error:
        print(f'bdl {argv[0]}: {install_hint(error)}', file=sys.stderr)
        return 2
    except (OSError, ValueError, RuntimeError) as error:
        print(f'bdl {argv[0]}: {_error_text(error)}', file=sys.stderr)
        return 2


def complete(line: str) -> None:
    """Write the completions of the last word of a command line, with argcomplete, and exit."""
    import argcomplete
    words = line.split()
    parser: argparse.ArgumentParser = _overview_parser()
    if words[1:] and words[1] in COMMANDS and line.split(maxsplit=1)[1] != words[1]:
        _, parser = _load_command(words[1])
        os.environ['_ARGCOMPLETE'] = '2'  # the word from which the parser reads
    argcomplete.autocomplete(parser)


def _load_command(name: str) -> tuple[Command, argparse.ArgumentParser]:
    command: Command = importlib.import_module(f'bdl_perception.cli.{name}')
    parser = command_parser(name, COMMANDS[name])
    command.add_arguments(parser)
    return command, parser


@contextmanager
def _log_to_stderr(command: str) -> Iterator[None]:
    """Write the log of the package to stderr, in the format of the errors."""
    handler, logger = logging.StreamHandler(), logging.getLogger('bdl_perception')
    handler.setFormatter(logging.Formatter(f'bdl {command}: %(message)s'))
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    try:
        yield
    finally:
        logger.removeHandler(handler)


@contextmanager
def _sigterm_interrupts() -> Iterator[None]:
    """Let SIGTERM end a command as SIGINT does, so that it ends the processes it started."""
    if threading.current_thread() is not threading.main_thread():
        yield  # only the main thread may set a handler
        return

    def interrupt(number: int, frame: Any) -> None:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)  # a second one must not cut the end short
        for worker in multiprocessing.active_children():
            worker.terminate()
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _error_text(error: Exception) -> str:
    """Write an error; one of the operating system without its number."""
    if isinstance(error, OSError) and error.strerror:
        names = ' -> '.join(str(name) for name in (error.filename, error.filename2) if name)
        return f'{names}: {error.strerror}' if names else error.strerror
    return str(error)


def install_hint(error: ModuleNotFoundError) -> str:
    """Name the command that installs the missing extra, in a checkout or from a wheel."""
    module = (error.name or '').split('.')[0]
    extra = EXTRAS.get(module, 'ros' if module.endswith(ROS_SUFFIXES) else None)
    if extra is None:
        return str(error)
    source = '; or source the setup.bash of ROS 2' if extra == 'ros' else ''
    if (Path(__file__).parents[2] / 'setup.py').is_file():
        return (f"{error}; in the checkout: {sys.executable} -m pip install -e '.[{extra}]'"
                f'{source}')
    return f"{error}: {sys.executable} -m pip install 'bdl_perception[{extra}]'{source}"


def _overview_parser() -> argparse.ArgumentParser:
    lines = '\n'.join(f'  {name:10} {text}' for name, text in COMMANDS.items())
    parser = argparse.ArgumentParser(
        'bdl', formatter_class=argparse.RawDescriptionHelpFormatter,
        description=f'Bayesian perception for driving robots.\n\n{lines}\n\n'
                    f'`bdl NAME --help` lists its options.')
    parser.add_argument('--version', action='version',
                        version=f'bdl_perception {software_version()}')
    parser.add_argument('command', choices=COMMANDS, metavar='NAME')
    return parser


def run_node(name: str) -> int:
    """Run a module of nodes/; returns its exit code. Without ROS 2, one line says the remedy."""
    try:
        node = importlib.import_module(f'bdl_perception.nodes.{name}')
    except ModuleNotFoundError as error:
        print(f'{name} does not start: {install_hint(error)}', file=sys.stderr)
        return EXIT_CONFIG_ERROR
    code: int = node.main()
    return code


def perception_node() -> int:
    """Run perception_node."""
    return run_node('perception_node')


def alert_node() -> int:
    """Run alert_node."""
    return run_node('alert_node')


def governor_node() -> int:
    """Run governor_node."""
    return run_node('governor_node')


def camera_node() -> int:
    """Run camera_node."""
    return run_node('camera_node')


def recorder_node() -> int:
    """Run recorder_node."""
    return run_node('recorder_node')


def viewer_node() -> int:
    """Run viewer_node."""
    return run_node('viewer_node')


if __name__ == '__main__':
    sys.exit(main())
