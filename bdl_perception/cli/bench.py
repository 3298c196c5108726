# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""`bdl bench`: the whole benchmark, one table on the output and JSON beside it."""
import argparse
import importlib
from importlib.util import find_spec
from pathlib import Path
import sys

REQUIRED_MODULES = ('torch', 'onnx', 'matplotlib', 'psutil', 'rclpy', 'domain_coordinator')


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the benchmark can be told."""
    from bdl_perception.bench.row import GROUPS
    lines = '; '.join(f'{name}: {about}' for name, about in GROUPS.items())
    parser.add_argument('--only', nargs='+', choices=GROUPS, metavar='NAME', default=list(GROUPS),
                        help=f'these groups of rows. {lines}')
    parser.add_argument('--out', type=Path, default=Path('bench'),
                        help='folder for bench.json, bench.md, plots and logs')
    parser.add_argument('--model', default='street', help='shipped name or folder of a model')
    parser.add_argument('--minutes', type=float, default=10.0, help='of watching the memory')
    parser.add_argument('--threads', type=int, default=2, help='of each network')
    parser.add_argument('--quick', action='store_true',
                        help='the same rows in under four minutes; too short to be quoted')


def run(arguments: argparse.Namespace) -> int:
    """Measure group by group; what was measured before a failure is on disk already."""
    from bdl_perception.bench import report
    from bdl_perception.bench.harness import frames_path
    from bdl_perception.bench.row import BenchSettings, GroupResult, GROUPS
    from bdl_perception.model_store import load_model_files
    _check_installed(REQUIRED_MODULES)
    setting = BenchSettings(arguments.out.resolve(), arguments.model, arguments.quick,
                      arguments.minutes, arguments.threads)
    load_model_files(setting.model)  # names what is wrong before anything is started
    setting.out.mkdir(parents=True, exist_ok=True)
    described, outcomes = report.describe_machine(), dict[str, GroupResult]()
    try:
        for name in [name for name in GROUPS if name in arguments.only]:
            print(f'{name}: {GROUPS[name]} ...', file=sys.stderr, flush=True)
            group = importlib.import_module(f'bdl_perception.bench.{name}')
            outcomes[name] = group.run(setting)
            report.write_report(outcomes, setting, described)
    finally:
        frames_path(setting).unlink(missing_ok=True)  # 74 MB that can be made again
    print(report.markdown_table(outcomes, setting))
    print(f'{setting.out}: {", ".join(sorted(path.name for path in setting.out.iterdir()))}',
          file=sys.stderr)
    return 0


def _check_installed(modules: tuple[str, ...]) -> None:
    """Miss what is not installed now rather than after minutes."""
    for module in modules:
        if find_spec(module) is None:
            raise ModuleNotFoundError(f'No module named {module!r}', name=module)
