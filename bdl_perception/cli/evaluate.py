# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""`bdl evaluate`: measure a model and its alarm; a page with plots, tables and JSON."""
import argparse
from dataclasses import replace
import json
from pathlib import Path
import sys
from typing import Any, Mapping, TYPE_CHECKING

from bdl_perception.cli.arguments import (
    add_executor_arguments,
    add_model_argument,
    add_sampling_arguments,
    add_scoring_arguments,
    CALIBRATION_HELP,
    executor_config,
    model_options,
    parse_count,
    parse_data,
    parsed_by,
    refuse_model_names,
)
from bdl_perception.files import check_output_folder, mark_output_folder, write_atomic

if TYPE_CHECKING:
    from bdl_perception.datasets import DatasetSource

RESULTS_FILE, TABLES_FILE, REPORT_FILE = 'evaluation.json', 'evaluation.md', 'report.html'


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the model, the drives, what they are compared with, and the output."""
    parser.add_argument('drives', nargs='*', metavar='DRIVES',
                        help='rendered drives, folders of such, an output folder of `bdl render` '
                             '(of which SPLIT and each SPLIT_CONDITION are read), KIND:DIR:SPLIT '
                             'of a data set, or recordings without ground truth: folders of '
                             'images, videos, bags')
    parser.add_argument('--data', type=parsed_by(parse_data), action='append', default=[],
                        metavar='KIND=DIR',
                        help='data set: its test split, or its validation split if it has no '
                             'test or --nominal is validation; repeat the option for several'
                             '; a folder of camvid with coarse labels of IDD is idd '
                             '(default: no data set)')
    parser.add_argument('--anomaly', type=Path, action='append', default=[], metavar='DIR',
                        help='frames with masks of unknown objects in the layout of '
                             'SegmentMeIfYouCan (images/, labels_masks/), or a folder of such '
                             'sets: AP, FPR95 and AUROC by pixel of each map (default: none)')
    parser.add_argument('--camvid', type=Path, metavar='DIR',
                        help='CamVid in the layout of SegNet; its val with --nominal validation, '
                             'else its test (default: no CamVid)')
    parser.add_argument('--calibration', type=Path, metavar='FILE',
                        help=CALIBRATION_HELP)
    parser.add_argument('--camera', metavar='NAME',
                        help='camera of the drives, in a calibration grouped by camera '
                             '(default: all drives of the calibration are used)')
    parser.add_argument('--nominal', metavar='SPLIT',
                        help='set that all others are compared with; it also selects which '
                             'splits of an output folder of `bdl render` are read: SPLIT and '
                             'each SPLIT_CONDITION (default: test, else the first set of nominal '
                             'drives; camvid_test compares other cameras with CamVid)')
    parser.add_argument('--out', type=Path, required=True, metavar='DIR',
                        help=f'folder for {REPORT_FILE}, {TABLES_FILE} and {RESULTS_FILE}')
    parser.add_argument('--stride', type=parsed_by(parse_count), default=1,
                        help='take every n-th frame of a drive (default: %(default)s)')
    parser.add_argument('--quality-every', type=parsed_by(parse_count), default=1,
                        metavar='N',
                        help='compare every n-th of these frames with the ground truth; the '
                             'alarm uses all (default: %(default)s)')
    add_model_argument(parser)
    add_scoring_arguments(parser)
    add_sampling_arguments(parser)
    add_executor_arguments(parser)


def run(arguments: argparse.Namespace) -> int:
    """Evaluate every drive, then write all files; 1 when a drive failed."""
    refuse_model_names(arguments.drives)
    from bdl_perception.workflows.evaluate_drives import evaluate, EvaluationConfig, join_errors
    import jinja2  # noqa: F401  # a missing library is an error before the first drive
    import matplotlib  # noqa: F401
    _check_output(arguments.out, arguments.keep)
    config = EvaluationConfig(
        arguments.nominal, arguments.camvid, arguments.calibration, arguments.camera,
        arguments.stride, arguments.quality_every, arguments.rate_hz, arguments.keep)
    result = evaluate(arguments.model, [*arguments.drives, *_datasets(arguments)], config=config,
                      options=model_options(arguments), executor=executor_config(arguments))
    texts = _report_files(replace(result, command=arguments.command_line).to_dict())
    mark_output_folder(arguments.out)
    for name, text in texts.items():
        write_atomic(arguments.out / name, text.encode())
    print(texts[TABLES_FILE], f'written to {arguments.out}', sep='\n')
    if result.failed:
        count = len(result.results.drives) + len(result.failed)
        print(f'bdl evaluate: {len(result.failed)} of {count} drives failed: '
              f'{join_errors(result.failed)}', file=sys.stderr)
    return 1 if result.failed else 0


def _datasets(arguments: argparse.Namespace) -> list['DatasetSource']:
    """Choose the splits of --data and list the sets of --anomaly."""
    from bdl_perception.datasets import anomaly_sources, evaluation_source
    validation = (arguments.nominal or '').startswith('val')
    found = [evaluation_source(kind, root, validation) for kind, root in arguments.data]
    found += [one for folder in arguments.anomaly for one in anomaly_sources(folder)]
    if not (found or arguments.drives or arguments.camvid):
        raise ValueError('nothing to evaluate: give DRIVES, --data or --anomaly')
    return found


def _check_output(out: Path, keep: Path | None) -> None:
    """Raise ValueError for a folder that may not be written, before hours of work."""
    inside = keep is not None and keep.absolute().parent == out.absolute()
    check_output_folder(out, (RESULTS_FILE, TABLES_FILE, REPORT_FILE),
                        [keep.name] if keep is not None and inside else [])


def _report_files(evaluation: Mapping[str, Any]) -> dict[str, str]:
    """Make the text of each file; all are made before any is written."""
    from bdl_perception.report.markdown import markdown, to_json_values
    from bdl_perception.report.page import render_page
    values = to_json_values(evaluation)
    return {RESULTS_FILE: json.dumps(values, indent=1) + '\n', TABLES_FILE: markdown(values),
            REPORT_FILE: render_page(values)}
