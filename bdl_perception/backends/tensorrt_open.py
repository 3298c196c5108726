# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""From a model on disk to TensorRT running it: the library, the GPU, the engines, the backend."""
from pathlib import Path

from bdl_perception.backends.cuda import capability
from bdl_perception.backends.cuda import CudaGpu
from bdl_perception.backends.cuda import Gpu
from bdl_perception.backends.engine_cache import default_folder
from bdl_perception.backends.engine_cache import EngineCache
from bdl_perception.backends.engines import Builder
from bdl_perception.backends.engines import ready_engines
from bdl_perception.backends.engines import Target
from bdl_perception.backends.model_files import ModelFiles
from bdl_perception.backends.tell import tell
from bdl_perception.backends.tensorrt_build import build_engine
from bdl_perception.backends.tensorrt_build import known_gpus
from bdl_perception.backends.tensorrt_library import Library
from bdl_perception.backends.tensorrt_library import load_library
from bdl_perception.backends.tensorrt_run import EngineRefused
from bdl_perception.backends.tensorrt_run import TensorRtBackend


def open_tensorrt(files: ModelFiles, precision: str, folder: Path | None = None,
                  ) -> TensorRtBackend:
    """Run a model on the GPU; engines that are not in the folder yet are built first."""
    return open_on(load_library(), CudaGpu(), files, precision,
                   EngineCache(folder or default_folder()))


def why_unusable(name: str) -> str:
    """Say why the library of this name cannot run on the first GPU; empty when it can."""
    try:
        library, gpu = load_library(name), capability()
    except (ModuleNotFoundError, RuntimeError) as error:
        return str(error)
    known = known_gpus(library)
    if known and gpu not in known:
        return f'{name} {library.version} does not know {gpu}, only {", ".join(known)}'
    return ''


def open_on(library: Library, gpu: Gpu, files: ModelFiles, precision: str, cache: EngineCache,
            build: Builder = build_engine) -> TensorRtBackend:
    """
    Run a model with this library on this GPU.

    An engine of the cache that the library refuses is built anew, once: its record cannot know
    everything that an engine depends on. One that was just built is not.
    """
    target = Target.on(library, gpu, precision)
    refused: tuple[bytes, ...] = ()
    while True:
        engines = ready_engines(files, target, cache, build, refused)
        perceive, sample = (engine.data for engine in engines)
        try:
            return TensorRtBackend(files.spec, perceive, sample, library.api, gpu, precision)
        except EngineRefused as error:
            old = tuple(engine.data for engine in engines if engine.built_s is None)
            if refused or error.data not in old:
                raise
            tell(f'{error}; it came from {cache.folder} and is built anew')
            refused = old
