# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""`bdl experiment`: train many small networks and measure the quality of their uncertainty."""
import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from bdl_perception.cli.arguments import parse_count, parsed_by
from bdl_perception.files import check_output_folder, mark_output_folder

if TYPE_CHECKING:
    from bdl_perception.experiments.config import Tier


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the experiment, its data and its output."""
    parser.add_argument('experiment', choices=['safety'], metavar='EXPERIMENT',
                        help='safety: the claims of Kendall & Gal 2017 and of Kendall, Gal & '
                             'Cipolla 2018')
    parser.add_argument('--quick', action='store_true',
                        help='the same tables in minutes, with fewer runs and frames '
                             '(default: all of them)')
    parser.add_argument('--data', type=Path, metavar='DIR',
                        help='output folder of `bdl render`; missing drives are rendered '
                             '(default: experiment/TIER/data)')
    parser.add_argument('--out', type=Path, metavar='DIR',
                        help='folder for README.md, scores.md and the plots '
                             '(default: experiment/TIER)')
    parser.add_argument('--runs', type=Path, metavar='DIR',
                        help='folder for the JSON of each finished run, which is not repeated '
                             '(default: experiment/TIER/runs)')
    parser.add_argument('--camvid', type=Path, metavar='DIR',
                        help='CamVid in the layout of SegNet, which class networks learn from; '
                             'other data for those of depth (default: none)')
    parser.add_argument('--idd', type=Path, metavar='DIR',
                        help='IDD-Lite in the layout of CamVid: other data for all networks '
                             '(default: none)')
    parser.add_argument('--config', type=Path, metavar='YAML',
                        help='changes of the sizes; the keys are the fields of Tier '
                             '(default: none)')
    parser.add_argument('--only', default='*', metavar='PATTERN',
                        help='run only those with matching names, such as "depth_*" '
                             '(default: all)')
    parser.add_argument('--threads', type=parsed_by(parse_count), default=2,
                        help='cores to use (default: %(default)s)')
    parser.add_argument('--keep-checkpoints', action='store_true',
                        help='do not delete the checkpoints of finished runs (default: they are)')
    parser.add_argument('--tables-only', action='store_true',
                        help='write the tables from the results in --runs (default: run first)')


def run(arguments: argparse.Namespace) -> int:
    """Render, train and measure what is missing; then write the page."""
    from bdl_perception.datasets.camvid import CamVid
    from bdl_perception.experiments.config import FULL, QUICK, read_tier
    from bdl_perception.experiments.data import load_data, REAL_PARTS
    from bdl_perception.experiments.report import write_report
    from bdl_perception.experiments.runner import read_finished, run_plan, select_runs
    tier = read_tier(QUICK if arguments.quick else FULL, arguments.config)
    home = Path('experiment') / tier.name
    drives, runs = arguments.data or home / 'data', arguments.runs or home / 'runs'
    out = arguments.out or home
    check_output_folder(out, ('README.md', 'scores.md', '*.png'),
                        others=[path.name for path in (home / 'data', drives, runs)
                                if path.absolute().parent == out.absolute()])
    results = read_finished(tier, runs, arguments.threads)
    select_runs(results.specs, arguments.only)  # an error if none matches, before rendering
    if not arguments.tables_only:
        for name in REAL_PARTS:
            if (folder := getattr(arguments, name)) is not None:
                CamVid(folder, 'val')
        render_missing_drives(drives, tier, arguments.threads)
        data = load_data(drives, tier, arguments.camvid, arguments.idd)
        results = run_plan(tier, data, runs, arguments.threads, arguments.only,
                           arguments.keep_checkpoints)
    if arguments.tables_only and not results.by_name:
        raise ValueError(f'{runs} has no result of tier {tier.name}; give the --config or --quick '
                         f'of the runs')
    mark_output_folder(out)
    page = write_report(results, tier, out, arguments.command_line)
    print(f'{page}: {len(results.by_name)} of {len(results.specs)} runs')
    return 0


def render_missing_drives(root: Path, tier: 'Tier', processes: int) -> None:
    """Render the missing drives of a tier, if the folder has no others."""
    from bdl_perception.experiments.data import splits_to_render
    from bdl_perception.world.versions import WORLD_VERSION
    for size in splits_to_render(root, tier, WORLD_VERSION):
        from bdl_perception.world.dataset import render_drives
        from bdl_perception.world.splits import SplitSpec
        spec = SplitSpec(size.split, size.drives, size.frames, tier.rate_hz, tier.height,
                         tier.width)
        render_drives(root / size.split, spec.drive_specs(), processes)
