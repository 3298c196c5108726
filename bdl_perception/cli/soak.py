# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""`bdl soak`: run the nodes under load and scheduled faults, and check every alert."""
import argparse
from contextlib import contextmanager
from pathlib import Path
import signal
from threading import Event
from typing import Any, Iterator, TYPE_CHECKING

from bdl_perception.cli.arguments import (
    add_model_argument,
    parse_natural,
    parse_positive,
    parsed_by,
)
from bdl_perception.files import check_output_folder, mark_output_folder
from bdl_perception.perception.backend import DEMO_MODEL

if TYPE_CHECKING:
    from bdl_perception.faults.soak_rig import SoakSummary

OUTPUT_NAMES = ('soak.json', 'soak.png', 'logs')
SIGNALS = (signal.SIGINT, signal.SIGTERM)
INCONCLUSIVE, INTERRUPTED = 3, 130  # exit codes; 130 as in a shell


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the duration, the seed, the model and the output."""
    parser.add_argument('--minutes', type=parsed_by(parse_positive), default=5.0,
                        help='duration after the first OK (default: %(default)s)')
    parser.add_argument('--seed', type=parsed_by(parse_natural), default=1,
                        help='of the schedule of faults and load (default: %(default)s)')
    parser.add_argument('--out', type=Path, default=Path('soak'),
                        help='folder for soak.json, soak.png and logs (default: %(default)s)')
    add_model_argument(parser, default=DEMO_MODEL)


def run(arguments: argparse.Namespace) -> int:
    """Run the soak test; 1: anything was not as required; 3: the machine was too slow."""
    from bdl_perception.faults.soak import SoakConfig
    from bdl_perception.faults.soak_rig import run_soak
    from bdl_perception.model_store import load_model_files
    import matplotlib.figure  # noqa: F401  # a missing library is an error before the run
    config = SoakConfig(arguments.out, arguments.minutes, arguments.seed, arguments.model)
    load_model_files(arguments.model)
    check_output_folder(arguments.out, OUTPUT_NAMES)
    mark_output_folder(arguments.out)
    for name in OUTPUT_NAMES[:2]:
        (arguments.out / name).unlink(missing_ok=True)  # of an earlier run
    with stopping_signals() as stop:
        summary = run_soak(config, stop)
    _print_summary(summary)
    print(f'{arguments.out}: soak.json, soak.png, logs')
    if summary.violations:
        return 1
    if stop.is_set():
        return INTERRUPTED
    return INCONCLUSIVE if summary.lateness.is_inconclusive else 0


def _print_summary(summary: 'SoakSummary') -> None:
    for violation in summary.violations:
        print(f'VIOLATION at {violation.start_s - summary.begin_s:.1f} s: {violation.kind}: '
              f'{violation.text}')
    if summary.skipped:
        print(f'skipped faults, as the schedule was late: {", ".join(summary.skipped)}')
    if summary.not_evaluated:
        print(f'resources not evaluated, too short: {", ".join(summary.not_evaluated)}')
    late = summary.lateness
    print(f'the machine was late in {late.time_share:.0%} of the time; {late.excused_alerts:.1%} '
          f'of the alerts and {late.excused_violations:.2f} violations for each fault were '
          f'accepted only for that reason')
    if late.is_inconclusive:
        print('INCONCLUSIVE: run it on a machine that does nothing else')


@contextmanager
def stopping_signals() -> Iterator[Event]:
    """Give an event that SIGINT and SIGTERM set, so that the result is still written."""
    stop = Event()

    def handle(number: int, frame: Any) -> None:
        stop.set()

    before = {number: signal.signal(number, handle) for number in SIGNALS}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
