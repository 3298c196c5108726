# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""`bdl faults`: inject faults into the running nodes and measure the reaction times."""
import argparse
from datetime import datetime, timezone
from pathlib import Path
import sys
from typing import TYPE_CHECKING

from bdl_perception.cli.arguments import parse_count, parsed_by
from bdl_perception.files import check_output_folder, mark_output_folder

if TYPE_CHECKING:
    from bdl_perception.faults.row import RowResult

DEFAULT_REPEATS = 20
OUTPUT_NAMES = ('faults.json', 'faults.md', 'logs')


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the rows, the repeats and the output."""
    parser.add_argument('--only', nargs='+', metavar='PATTERN', default=['*'],
                        help='rows or groups of the table, with * and ? (default: all)')
    parser.add_argument('--repeats', type=parsed_by(parse_count), default=DEFAULT_REPEATS,
                        help='of the first row of each kind of detection; variants and rows that '
                             'start processes are repeated less often (default: %(default)s)')
    parser.add_argument('--full', action='store_true',
                        help='repeat all rows equally often, which takes hours '
                             '(default: variants less often)')
    parser.add_argument('--out', type=Path, default=Path('faults'),
                        help='folder for faults.json, faults.md and logs (default: %(default)s)')


def run(arguments: argparse.Namespace) -> int:
    """Measure the rows and write the table, also after each row; 1 when a row fails."""
    from bdl_perception.faults.catalogue import CATALOGUE, select, UNDETECTED
    from bdl_perception.faults.reactions import (
        measure,
        measure_undetected_hazards,
        MeasurementConfig,
    )
    from bdl_perception.faults.table import describe_run, make_document, write_table
    names = {row.name for pattern in arguments.only for row in select(pattern)}
    rows = [row for row in CATALOGUE if row.name in names]
    check_output_folder(arguments.out, OUTPUT_NAMES)
    mark_output_folder(arguments.out)
    described = describe_run(datetime.now(timezone.utc).date().isoformat(), arguments.repeats)
    done: dict[str, RowResult] = {}

    def record(result: 'RowResult') -> None:
        done[result.name] = result
        _report(result)
        write_table(arguments.out, make_document(described, rows, done, {}))

    config = MeasurementConfig(arguments.out.resolve() / 'logs', arguments.repeats,
                               arguments.full)
    measure(config, rows, record)
    undetected = measure_undetected_hazards(config, UNDETECTED if rows == [*CATALOGUE] else ())
    document = make_document(described, rows, done, undetected)
    write_table(arguments.out, document)
    print(f'{len(rows) - len(document["failing"])} of {len(rows)} rows pass; '
          f'{arguments.out}: faults.json, faults.md')
    for name in document['failing']:
        print(f'FAILED: {name}')
    return 1 if document['failing'] else 0


def _report(result: 'RowResult') -> None:
    """Show the progress."""
    times = ('' if result.median_s is None else f' median {result.median_s:.2f} s') + (
        '' if result.worst_s is None else f', worst {result.worst_s:.2f} s')
    reason = result.problem or next((one.reason for one in result.repeats), '')
    note = '' if result.verdict == 'pass' else f' [{reason:.160}]'
    print(f'{result.name}: {result.verdict},{times} of {result.bound_s:.2f} s{note}',
          file=sys.stderr, flush=True)
