# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""`bdl calibrate`: let a model look at nominal drives, and keep what it says of them."""
import argparse
import json
import os
from pathlib import Path

from bdl_perception.alarm.calibrate import Wish
from bdl_perception.commands.sampling import add_sampling_arguments
from bdl_perception.commands.spreading import add_spreading_arguments
from bdl_perception.commands.spreading import score_all

FILE_NAME = 'calibration.json'
DEFAULTS = Wish()


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what a calibration can be told."""
    parser.add_argument('--model', required=True, help='name of a shipped model, or model folder')
    parser.add_argument('drives', nargs='+', metavar='DRIVE',
                        help='nominal drives that the model was not trained on: folders, videos, '
                             'bags, or a folder of rendered drives; at least eight')
    parser.add_argument('--alpha', type=float, default=DEFAULTS.alpha,
                        help='chance of a WARN from one nominal picture (default: %(default)s)')
    parser.add_argument('--false-alarms-per-hour', type=float,
                        default=DEFAULTS.false_alarms_per_hour,
                        help='wished rate of ERROR on nominal drives (default: %(default)s)')
    parser.add_argument('--step-s', type=float, default=DEFAULTS.step_s,
                        help='seconds between pictures that count (default: %(default)s)')
    parser.add_argument('--exponent', type=float, default=DEFAULTS.exponent,
                        help='of the bets that the sequential alarm sums up; small: it counts '
                             'only what is very strange (default: %(default)s)')
    parser.add_argument('--watch', default=','.join(DEFAULTS.watched), metavar='A,B,...',
                        help='scores that can raise the alarm (default: %(default)s)')
    add_sampling_arguments(parser)
    add_spreading_arguments(parser)
    parser.add_argument('--out', type=Path, metavar='PATH',
                        help=f'file to write (default: {FILE_NAME} in the model folder, not of a '
                             'shipped model)')


def run(arguments: argparse.Namespace) -> int:
    """Score every drive, make the calibration and write it; nothing is written if one fails."""
    from bdl_perception.alarm.calibrate import calibrate
    from bdl_perception.alarm.calibrate import check_wish
    from bdl_perception.alarm.calibration import calibration_to_dict
    from bdl_perception.backends.model_files import find_model
    from bdl_perception.drives import list_drives
    from bdl_perception.evaluation.calibration_summary import summary
    wish = _wish(arguments)
    drives = list_drives(arguments.drives)
    check_wish(wish, len(drives))  # before an hour of scoring, not after
    path: Path = arguments.out or _beside(find_model(arguments.model), arguments.model)
    scored, identity = score_all(arguments, drives, wish.step_s)
    made = calibrate(scored, identity, wish, software_version())
    _write(path, json.dumps(calibration_to_dict(made), indent=1) + '\n')
    print(summary(made), f'written to {path}', sep='\n')
    return 0


def _beside(folder: Path, model: str) -> Path:
    """Give the file in a model's folder, if that folder is the user's own."""
    if folder.name == model:  # a shipped name
        raise ValueError(f'{model} is shipped with this package; say where to write, such as '
                         f'--out my_camera.json, and start with calibration:=my_camera.json')
    return folder / FILE_NAME


def _wish(arguments: argparse.Namespace) -> Wish:
    watched = tuple(name.strip() for name in arguments.watch.split(','))
    return Wish(watched, arguments.alpha, arguments.step_s, arguments.false_alarms_per_hour,
                arguments.exponent)


def software_version() -> str:
    """Give the version of this package, if it is installed."""
    from importlib.metadata import PackageNotFoundError
    from importlib.metadata import version
    try:
        return version('bdl_perception')
    except PackageNotFoundError:
        return 'not installed'


def _write(path: Path, text: str) -> None:
    """Write so that a reader finds the old file or the new one, never half of one."""
    sibling = path.with_name(f'.{path.name}.{os.getpid()}')
    try:
        sibling.write_text(text, encoding='utf-8')
        os.replace(sibling, path)
    finally:
        sibling.unlink(missing_ok=True)
