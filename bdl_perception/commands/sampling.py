# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""What several commands can be told of how a model is run."""
import argparse


def add_sampling_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare samples, their seed, the backend and its threads."""
    parser.add_argument('--samples', type=int, default=16,
                        help='Monte Carlo samples of a frame; a calibration is bound to them '
                             'and to the seed (default: %(default)s)')
    parser.add_argument('--seed', type=int, default=0,
                        help='of the dropout masks (default: %(default)s)')
    parser.add_argument('--backend', default='auto', help='what runs the model')
    parser.add_argument('--threads', type=int, default=0, help='of the backend; 0: all cores')
