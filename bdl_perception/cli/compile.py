# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""`bdl compile`: build the TensorRT engines of a model before driving."""
import argparse
from dataclasses import asdict
import json
from pathlib import Path
from typing import TYPE_CHECKING

from bdl_perception.cli.arguments import add_model_argument
from bdl_perception.perception.backend import PRECISIONS

if TYPE_CHECKING:
    from bdl_perception.backends.tensorrt.engine_cache import EngineCache
    from bdl_perception.backends.tensorrt.engines import BuildTarget, PreparedEngine


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the model, the GPU and the output."""
    add_model_argument(parser)
    parser.add_argument('--gpu', default='', metavar='SM',
                        help='compute capability of another GPU, such as sm89; requires '
                             'tensorrt_rtx and no GPU (default: the GPU of this machine)')
    parser.add_argument('--lean', action='store_true',
                        help='engines for tensorrt_lean, a run-time without compiler, of the same '
                             'or a later version; requires tensorrt and the kind of GPU that '
                             'runs them (default: engines for the installed library)')
    parser.add_argument('--precision', choices=PRECISIONS, default=PRECISIONS[0],
                        help='(default: %(default)s)')
    parser.add_argument('--out', type=Path, metavar='DIR',
                        help='folder for the engines, of mode 0700 (default: the cache of '
                             'perception_node)')
    parser.add_argument('--json', action='store_true',
                        help='print JSON: the key, size, path and build time of each engine '
                             '(default: text)')


def run(arguments: argparse.Namespace) -> int:
    """Build the engines that are missing and list all."""
    from bdl_perception.backends.tensorrt.engine_cache import default_cache_folder, EngineCache
    from bdl_perception.backends.tensorrt.engines import prepare_engines
    from bdl_perception.model_store import load_model_files
    files = load_model_files(arguments.model)
    target = select_build_target(arguments.gpu, arguments.precision, arguments.lean)
    cache = EngineCache(arguments.out or default_cache_folder())
    engines = prepare_engines(files, target, cache)
    print(json.dumps([_values(engine, cache) for engine in engines], indent=1) if arguments.json
          else '\n'.join(f'{files.spec.name} {_line(engine, cache)}' for engine in engines))
    return 0 if all(engine.cached for engine in engines) else 1


def _line(engine: 'PreparedEngine', cache: 'EngineCache') -> str:
    key = engine.key
    state = 'cached' if engine.build_time_s is None else f'built in {engine.build_time_s:.1f} s'
    return (f'{key.graph} {key.precision} for {key.gpu}, {key.library} {key.version}: '
            f'{len(engine.data) / 1e6:.1f} MB, {state}: {cache.folder / key.file_stem}.engine'
            f'{"" if engine.cached else " (not written)"}')


def _values(engine: 'PreparedEngine', cache: 'EngineCache') -> dict[str, object]:
    """Return the key of an engine, its size, path (empty: not written) and build time."""
    path = f'{cache.folder / engine.key.file_stem}.engine' if engine.cached else ''
    return {**asdict(engine.key), 'bytes': len(engine.data), 'path': path,
            'build_time_s': engine.build_time_s}  # null: it was in the cache


def select_build_target(gpu: str, precision: str, lean: bool = False) -> 'BuildTarget':
    """Choose the GPU of this name, or the GPU of this machine; lean: for tensorrt_lean."""
    from bdl_perception.backends.tensorrt.build import check_target_gpu
    from bdl_perception.backends.tensorrt.cuda import CudaGpu
    from bdl_perception.backends.tensorrt.engines import BuildTarget
    from bdl_perception.backends.tensorrt.library import load_library, TENSORRT, TENSORRT_RTX
    if gpu and lean:
        raise ValueError(f'--lean builds for the GPU of this machine; leave out --gpu {gpu}')
    if gpu:
        library = load_library(TENSORRT_RTX)
        check_target_gpu(library, gpu)
        return BuildTarget(library, precision, '', gpu)
    library = load_library(TENSORRT if lean else '')
    target = BuildTarget.for_gpu(library, CudaGpu(), precision)
    return target._replace(version_compatible=lean or target.version_compatible)
