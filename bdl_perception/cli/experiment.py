# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""`bdl experiment`: train many small networks and write down what their uncertainty is worth."""
import argparse
from pathlib import Path
import shlex
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bdl_perception.experiments.config import Tier


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what an experiment can be told."""
    parser.add_argument('experiment', choices=['safety'], metavar='EXPERIMENT',
                        help='safety: the claims of Kendall & Gal 2017 and of Kendall, Gal & '
                             'Cipolla 2018')
    parser.add_argument('--quick', action='store_true',
                        help='the same tables in minutes, with fewer runs of fewer pictures')
    parser.add_argument('--data', type=Path, metavar='DIR',
                        help='drives, OUT of `bdl render`; an empty folder is rendered into '
                             '(default: experiment/TIER/data)')
    parser.add_argument('--out', type=Path, metavar='DIR',
                        help='where README.md and the plots go (default: experiment/TIER)')
    parser.add_argument('--runs', type=Path, metavar='DIR',
                        help='a JSON of each finished run; those that are there are kept '
                             '(default: experiment/TIER/runs)')
    parser.add_argument('--camvid', type=Path, metavar='DIR',
                        help='CamVid in the layout of SegNet: one more held-out condition')
    parser.add_argument('--config', type=Path, metavar='YAML',
                        help='changes of the sizes; the names are the fields of Tier')
    parser.add_argument('--only', default='*', metavar='PATTERN',
                        help='do only the runs with such names, for instance "both_*"')
    parser.add_argument('--threads', type=int, default=2, help='cores to use (default: 2)')
    parser.add_argument('--keep-checkpoints', action='store_true',
                        help='of finished runs too')
    parser.add_argument('--tables-only', action='store_true',
                        help='write the tables from what is in --runs')


def run(arguments: argparse.Namespace) -> int:
    """Render, train, measure what is missing; then write the page."""
    from bdl_perception.datasets.camvid import CamVid
    from bdl_perception.experiments.config import FULL, QUICK, read_tier
    from bdl_perception.experiments.data import load_data
    from bdl_perception.experiments.plan import plan_runs
    from bdl_perception.experiments.report import write_report
    from bdl_perception.experiments.results import read_results
    from bdl_perception.experiments.runner import run_all, select_runs
    tier = read_tier(QUICK if arguments.quick else FULL, arguments.config)
    if arguments.threads < 1:
        raise ValueError(f'--threads is {arguments.threads}, must be 1 or more')
    specs = plan_runs(tier, arguments.threads)
    home = Path('experiment') / tier.name
    arguments.out = arguments.out or home
    arguments.data = arguments.data or home / 'data'
    arguments.runs = arguments.runs or home / 'runs'
    select_runs(specs, arguments.only)  # if there is none, better now than after rendering
    data_hash = None
    if not arguments.tables_only:
        if arguments.camvid is not None:
            CamVid(arguments.camvid, 'val')
        render_missing_drives(arguments.data, tier, arguments.threads)
        data = load_data(arguments.data, tier, arguments.camvid)
        data_hash = data.digest
        run_all(specs, data, arguments.runs, arguments.only, arguments.keep_checkpoints)
    results = read_results(arguments.runs, specs, data_hash)
    if arguments.tables_only and not results.by_name:
        raise ValueError(f'{arguments.runs} holds no result of a run of tier {tier.name}; if it '
                         f'holds those of another, give the --config or --quick that made them')
    page = write_report(results, tier, arguments.out, reproduction_command(arguments))
    print(f'{page}: {len(results.by_name)} of {len(specs)} runs')
    return 0


def render_missing_drives(root: Path, tier: 'Tier', processes: int) -> None:
    """Render what a tier needs, if the folder is not one of other drives."""
    from bdl_perception.experiments.data import splits_to_render
    from bdl_perception.world.drive import WORLD_VERSION
    for size in splits_to_render(root, tier, WORLD_VERSION):
        from bdl_perception.world.dataset import render_drives
        from bdl_perception.world.splits import SplitSpec
        spec = SplitSpec(size.split, size.drives, size.frames, tier.rate_hz, tier.height,
                         tier.width)
        render_drives(root / size.split, spec.drive_specs(), processes)


def reproduction_command(arguments: argparse.Namespace) -> str:
    """Write the command that makes all of it anew."""
    words = ['bdl', 'experiment', arguments.experiment, *(['--quick'] if arguments.quick else [])]
    for name in ('data', 'out', 'runs', 'camvid', 'config', 'threads'):
        value = getattr(arguments, name)
        words += [] if value is None else [f'--{name}', str(value)]
    return shlex.join(words)
