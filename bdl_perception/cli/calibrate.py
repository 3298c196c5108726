# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""`bdl calibrate`: fit the thresholds and limits of the alarm to nominal drives."""
import argparse
import os
from pathlib import Path
from typing import Sequence

from bdl_perception.alarm.calibration import Calibration
from bdl_perception.alarm.calibration_config import CalibrationConfig
from bdl_perception.alarm.score_distribution import GROUP_BY
from bdl_perception.cli.arguments import (
    add_executor_arguments,
    add_model_argument,
    add_sampling_arguments,
    add_scoring_arguments,
    executor_config,
    model_options,
)
from bdl_perception.drives.catalog import CameraDrive, parse_camera_drive
from bdl_perception.files import write_atomic
from bdl_perception.model_store import CALIBRATION_FILE, find_model, save_calibration
from bdl_perception.perception.backend import DEFAULT_MODEL

SUMMARY_SUFFIX, PLOT_SUFFIX = '.txt', '.png'  # of the files beside the calibration
DEFAULT_CONFIG = CalibrationConfig()
AUTO = 'auto'


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the model, the drives, the alarm and the output."""
    add_model_argument(parser, default='', default_text='none; needed without --from-scores')
    parser.add_argument('--from-scores', action='store_true',
                        help='DRIVE are recordings of the topics scores and status of '
                             'perception_node (rosbag2 folder, .mcap, .db3): no image and no '
                             'model is needed, as they have been scored; needs --out '
                             '(default: DRIVE are images)')
    parser.add_argument('drives', nargs='+', metavar='DRIVE',
                        help='nominal drives that the model was not trained on: folders, videos, '
                             'bags, or a folder of rendered drives or bags; at least eight. '
                             'PATH:TOPIC of a bag with several image topics; CAMERA=DRIVE with '
                             '--group-by camera')
    add_calibration_arguments(parser)
    add_scoring_arguments(parser)
    add_sampling_arguments(parser)
    add_executor_arguments(parser)
    parser.add_argument('--out', type=Path, metavar='PATH',
                        help=f'file to write, beside a summary {SUMMARY_SUFFIX} and a plot '
                             f'{PLOT_SUFFIX} (default: {CALIBRATION_FILE} in the model folder, '
                             f'except of a shipped model)')


def add_calibration_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the targets of the alarm."""
    parser.add_argument('--alpha', type=float, default=DEFAULT_CONFIG.alpha,
                        help='probability that a nominal frame exceeds a threshold; the alert '
                             'then stays at WARN for clear_s (default: %(default)s)')
    parser.add_argument('--false-alarms-per-hour', type=float,
                        default=DEFAULT_CONFIG.false_alarms_per_hour,
                        help='target rate of ERROR on nominal drives (default: %(default)s)')
    parser.add_argument('--step-s', type=_parse_step_s, default=DEFAULT_CONFIG.step_s,
                        help='seconds between frames that count; auto: the default, and for the '
                             'thresholds the decorrelation time of the scores '
                             '(default: %(default)s)')
    parser.add_argument('--exponent', type=float, default=DEFAULT_CONFIG.exponent,
                        help='of the evidence of the sequential alarm; a small one counts only '
                             'very low p-values (default: %(default)s)')
    parser.add_argument('--watch', default=','.join(DEFAULT_CONFIG.watched), metavar='A,B,...',
                        help='scores that can raise the alarm (default: %(default)s)')
    parser.add_argument('--group-by', choices=GROUP_BY, default=DEFAULT_CONFIG.group_by,
                        help='light: thresholds for day and for night; camera: thresholds and '
                             'limits for each camera, whose name precedes its drives, such as '
                             'front=DRIVE rear=DRIVE (default: %(default)s)')


def run(arguments: argparse.Namespace) -> int:
    """Calibrate and write the files; nothing is written when a drive fails."""
    from bdl_perception.report.calibration_summary import calibration_text, draw_calibration
    path = _output_path(arguments.out, arguments.model, arguments.from_scores)
    auto = arguments.step_s == AUTO
    config = CalibrationConfig(
        watched=tuple(name.strip() for name in arguments.watch.split(',')), alpha=arguments.alpha,
        step_s=DEFAULT_CONFIG.step_s if auto else arguments.step_s,
        false_alarms_per_hour=arguments.false_alarms_per_hour, exponent=arguments.exponent,
        group_by=arguments.group_by, decorrelate=auto)
    drives = [parse_camera_drive(word) for word in arguments.drives]
    calibration = (_from_scores if arguments.from_scores else _from_images)(
        arguments, drives, config)
    save_calibration(path, calibration)
    summary = calibration_text(calibration)
    write_atomic(path.with_suffix(SUMMARY_SUFFIX), f'{summary}\n'.encode())
    print(summary, f'written to {path}, this text to {path.with_suffix(SUMMARY_SUFFIX).name}',
          sep='\n')
    try:
        write_atomic(path.with_suffix(PLOT_SUFFIX), draw_calibration(calibration))
        print(f'plot: {path.with_suffix(PLOT_SUFFIX)}')
    except ModuleNotFoundError as error:
        print(f'no plot: {error}; pip install matplotlib')
    return 0


def _from_images(arguments: argparse.Namespace, drives: Sequence[CameraDrive],
                 config: CalibrationConfig) -> Calibration:
    from bdl_perception.workflows.calibrate_model import calibrate
    return calibrate(
        arguments.model, drives, config=config, options=model_options(arguments),
        executor=executor_config(arguments), rate_hz=arguments.rate_hz,
        cache_folder=arguments.keep)


def _from_scores(arguments: argparse.Namespace, drives: Sequence[CameraDrive],
                 config: CalibrationConfig) -> Calibration:
    """Calibrate from recorded scores; ValueError for options of the scoring, which is done."""
    from bdl_perception.workflows.calibrate_scores import calibrate_scores
    defaults = argparse.ArgumentParser()
    for add in (add_scoring_arguments, add_sampling_arguments, add_executor_arguments):
        add(defaults)
    useless = ['--' + name.replace('_', '-') for name, value
               in vars(defaults.parse_args([])).items() if getattr(arguments, name) != value]
    if useless or arguments.model:
        raise ValueError(f'--from-scores: {", ".join(useless) or "--model"} has no effect, as the '
                         f'recordings determine how frames were scored; leave it out')
    return calibrate_scores(drives, config=config)


def _output_path(out: Path | None, model: str, from_scores: bool) -> Path:
    """Choose and check the file to write, before hours of scoring."""
    if from_scores and out is None:
        raise ValueError('--from-scores: choose a file to write, such as --out my_camera.json')
    if not from_scores and not model:
        raise ValueError(f'choose the model with --model, such as --model {DEFAULT_MODEL}; '
                         f'recordings of the topics scores and status need --from-scores instead')
    folder = Path() if from_scores else find_model(model)
    if out is None and folder.name == model:  # a shipped name
        raise ValueError(f'{model} is shipped with this package; choose a file to write, such as '
                         f'--out my_camera.json, and start with calibration:=my_camera.json')
    path = out or folder / CALIBRATION_FILE
    if path.is_dir():
        raise ValueError(f'--out {path} is a folder; name a file in it, such as '
                         f'{path / CALIBRATION_FILE}')
    if path.suffix != '.json':
        raise ValueError(f'--out {path} must end in .json, as alert_node reads such a file; '
                         f'{SUMMARY_SUFFIX} and {PLOT_SUFFIX} are written beside it')
    if not path.parent.is_dir() or not os.access(path.parent, os.W_OK | os.X_OK):
        raise ValueError(f'--out {path}: {path.parent} is not a writable folder; make it or '
                         f'choose another one')
    return path


def _parse_step_s(text: str) -> float | str:
    try:
        return AUTO if text == AUTO else float(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f'{text!r} is neither seconds nor {AUTO}') from error
