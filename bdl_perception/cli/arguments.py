# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""Options that several commands share, and the values that are made of them."""
import argparse
import math
from pathlib import Path
from typing import Any, Callable, Iterable

from bdl_perception.datasets import READERS
from bdl_perception.model_store import ModelOptions, shipped_models
from bdl_perception.perception.backend import DEFAULT_MODEL, FIT_MODES, PRECISIONS, PROVIDERS
from bdl_perception.perception.regions import DEFAULT_REGIONS_TEXT, parse_regions
from bdl_perception.workflows.executor import ExecutorConfig

DEFAULT_OPTIONS = ModelOptions()
MODEL_HELP = 'name of a shipped model, or model folder'
CALIBRATION_HELP = ('of the alarm: a file, or street:real for real day roads '
                    '(default: that of the model)')


def add_model_argument(parser: argparse.ArgumentParser, action: str = 'store',
                       default: str | list[str] = DEFAULT_MODEL,
                       default_text: str = '%(default)s') -> None:
    """Declare the model; every command has it in this form."""
    option = parser.add_argument('--model', action=action, default=default, metavar='MODEL',
                                 help=f'{MODEL_HELP} (default: {default_text})')
    option.completer = complete_model  # type: ignore[attr-defined]  # of argcomplete


def refuse_model_names(words: Iterable[str]) -> None:
    """Raise ValueError if a word is a shipped model: MODEL stood in this place until 0.1.0."""
    for word in words:
        if word in shipped_models() and not Path(word).exists():
            raise ValueError(f'{word} is a model: --model {word}')


def complete_model(prefix: str, **_: object) -> list[str]:
    """List the shipped models and the folders that begin with prefix, for a shell."""
    from argcomplete.completers import DirectoriesCompleter
    return [*shipped_models(), *DirectoriesCompleter()(prefix)]


def add_sampling_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the Monte Carlo samples, their seed, and the backend."""
    from bdl_perception.backends import AUTO, BACKENDS
    parser.add_argument('--samples', type=parsed_by(parse_samples),
                        default=DEFAULT_OPTIONS.samples,
                        help='Monte Carlo samples of a frame; a calibration is bound to them '
                             'and to the seed (default: %(default)s)')
    parser.add_argument('--seed', type=parsed_by(parse_natural), default=DEFAULT_OPTIONS.seed,
                        help='of the dropout masks (default: %(default)s)')
    parser.add_argument('--backend', choices=(AUTO, *BACKENDS), default=DEFAULT_OPTIONS.backend,
                        help='library that runs the model; auto: the fastest that is installed '
                             '(default: %(default)s)')
    parser.add_argument('--threads', type=parsed_by(parse_natural),
                        default=DEFAULT_OPTIONS.threads,
                        help='of the backend; 0: all cores (default: %(default)s)')
    parser.add_argument('--provider', choices=PROVIDERS, default=DEFAULT_OPTIONS.provider,
                        help='of ONNX Runtime (default: %(default)s)')
    parser.add_argument('--precision', choices=PRECISIONS, default=DEFAULT_OPTIONS.precision,
                        help='of TensorRT; a calibration is bound to it (default: %(default)s)')


def add_scoring_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare how frames are fitted and scored, and the rate of folders of images."""
    parser.add_argument('--regions', type=parsed_by(parse_regions), default=DEFAULT_REGIONS_TEXT,
                        metavar='NAME=X,Y X,Y X,Y; ...',
                        help='parts of the frame that are scored on their own, as the parameter '
                             'of perception_node (default: %(default)s)')
    parser.add_argument('--fit-mode', choices=FIT_MODES, default=DEFAULT_OPTIONS.fit_mode,
                        help='how a frame of another aspect ratio is fitted to the network, as '
                             'the parameter of perception_node; a calibration is bound to it '
                             '(default: %(default)s)')
    parser.add_argument('--rate-hz', type=parsed_by(parse_positive), metavar='N',
                        help='frames per second of folders of images, which have no stamps; all '
                             'other drives have their own (default: 10, with a warning)')


def add_executor_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare processes, Ray, and the cache of finished drives."""
    parser.add_argument('--processes', type=parsed_by(parse_count), default=1,
                        help='number of drives that are worked on at a time '
                             '(default: %(default)s)')
    parser.add_argument('--ray', default='', metavar='ADDRESS',
                        help='run on the Ray cluster at HOST:PORT; local: start one on this '
                             'machine (default: without Ray)')
    parser.add_argument('--keep', type=Path, metavar='FOLDER',
                        help='store finished drives there, and continue from them after an '
                             'interruption (default: nothing is stored)')


def model_options(arguments: argparse.Namespace) -> ModelOptions:
    """Read the options of the model, with the defaults of those that a command does not have."""
    names = set(ModelOptions.__dataclass_fields__) & set(vars(arguments))
    return ModelOptions(**{name: getattr(arguments, name) for name in names})


def executor_config(arguments: argparse.Namespace) -> ExecutorConfig:
    """Read where the jobs run."""
    return ExecutorConfig(arguments.processes, arguments.ray)


def parse_data(text: str) -> tuple[str, Path]:
    """Read KIND=DIR; ValueError for an unknown KIND or a missing DIR."""
    kind, _, folder = text.partition('=')
    if kind not in READERS or not folder:
        raise ValueError(f'{text!r} must be KIND=DIR, KIND one of {", ".join(READERS)}')
    return kind, Path(folder)


def parse_positive(text: str) -> float:
    """Read a number above 0; ValueError for any other text."""
    number = _parse_number(text)
    if not 0 < number < math.inf:  # false for NaN
        raise ValueError(f'{text!r} must be above 0 and finite')
    return number


def parse_non_negative(text: str) -> float:
    """Read a number of 0 or more; ValueError for any other text."""
    number = _parse_number(text)
    if not 0 <= number < math.inf:
        raise ValueError(f'{text!r} must be 0 or more and finite')
    return number


def _parse_number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise ValueError(f'{text!r} is no number') from None


def parse_count(text: str) -> int:
    """Read a whole number of 1 or more; ValueError for any other text."""
    return _parse_whole_number(text, 1)


def parse_samples(text: str) -> int:
    """Read a whole number of 2 or more, since one sample has no variance; else ValueError."""
    return _parse_whole_number(text, 2)


def parse_natural(text: str) -> int:
    """Read a whole number of 0 or more; ValueError for any other text."""
    return _parse_whole_number(text, 0)


def _parse_whole_number(text: str, minimum: int) -> int:
    if not text.isdecimal() or int(text) < minimum:
        raise ValueError(f'{text!r} must be a whole number of {minimum} or more')
    return int(text)


def parsed_by(parse: Callable[[str], Any]) -> Callable[[str], Any]:
    """Make a parser of a value an argument type: its ValueError is the message of argparse."""
    def argument_type(text: str) -> Any:
        try:
            return parse(text)
        except ValueError as error:
            raise argparse.ArgumentTypeError(str(error)) from error
    return argument_type
