# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""From a model on disk to TensorRT running it: the library, the GPU, the engines, the backend."""
import logging
from pathlib import Path

from bdl_perception.backends.tensorrt.backend import EngineRejected, TensorRtBackend
from bdl_perception.backends.tensorrt.build import build_engine, supported_gpus
from bdl_perception.backends.tensorrt.cuda import compute_capability, CudaGpu, Gpu
from bdl_perception.backends.tensorrt.engine_cache import default_cache_folder, EngineCache
from bdl_perception.backends.tensorrt.engines import BuildFunction, BuildTarget, prepare_engines
from bdl_perception.backends.tensorrt.library import load_library, TensorRtLibrary
from bdl_perception.model_store import ModelFiles

LOGGER = logging.getLogger(__name__)


def open_tensorrt(files: ModelFiles, precision: str, folder: Path | None = None,
                  ) -> TensorRtBackend:
    """Run a model on the GPU; engines that are not in the folder yet are built first."""
    return open_with_library(load_library(), CudaGpu(), files, precision,
                   EngineCache(folder or default_cache_folder()))


def unusable_reason(name: str) -> str:
    """Say why the library of this name cannot run on the first GPU; empty when it can."""
    try:
        library, gpu = load_library(name), compute_capability()
    except (ModuleNotFoundError, RuntimeError) as error:
        return str(error)
    known = supported_gpus(library)
    if known and gpu not in known:
        return f'{name} {library.version} does not know {gpu}, only {", ".join(known)}'
    return ''


def open_with_library(library: TensorRtLibrary, gpu: Gpu, files: ModelFiles, precision: str, cache: EngineCache,
            build: BuildFunction = build_engine) -> TensorRtBackend:
    """
    Run a model with this library on this GPU.

    An engine of the cache that the library refuses is built anew, once: its record cannot know
    everything that an engine depends on. One that was just built is not.
    """
    target = BuildTarget.for_gpu(library, gpu, precision)
    refused: tuple[bytes, ...] = ()
    while True:
        engines = prepare_engines(files, target, cache, build, refused)
        perceive, sample = (engine.data for engine in engines)
        try:
            return TensorRtBackend(files.spec, perceive, sample, library.api, gpu, precision)
        except EngineRejected as error:
            old = tuple(engine.data for engine in engines if engine.build_time_s is None)
            if refused or error.data not in old:
                raise
            LOGGER.warning('%s; it came from %s and is built again', error, cache.folder)
            refused = old
