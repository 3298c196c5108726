# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""`bdl quantise`: quantise the encoder of a model to int8, and measure the difference."""
import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from bdl_perception.cli.arguments import (
    add_model_argument,
    parse_count,
    parse_natural,
    parsed_by,
    refuse_model_names,
)
from bdl_perception.workflows.labelled_frames import SOURCE_HELP

if TYPE_CHECKING:
    from bdl_perception.model_store import ModelFiles
    from bdl_perception.perception.backend import Backend
    from bdl_perception.perception.data_types import Bytes


TIMING_ROUNDS = 50  # of interleaved latency measurements
HELD_OUT_EVERY = 8  # every n-th frame is left out of the scales, and is compared
SAMPLES, SEED = 16, 0  # of the comparison


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the models and the frames."""
    parser.add_argument('out', type=Path, metavar='MODEL_DIR', help='folder to write, a new one')
    add_model_argument(parser)
    parser.add_argument('--data', required=True, metavar='SOURCE',
                        help=f'nominal frames, which determine the scales: {SOURCE_HELP}')
    parser.add_argument('--frames', type=parsed_by(parse_count), default=200, metavar='N',
                        help='number of frames, evenly spaced; every eighth is for the '
                             'comparison (default: %(default)s)')
    parser.add_argument('--threads', type=parsed_by(parse_natural), default=2,
                        help='of the comparison (default: %(default)s)')


def run(arguments: argparse.Namespace) -> int:
    """Quantise and write the model; print its latency and its differences."""
    refuse_model_names([str(arguments.out)])
    from bdl_perception.backends.quantisation import to_int8
    from bdl_perception.cli.parity import read_input_images
    from bdl_perception.model_store import load_model_files
    if arguments.out.exists():
        raise ValueError(f'{arguments.out} exists; choose a new folder')
    files = load_model_files(arguments.model)
    images = list(read_input_images(arguments.data, arguments.frames, files.spec))
    held_out = images[HELD_OUT_EVERY - 1::HELD_OUT_EVERY] or images[-1:]
    scaling = [rgb for index, rgb in enumerate(images) if (index + 1) % HELD_OUT_EVERY]
    _write_model(arguments.out, files, to_int8(files.perceive, scaling))
    print(_comparison(files, arguments.out.resolve(), held_out, arguments.threads))
    print(f'{arguments.out} has no calibration: compare {arguments.model} and {arguments.out} '
          f'with `bdl evaluate` first, then run `bdl calibrate`')
    return 0


def _write_model(out: Path, files: 'ModelFiles', perceive: bytes) -> None:
    """Write a model folder, model.json last: a folder without it is not a model."""
    from dataclasses import replace
    import hashlib
    import json

    from bdl_perception.perception.backend import spec_to_dict
    spec = replace(files.spec, name=out.resolve().name, weights_sha256='',
                   perceive_sha256=hashlib.sha256(perceive).hexdigest())
    out.mkdir(parents=True)
    (out / 'perceive.onnx').write_bytes(perceive)
    (out / 'sample.onnx').write_bytes(files.sample)
    (out / 'model.json').write_text(json.dumps(spec_to_dict(spec), indent=2) + '\n')


def _comparison(files: 'ModelFiles', quantised: Path, images: list['Bytes'], threads: int) -> str:
    """Write the latency of both models and the differences of their outputs."""
    from bdl_perception.backends import open_backend
    from bdl_perception.evaluation.backend_parity import BOUNDS, compare_backends, comparison_table
    from bdl_perception.model_store import ModelOptions
    options = ModelOptions('onnxruntime', threads)
    before, after = (open_backend(model, options) for model in (files.folder, quantised))
    try:
        latency = _compare_latency(before, after, images[0])
        result = compare_backends(after, before, images, max(SAMPLES, files.spec.chunk), SEED)
    finally:
        before.close()
        after.close()
    return '\n'.join((latency, f'{result.frames} frames',
                      comparison_table(result, BOUNDS['fp16'])))


def _compare_latency(before: 'Backend', after: 'Backend', rgb: 'Bytes') -> str:
    from bdl_perception.bench.timing import paired_ratio, quartiles, time_interleaved
    times_ms = time_interleaved({'float32': lambda: before.perceive(rgb),
                                 'int8': lambda: after.perceive(rgb)}, TIMING_ROUNDS)
    medians = {name: quartiles(values).median for name, values in times_ms.items()}
    ratio = paired_ratio(times_ms['int8'], times_ms['float32'])
    return (f'perceive: float32 {medians["float32"]:.1f} ms, int8 {medians["int8"]:.1f} ms, '
            f'interleaved ratio {ratio.median:.2f} ({ratio.low:.2f} to {ratio.high:.2f})')
