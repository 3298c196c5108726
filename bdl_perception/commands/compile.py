# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""`bdl compile`: build the TensorRT engines of a model ahead of driving."""
import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from bdl_perception.parameters import PRECISIONS

if TYPE_CHECKING:
    from bdl_perception.backends.engines import Target


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what a build can be told."""
    parser.add_argument('--model', default='street',
                        help='name of a shipped model, or model folder (default: %(default)s)')
    parser.add_argument('--gpu', default='', metavar='SM',
                        help='another GPU by its compute capability, such as sm89; needs '
                             'tensorrt_rtx and no GPU (default: the one that is there)')
    parser.add_argument('--precision', choices=PRECISIONS, default=PRECISIONS[0],
                        help='(default: %(default)s)')
    parser.add_argument('--out', type=Path, metavar='DIR',
                        help='folder for the engines, of mode 0700 (default: the cache that '
                             'perception_node looks into)')


def run(arguments: argparse.Namespace) -> int:
    """Build what is not there yet, and say what is there now."""
    from bdl_perception.backends.engine_cache import default_folder
    from bdl_perception.backends.engine_cache import EngineCache
    from bdl_perception.backends.engines import ready_engines
    from bdl_perception.backends.model_files import load_model_files
    files = load_model_files(arguments.model)
    target = target_of(arguments.gpu, arguments.precision)
    cache = EngineCache(arguments.out or default_folder())
    engines = ready_engines(files, target, cache)
    for engine in engines:
        key = engine.key
        how = 'was there' if engine.built_s is None else f'built in {engine.built_s:.1f} s'
        print(f'{files.spec.name} {key.graph} {key.precision} for {key.gpu}, {key.library} '
              f'{key.version}: {len(engine.data) / 1e6:.1f} MB, {how}: '
              f'{cache.folder / key.stem}.engine{"" if engine.kept else " (not written)"}')
    return 0 if all(engine.kept for engine in engines) else 1


def target_of(gpu: str, precision: str) -> 'Target':
    """Say what to build for: the GPU of this name, or the one that is there."""
    from bdl_perception.backends.cuda import CudaGpu
    from bdl_perception.backends.engines import Target
    from bdl_perception.backends.tensorrt_library import load_library
    from bdl_perception.backends.tensorrt_library import RTX
    if gpu:
        return Target(load_library(RTX), precision, '', gpu)
    return Target.on(load_library(), CudaGpu(), precision)
