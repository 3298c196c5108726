# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""`bdl sheet`: what a model says of frames of many kinds, beside what is true, as a picture."""
import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from bdl_perception.commands.sampling import add_sampling_arguments
from bdl_perception.commands.sampling import open_model
from bdl_perception.commands.sources import fit_mode_of
from bdl_perception.commands.sources import HELP
from bdl_perception.commands.sources import read_spread

if TYPE_CHECKING:
    from bdl_perception.evaluation.view import View
    from bdl_perception.perception.backend import Backend


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what a sheet can be told."""
    parser.add_argument('sources', nargs='+', metavar='SOURCE', help=HELP)
    parser.add_argument('--model', required=True, help='name of a shipped model, or model folder')
    parser.add_argument('--out', type=Path, default=Path('sheet.png'), metavar='PATH',
                        help='picture to write (default: %(default)s)')
    parser.add_argument('--rows', type=int, default=3, metavar='N',
                        help='frames of each source, spread evenly (default: %(default)s)')
    add_sampling_arguments(parser)


def run(arguments: argparse.Namespace) -> int:
    """Look at every chosen frame, then draw: the colour ranges need all of them."""
    from bdl_perception.evaluation.sheet import write_sheet
    from bdl_perception.evaluation.sheet_cells import cells
    backend = open_model(arguments)
    try:
        views = [view for source in arguments.sources
                 for view in _look(backend, arguments, source)]
    finally:
        backend.close()
    title = f'model {backend.spec.name}, {arguments.samples} Monte Carlo samples'
    write_sheet(arguments.out, title, [view.title for view in views],
                [cells(view) for view in views])
    print(f'{arguments.out}: {len(views)} rows')
    return 0


def _look(backend: 'Backend', arguments: argparse.Namespace, source: str) -> list['View']:
    from bdl_perception.evaluation.view import look
    from bdl_perception.perception.perceiver import Perceiver
    perceiver = Perceiver(backend, arguments.samples, arguments.seed, fit_mode_of(source))
    return [look(perceiver, labelled) for labelled in read_spread(source, arguments.rows)]
