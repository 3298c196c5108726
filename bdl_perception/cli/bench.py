# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""`bdl bench`: measure latency, memory and load; one table, and JSON beside it."""
import argparse
import importlib
from importlib.util import find_spec
from pathlib import Path
import sys

from bdl_perception.cli.arguments import add_model_argument, parse_count, parse_positive, parsed_by
from bdl_perception.files import check_output_folder, mark_output_folder
from bdl_perception.perception.backend import DEMO_MODEL

OUTPUT_NAMES = ('bench.json', 'bench.md', '*.png', 'work')
REQUIRED_MODULES = ('torch', 'onnx', 'matplotlib', 'psutil', 'rclpy', 'domain_coordinator')


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the groups, the model and the output."""
    from bdl_perception.bench.row import GROUPS
    lines = '; '.join(f'{name}: {title}' for name, title in GROUPS.items())
    parser.add_argument('--only', nargs='+', choices=GROUPS, metavar='NAME', default=list(GROUPS),
                        help=f'groups of rows to measure (default: all). {lines}')
    parser.add_argument('--out', type=Path, default=Path('bench'),
                        help='folder for bench.json, bench.md, plots and logs '
                             '(default: %(default)s)')
    add_model_argument(parser, default=DEMO_MODEL)
    parser.add_argument('--minutes', type=parsed_by(parse_positive), default=10.0,
                        help='duration of the memory measurement (default: %(default)s)')
    parser.add_argument('--threads', type=parsed_by(parse_count), default=2,
                        help='of each network (default: %(default)s)')
    parser.add_argument('--quick', action='store_true',
                        help='the same rows in under four minutes; too short to be quoted '
                             '(default: the whole measurement)')


def run(arguments: argparse.Namespace) -> int:
    """Measure each group and write its rows at once."""
    from bdl_perception.bench import report
    from bdl_perception.bench.harness import frames_path
    from bdl_perception.bench.row import BenchSettings, GroupResult, GROUPS
    from bdl_perception.model_store import load_model_files
    _check_installed(REQUIRED_MODULES)
    settings = BenchSettings(arguments.out.resolve(), arguments.model, arguments.quick,
                             arguments.minutes, arguments.threads)
    load_model_files(settings.model)  # a wrong model is an error before any measurement
    check_output_folder(settings.out, OUTPUT_NAMES)
    mark_output_folder(settings.out)
    machine, results = report.describe_machine(), dict[str, GroupResult]()
    try:
        for name in [name for name in GROUPS if name in arguments.only]:
            print(f'{name}: {GROUPS[name]} ...', file=sys.stderr, flush=True)
            group = importlib.import_module(f'bdl_perception.bench.{name}')
            results[name] = group.run(settings)
            report.write_report(results, settings, machine)
    finally:
        frames_path(settings).unlink(missing_ok=True)  # 74 MB that can be made again
    print(report.markdown_table(results, settings))
    print(f'{settings.out}: {", ".join(sorted(path.name for path in settings.out.iterdir()))}',
          file=sys.stderr)
    return 0


def _check_installed(modules: tuple[str, ...]) -> None:
    """Raise ModuleNotFoundError for a missing module before the measurements."""
    for module in modules:
        if find_spec(module) is None:
            raise ModuleNotFoundError(f'No module named {module!r}', name=module)
