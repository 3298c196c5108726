# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""All drives that a user names, opened before any is worked on, or what is wrong with each."""
import argparse
import math
from pathlib import Path
import sys
from typing import Iterable, TYPE_CHECKING

from bdl_perception.commands.sources import DESCRIPTION
from bdl_perception.commands.stated import listed
from bdl_perception.plain_words import told

if TYPE_CHECKING:
    from bdl_perception.drives import Drive

VISIBLE = '[!.]*'  # a drive that is still being written has a hidden folder
BEST = 'validation'  # the split of `bdl render` that alarms are calibrated on


def open_all(paths: Iterable[Path]) -> list['Drive']:
    """Open each; a ValueError says what is wrong with all that cannot be, one a line."""
    from bdl_perception.drives import open_drive
    opened, wrong = list['Drive'](), list[str]()
    for path in paths:
        try:
            _refuse_model(path)
            opened.append(open_drive(path))
        except (OSError, ValueError) as error:
            said = told(error) if isinstance(error, OSError) else str(error)
            wrong.append(_better(path) or said)
    if wrong:
        raise ValueError('\n'.join(wrong))
    return opened


def add_rate_argument(parser: argparse.ArgumentParser) -> None:
    """Declare how fast pictures were taken that do not say it."""
    parser.add_argument('--rate-hz', type=float, metavar='N',
                        help='pictures a second of folders of pictures, which have no stamps; all '
                             'other drives say theirs (default: 10 is assumed, and told)')


def check_rate(command: str, paths: Iterable[str | Path], rate_hz: float | None) -> None:
    """Refuse a rate that nothing needs; say on stderr where one is a guess, as nobody gave it."""
    from bdl_perception.drives import rate_is_assumed
    from bdl_perception.drives.drive import DEFAULT_RATE_HZ
    assumed = [str(path) for path in paths if rate_is_assumed(path)]
    if rate_hz is None:
        if assumed:
            print(f'bdl {command}: no stamps in {listed(assumed)}: {DEFAULT_RATE_HZ:g} Hz is '
                  f'assumed; hours and delays follow from it', file=sys.stderr)
        return
    if not 0 < rate_hz < math.inf:
        raise ValueError(f'--rate-hz is {rate_hz}, must be above 0 and finite')
    if not assumed:
        raise ValueError(f'--rate-hz {rate_hz:g}: every drive says when its pictures were taken; '
                         f'leave it out')


def splits_in(out: Path) -> list[str]:
    """Name the folders that hold drives, or bags, in an OUT of `bdl render`."""
    from bdl_perception.drives import BAG_FOLDER_FILE
    return sorted({found.parent.parent.name for mark in (DESCRIPTION, BAG_FOLDER_FILE)
                   for found in out.glob(f'{VISIBLE}/{VISIBLE}/{mark}')})


def _refuse_model(path: Path) -> None:
    """Refuse a model folder: the plot of its calibration would be taken for a drive."""
    if (path / 'model.json').is_file():
        raise ValueError(f'{path} is a model, not a drive; leave it out of the drives')


def _better(path: Path) -> str:
    """Say what a path is that was taken for a drive; empty: nothing better is known."""
    if path.name == DESCRIPTION and path.is_file():
        return f'{path} describes a drive; give its folder, {path.parent}'
    if there := splits_in(path):
        best = BEST if BEST in there else there[0]
        return (f'{path} is no drive, but holds folders of drives ({", ".join(there)}); give one '
                f'of them, such as {path / best}')
    return ''
