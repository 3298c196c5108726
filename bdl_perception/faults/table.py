# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""The fault table as JSON and as a page of the documentation; the page follows from the JSON."""
from dataclasses import asdict, dataclass
import json
import os
from pathlib import Path
import platform
import subprocess
from typing import Any, Iterable, Mapping, Sequence

from bdl_perception.faults.catalogue import GROUPS, TESTED, UNDETECTED
from bdl_perception.faults.row import FaultRow, RowResult
from bdl_perception.files import write_atomic
from bdl_perception.version import software_version

JSON_FILE, PAGE_FILE = 'faults.json', 'faults.md'
GIT_TIMEOUT_S = 10
ROOT = Path(__file__).parent.parent.parent
COLUMNS = ('hazard', 'detection', 'required', 'bound, s', 'median, s', 'worst, s', 'repeats',
           'verdict', 'before', 'test')
INTRODUCTION = """\
# Faults and reaction times

This page is written by `bdl faults`. It injects each fault into the running nodes and measures the
time until the required alert arrives.

- **Processes**: `perception_node` (model `street`, ONNX Runtime), `alert_node` and
  `governor_node`, with a camera at 10 Hz that plays the nominal first 15 s of the bundled drive
  forth and back.
- **Reaction**: from the first faulty image or message to the arrival of the first alert with the
  required level and reason; for a camera or process that stops, from the moment at which it
  stops. *slows down*: until `governor_node` commands less than 95 % of the velocity.
  *exit code 2*: until the process ended.
- **Verdict**: *pass*: each repeat had the required reaction within the bound, no OK while the
  fault was present, and OK afterwards.
- **Repeats**: one row of each kind of detection is measured with all repeats, its variants 3
  times, and rows that start processes 2 or 3 times. `bdl faults --full` measures all rows equally
  often.
- **before**: the verdict at commit 6ae3ea2, with its reaction times. Its bound was 0.3 s where the
  camera or a process stops.
- **Other parameters than the defaults**: `hold_s`, `clear_s` and `recovery_s` 0.3 s,
  `clear_fraction` 1, `epistemic_max_age_s` 5 s, `recover_after_s` 0.2 s. They shorten the recovery
  between two faults.
"""


@dataclass(frozen=True)
class Run:
    """How the table was measured."""

    version: str
    commit: str
    date: str
    machine: str
    load_before: float
    repeats: int


def describe_run(date: str, repeats: int) -> Run:
    """Describe this run; date: as the page shows it."""
    machine = f'{_processor()}, {len(os.sched_getaffinity(0))} cores, {platform.system()}'
    return Run(software_version(), _commit(), date, machine, round(os.getloadavg()[0], 1), repeats)


def _processor() -> str:
    path = Path('/proc/cpuinfo')
    lines = path.read_text().splitlines() if path.exists() else []
    names = [line.split(':', 1)[1].strip() for line in lines if line.startswith('model name')]
    return names[0] if names else platform.machine()


def _commit() -> str:
    """Ask git for the commit of the checkout; 'unknown' without one."""
    try:
        done = subprocess.run(['git', 'describe', '--always', '--dirty'], cwd=ROOT,
                              capture_output=True, text=True, timeout=GIT_TIMEOUT_S, check=True)
    except (OSError, subprocess.SubprocessError):
        return 'unknown'
    return done.stdout.strip()


def make_document(run: Run, rows: Sequence[FaultRow], results: Mapping[str, RowResult],
                  undetected: Mapping[str, Sequence[Sequence[str]]]) -> dict[str, Any]:
    """Collect everything that the page shows, of the rows that have a result."""
    measured = [_entry(row, results[row.name]) for row in rows if row.name in results]
    return {'run': asdict(run), 'rows': measured,
            'failing': [entry['name'] for entry in measured if entry['verdict'] != 'pass'],
            'tested': [asdict(hazard) for hazard in TESTED],
            'undetected': [{**asdict(hazard), 'reasons': list(map(list, undetected.get(
                hazard.name, ())))} for hazard in UNDETECTED]}


def _entry(row: FaultRow, result: RowResult) -> dict[str, Any]:
    recoveries = [one.recovery_s for one in result.repeats if one.recovery_s is not None]
    return {'name': row.name, 'hazard': row.hazard, 'detection': row.detection,
            'required': row.required, 'reason': row.reason, 'bound_s': row.bound_s,
            'setup': row.setup.value, 'repeats': len(result.repeats),
            'median_s': _rounded(result.median_s), 'worst_s': _rounded(result.worst_s),
            'reactions_s': [_rounded(one.reaction_s) for one in result.repeats],
            'worst_recovery_s': _rounded(max(recoveries, default=None)),
            'verdict': result.verdict, 'problem': result.problem, 'before': row.before,
            'test': row.test, 'example': result.repeats[0].reason if result.repeats else ''}


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 3)


def page(document: Mapping[str, Any]) -> str:
    """Write the page of a document; the same document gives the same page."""
    entries = {entry['name']: entry for entry in document['rows']}
    parts = [INTRODUCTION, _run_text(document)]
    for group, rows in GROUPS.items():
        own = [entries[row.name] for row in rows if row.name in entries]
        if own:
            parts += [f'## {group}\n', _table(COLUMNS, map(_cells, own))]
    parts += ['## Covered by a test, without a reaction time\n',
              _table(('hazard', 'detection', 'before', 'test'), (
                  (entry['hazard'], entry['detection'], entry['before'], _test_cell(entry['test']))
                  for entry in document['tested'])),
              '## Not detected\n',
              _table(('hazard', 'why', 'alert in this run', 'before'), (
                  (entry['hazard'], entry['why'], _undetected_cell(entry), entry['before'])
                  for entry in document['undetected']))]
    return '\n'.join(parts)


def _run_text(document: Mapping[str, Any]) -> str:
    run, rows, failing = document['run'], document['rows'], document['failing']
    names = f' Failing: {", ".join(failing)}.' if failing else ''
    return (f'Version {run["version"]} (commit {run["commit"]}), {run["date"]}, {run["machine"]}, '
            f'load before the run {run["load_before"]}, repeats: {run["repeats"]}.\n'
            f'{len(rows) - len(failing)} of {len(rows)} rows pass.{names}\n')


def _cells(entry: Mapping[str, Any]) -> tuple[str, ...]:
    verdict = entry['verdict']
    return (entry['hazard'], entry['detection'], entry['required'], f'{entry["bound_s"]:.2f}',
            _seconds(entry['median_s']), _seconds(entry['worst_s']), str(entry['repeats']),
            verdict if verdict == 'pass' else f'**{verdict}**', entry['before'],
            _test_cell(entry['test']))


def _seconds(value: float | None) -> str:
    return '' if value is None else f'{value:.2f}'


def _test_cell(test: str) -> str:
    return f'`{test.removeprefix("test/")}`'


def _undetected_cell(entry: Mapping[str, Any]) -> str:
    reasons = entry['reasons']
    if not reasons:
        return 'not injected'
    ok = sum(not texts for texts in reasons)
    first = next((texts[0] for texts in reasons if texts), '')
    return f'OK in {ok} of {len(reasons)}' + (f'; {first}' if first else '')


def _table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [header, ['---'] * len(header), *rows]
    return '\n'.join(f'| {" | ".join(cell.replace("|", "or") for cell in line)} |'
                     for line in lines) + '\n'


def write_table(folder: Path, document: Mapping[str, Any]) -> None:
    """Write the JSON and the page."""
    text = json.dumps(document, indent=1, allow_nan=False) + '\n'
    write_atomic(folder / JSON_FILE, text.encode())
    write_atomic(folder / PAGE_FILE, page(document).encode())
