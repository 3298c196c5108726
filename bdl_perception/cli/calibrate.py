# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""`bdl calibrate`: let a model look at nominal drives, and keep what it says of them."""
import argparse
from dataclasses import replace
import json
import os
from pathlib import Path
from typing import Any, Mapping, Sequence, TYPE_CHECKING

from bdl_perception.alarm.calibration_config import CalibrationConfig
from bdl_perception.alarm.conformal import TAILS
from bdl_perception.alarm.score_distribution import GROUP_BY
from bdl_perception.cli.arguments import (
    add_executor_arguments,
    add_fit_mode_argument,
    add_rate_argument,
    add_regions_argument,
    add_sampling_arguments,
    executor_from_arguments,
)
from bdl_perception.drives.catalog import check_rate, list_camera_drives, open_checked_drives
from bdl_perception.drives.description import check_nominal
from bdl_perception.files import write_atomic
from bdl_perception.model_store import CALIBRATION_FILE
from bdl_perception.perception.regions import parse_regions
from bdl_perception.version import software_version
from bdl_perception.workflows.calibrate_model import check_unique_drives, score_drives

if TYPE_CHECKING:
    from bdl_perception.drives.base import Drive


SUMMARY_SUFFIX, PLOT_SUFFIX = '.txt', '.png'  # take the place of .json in the names of what is made of it
DEFAULT_CONFIG = CalibrationConfig()
AUTO = 'auto'


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what a calibration can be told."""
    parser.add_argument('--model', required=True, help='name of a shipped model, or model folder')
    parser.add_argument('drives', nargs='+', metavar='DRIVE',
                        help='nominal drives that the model was not trained on: folders, videos, '
                             'bags, or a folder of rendered drives or bags; at least eight. '
                             'PATH:TOPIC of a bag with several image topics; CAMERA=DRIVE with '
                             '--group-by camera')
    add_calibration_arguments(parser)
    add_rate_argument(parser)
    add_sampling_arguments(parser)
    add_regions_argument(parser)
    add_fit_mode_argument(parser)
    add_executor_arguments(parser)
    parser.add_argument('--out', type=Path, metavar='PATH',
                        help=f'file to write, and beside it what it says in words, as {SUMMARY_SUFFIX} '
                             f'(default: {CALIBRATION_FILE} in the model folder, not of a shipped '
                             f'model)')


def add_calibration_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what is wished of the alarm."""
    parser.add_argument('--alpha', type=float, default=DEFAULT_CONFIG.alpha,
                        help='chance that one nominal picture passes a threshold; the alert then '
                             'stays at WARN for clear_s (default: %(default)s)')
    parser.add_argument('--false-alarms-per-hour', type=float,
                        default=DEFAULT_CONFIG.false_alarms_per_hour,
                        help='wished rate of ERROR on nominal drives (default: %(default)s)')
    parser.add_argument('--step-s', type=_parse_step_s, default=DEFAULT_CONFIG.step_s,
                        help='seconds between pictures that count; auto: the default, and as '
                             'long as the scores remember for the thresholds '
                             '(default: %(default)s)')
    parser.add_argument('--slow-step-s', type=float, default=DEFAULT_CONFIG.slow_step_s,
                        help='seconds that the slow alarm sums up in one p-value '
                             '(default: %(default)s)')
    parser.add_argument('--exponent', type=float, default=DEFAULT_CONFIG.exponent,
                        help='of the bets that the sequential alarm sums up; small: it counts '
                             'only what is very strange (default: %(default)s)')
    parser.add_argument('--watch', default=','.join(DEFAULT_CONFIG.watched), metavar='A,B,...',
                        help='scores that can raise the alarm (default: %(default)s)')
    parser.add_argument('--tails', choices=TAILS, default=DEFAULT_CONFIG.tails,
                        help='which scores are strange: high ones, or low ones too '
                             '(default: %(default)s)')
    parser.add_argument('--group-by', choices=GROUP_BY, default=DEFAULT_CONFIG.group_by,
                        help='light: thresholds for day and for night; camera: thresholds and '
                             'limits for each camera, whose name stands before its drives, such '
                             'as front=DRIVE rear=DRIVE (default: %(default)s)')


def run(arguments: argparse.Namespace) -> int:
    """Score every drive, make the calibration and write it; nothing is written if one fails."""
    from bdl_perception.alarm.calibrate import calibrate
    from bdl_perception.alarm.calibrate_cameras import calibrate_cameras, check_cameras
    from bdl_perception.alarm.calibration_config import check_calibration_config, count_recordings
    from bdl_perception.alarm.calibration_io import calibration_to_dict
    from bdl_perception.model_store import load_model_files
    from bdl_perception.report.calibration_plot import draw_calibration
    from bdl_perception.report.calibration_text import calibration_text
    wish, regions = _calibration_config(arguments), parse_regions(arguments.regions)
    files, how = load_model_files(arguments.model), executor_from_arguments(arguments)
    files.spec.check_samples(arguments.samples)
    drives = list_camera_drives(arguments.drives, wish.group_by)
    opened = _open_nominal_drives([drive.path for drive in drives])
    if wish.group_by == 'camera':  # before an hour of scoring, not after
        check_cameras([(drive.camera, drive.recording) for drive in drives])
    check_calibration_config(wish, count_recordings(drive.recording for drive in drives), regions)
    _check_version()
    path: Path = arguments.out or _default_output_path(files.folder, arguments.model)
    _check_writable(path)
    check_rate('calibrate', opened, arguments.rate_hz)
    scored = score_drives(arguments, how, opened, wish.step_s)
    make = calibrate_cameras if wish.group_by == 'camera' else calibrate
    of_cameras = [one._replace(camera=drive.camera, recording=drive.recording)
                  for one, drive in zip(scored.drives, drives, strict=True)]
    made = replace(make(of_cameras, scored.identity, wish, software_version()),
                   intervals=scored.intervals)
    write_atomic(path, _calibration_json(calibration_to_dict(made)).encode())
    said = calibration_text(made)
    write_atomic(path.with_suffix(SUMMARY_SUFFIX), f'{said}\n'.encode())
    drawn = draw_calibration(made, path.with_suffix(PLOT_SUFFIX))
    print(said, f'written to {path}, this to {path.with_suffix(SUMMARY_SUFFIX).name}', drawn,
          sep='\n')
    return 0


def _open_nominal_drives(paths: Sequence[Path]) -> dict[Path, 'Drive']:
    """Open every drive, and refuse what no alarm may learn from, before they are counted."""
    opened = dict(zip(paths, open_checked_drives(paths), strict=True))
    check_unique_drives(paths)
    check_nominal(paths)
    return opened


def _check_version() -> None:
    """Refuse to make what would arm nowhere: a calibration of a version that nobody knows."""
    from bdl_perception.alarm.arming import version_rejection
    refusal = version_rejection(software_version(), software_version())
    if refusal:
        raise ValueError(refusal)


def _check_writable(path: Path) -> None:
    """Refuse, before an hour of scoring, a name at which nothing can be written after it."""
    if path.is_dir():
        raise ValueError(f'--out {path} is a folder; name a file in it, such as '
                         f'{path / CALIBRATION_FILE}')
    if path.suffix != '.json':
        raise ValueError(f'--out {path} must be a name in .json: alert_node takes no other for a '
                         f'file, and {SUMMARY_SUFFIX} and {PLOT_SUFFIX} are of what is written beside')
    if not path.parent.is_dir():
        raise ValueError(f'--out {path}: there is no folder {path.parent}; make it')
    if not os.access(path.parent, os.W_OK | os.X_OK):
        raise ValueError(f'--out {path}: nothing can be written in {path.parent}; write elsewhere')


def _default_output_path(folder: Path, model: str) -> Path:
    """Give the file in a model's folder, if that folder is the user's own."""
    if folder.name == model:  # a shipped name
        raise ValueError(f'{model} is shipped with this package; say where to write, such as '
                         f'--out my_camera.json, and start with calibration:=my_camera.json')
    return folder / CALIBRATION_FILE


def _calibration_config(arguments: argparse.Namespace) -> CalibrationConfig:
    watched = tuple(name.strip() for name in arguments.watch.split(','))
    auto = arguments.step_s == AUTO
    return CalibrationConfig(watched, arguments.alpha, DEFAULT_CONFIG.step_s if auto else arguments.step_s,
                arguments.false_alarms_per_hour, arguments.exponent, arguments.tails,
                arguments.group_by, arguments.slow_step_s, decorrelate=auto)


def _parse_step_s(text: str) -> float | str:
    try:
        return AUTO if text == AUTO else float(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f'{text!r} is neither seconds nor {AUTO}') from error


def _calibration_json(values: Mapping[str, Any]) -> str:
    """Write JSON with one entry a line: thousands of scores fill as few bytes as they can."""
    entries = (f'{json.dumps(name)}: {json.dumps(value, separators=(",", ":"))}'
               for name, value in values.items())
    return '{\n' + ',\n'.join(entries) + '\n}\n'
