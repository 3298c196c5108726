# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""`bdl sheet`: an image with the predictions for frames of several sources and their truth."""
import argparse
from pathlib import Path

from bdl_perception.cli.arguments import (
    add_model_argument,
    add_sampling_arguments,
    model_options,
    parse_count,
    parsed_by,
)
from bdl_perception.workflows.labelled_frames import (
    read_evenly_spaced,
    source_fit_mode,
    SOURCE_HELP,
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the sources, the model and the output."""
    parser.add_argument('sources', nargs='+', metavar='SOURCE', help=SOURCE_HELP)
    add_model_argument(parser)
    parser.add_argument('--out', type=Path, default=Path('sheet.png'), metavar='PATH',
                        help='image to write (default: %(default)s)')
    parser.add_argument('--rows', type=parsed_by(parse_count), default=3, metavar='N',
                        help='frames of each source, evenly spaced (default: %(default)s)')
    add_sampling_arguments(parser)


def run(arguments: argparse.Namespace) -> int:
    """Predict every chosen frame, then draw: the colour ranges are common to all."""
    from bdl_perception.backends import open_backend
    from bdl_perception.evaluation.inference import predict
    from bdl_perception.perception.perceiver import Perceiver
    from bdl_perception.report.contact_sheet import cell_maps, write_sheet
    options = model_options(arguments)
    backend = open_backend(arguments.model, options)
    try:
        predictions = [
            predict(Perceiver(backend, options.samples, options.seed, source_fit_mode(source)),
                    labelled)
            for source in arguments.sources
            for labelled in read_evenly_spaced(source, arguments.rows)]
    finally:
        backend.close()
    write_sheet(arguments.out,
                f'model {backend.spec.name}, {options.samples} Monte Carlo samples',
                [one.title for one in predictions], [cell_maps(one) for one in predictions])
    print(f'{arguments.out}: {len(predictions)} rows')
    return 0
