# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""`bdl sheet`: what a model says of frames of many kinds, beside what is true, as a picture."""
import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from bdl_perception.cli.arguments import add_sampling_arguments, open_model
from bdl_perception.workflows.labelled_frames import (
    read_evenly_spaced,
    source_fit_mode,
    SOURCE_HELP,
)

if TYPE_CHECKING:
    from bdl_perception.metrics.pixels import LabelledPrediction
    from bdl_perception.perception.backend import Backend


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what a sheet can be told."""
    parser.add_argument('sources', nargs='+', metavar='SOURCE', help=SOURCE_HELP)
    parser.add_argument('--model', required=True, help='name of a shipped model, or model folder')
    parser.add_argument('--out', type=Path, default=Path('sheet.png'), metavar='PATH',
                        help='picture to write (default: %(default)s)')
    parser.add_argument('--rows', type=int, default=3, metavar='N',
                        help='frames of each source, spread evenly (default: %(default)s)')
    add_sampling_arguments(parser)


def run(arguments: argparse.Namespace) -> int:
    """Look at every chosen frame, then draw: the colour ranges need all of them."""
    from bdl_perception.report.contact_sheet import cell_maps, write_sheet
    backend = open_model(arguments)
    try:
        views = [view for source in arguments.sources
                 for view in _predict_source(backend, arguments, source)]
    finally:
        backend.close()
    title = f'model {backend.spec.name}, {arguments.samples} Monte Carlo samples'
    write_sheet(arguments.out, title, [view.title for view in views],
                [cell_maps(view) for view in views])
    print(f'{arguments.out}: {len(views)} rows')
    return 0


def _predict_source(backend: 'Backend', arguments: argparse.Namespace, source: str) -> list['LabelledPrediction']:
    from bdl_perception.evaluation.inference import predict
    from bdl_perception.perception.perceiver import Perceiver
    perceiver = Perceiver(backend, arguments.samples, arguments.seed, source_fit_mode(source))
    return [predict(perceiver, labelled) for labelled in read_evenly_spaced(source, arguments.rows)]
