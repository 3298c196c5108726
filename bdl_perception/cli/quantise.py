# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""`bdl quantise`: a model whose encoder is int8, and what that changes."""
import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from bdl_perception.workflows.labelled_frames import SOURCE_HELP

if TYPE_CHECKING:
    from bdl_perception.model_store import ModelFiles
    from bdl_perception.perception.backend import Backend
    from bdl_perception.perception.types import Bytes


TIMING_ROUNDS = 50  # of taking the time by turns
HELD_OUT_EVERY = 8  # every so many-th picture sets no scale, and is compared on
SAMPLES, SEED = 16, 0  # of the comparison


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what a quantisation can be told."""
    parser.add_argument('model', help='name of a shipped model, or model folder')
    parser.add_argument('out', type=Path, metavar='MODEL_DIR', help='folder to write, a new one')
    parser.add_argument('--data', required=True, metavar='SOURCE',
                        help=f'nominal pictures, from which the scales are taken: {SOURCE_HELP}')
    parser.add_argument('--frames', type=int, default=200, metavar='N',
                        help='of the source, spread evenly; every eighth is kept to compare on '
                             '(default: %(default)s)')
    parser.add_argument('--threads', type=int, default=2,
                        help='of the comparison (default: %(default)s)')


def run(arguments: argparse.Namespace) -> int:
    """Quantise, write, and say how much faster and how far off it is."""
    from bdl_perception.backends.quantisation import to_int8
    from bdl_perception.model_store import load_model_files
    if arguments.out.exists():
        raise ValueError(f'{arguments.out} exists; choose a new folder')
    files = load_model_files(arguments.model)
    pictures = _read_images(arguments.data, arguments.frames, files)
    held_out = pictures[HELD_OUT_EVERY - 1::HELD_OUT_EVERY] or pictures[-1:]
    scaling = [rgb for index, rgb in enumerate(pictures) if (index + 1) % HELD_OUT_EVERY]
    _write_model(arguments.out, files, to_int8(files.perceive, scaling))
    _print_comparison(arguments, files, held_out)
    print(f'{arguments.out} has no calibration: `bdl calibrate` makes one. Before, run `bdl '
          f'evaluate` on {arguments.model} and on {arguments.out}: is it as good?')
    return 0


def _read_images(source: str, count: int, files: 'ModelFiles') -> list['Bytes']:
    from bdl_perception.cli.parity import read_input_images
    return list(read_input_images(source, count, files.spec))


def _write_model(out: Path, files: 'ModelFiles', perceive: bytes) -> None:
    """Write model.json last: without it the folder is no model."""
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


def _print_comparison(arguments: argparse.Namespace, files: 'ModelFiles', pictures: list['Bytes']) -> None:
    from bdl_perception.backends import open_backend
    from bdl_perception.evaluation.backend_parity import BOUNDS, compare_backends, comparison_table
    from bdl_perception.model_store import ModelOptions
    options = ModelOptions('onnxruntime', arguments.threads)
    before, after = (open_backend(model, options)
                     for model in (files.folder, arguments.out.resolve()))
    try:
        print(_compare_latency(before, after, pictures[0]))
        result = compare_backends(after, before, pictures, max(SAMPLES, files.spec.chunk), SEED)
        print(f'{result.frames} frames of {arguments.data}',
              comparison_table(result, BOUNDS['fp16']), sep='\n')
    finally:
        before.close()
        after.close()


def _compare_latency(before: 'Backend', after: 'Backend', rgb: 'Bytes') -> str:
    from bdl_perception.bench.timing import paired_ratio, quartiles, time_interleaved
    taken = time_interleaved({'float32': lambda: before.perceive(rgb),
                      'int8': lambda: after.perceive(rgb)}, TIMING_ROUNDS)
    medians = {name: quartiles(values).median for name, values in taken.items()}
    ratio = paired_ratio(taken['int8'], taken['float32'])
    return (f'perceive: float32 {medians["float32"]:.1f} ms, int8 {medians["int8"]:.1f} ms, by '
            f'turns {ratio.median:.2f} ({ratio.low:.2f} to {ratio.high:.2f}) of the time')
