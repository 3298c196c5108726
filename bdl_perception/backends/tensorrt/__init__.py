# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""Opening a model with TensorRT: library, GPU, engines and backend together."""
import logging

from bdl_perception.backends.tensorrt.backend import EngineRejected, TensorRtBackend
from bdl_perception.backends.tensorrt.build import build_engine, supported_gpus
from bdl_perception.backends.tensorrt.cuda import compute_capability, CudaGpu, Gpu
from bdl_perception.backends.tensorrt.engine_cache import default_cache_folder, EngineCache
from bdl_perception.backends.tensorrt.engines import BuildFunction, BuildTarget, prepare_engines
from bdl_perception.backends.tensorrt.library import load_library, TensorRtLibrary
from bdl_perception.model_store import ModelFiles

LOG = logging.getLogger(__name__)


def open_tensorrt(files: ModelFiles, precision: str) -> TensorRtBackend:
    """Load a model on the first GPU; engines that are not in the cache are built first."""
    return open_with_library(load_library(), CudaGpu(), files, precision,
                             EngineCache(default_cache_folder()))


def unusable_reason(name: str) -> str:
    """Return why the library of this name cannot run on the first GPU; empty if it can."""
    try:
        library, gpu = load_library(name), compute_capability()
    except (ModuleNotFoundError, RuntimeError) as error:
        return str(error)
    known = supported_gpus(library)
    if known and gpu not in known:
        return f'{name} {library.version} does not know {gpu}, only {", ".join(known)}'
    return ''


def open_with_library(library: TensorRtLibrary, gpu: Gpu, files: ModelFiles, precision: str,
                      cache: EngineCache, build: BuildFunction = build_engine) -> TensorRtBackend:
    """
    Load a model with this library on this GPU.

    A cached engine that the library rejects is built again, once: the record in the cache cannot
    contain everything that an engine depends on. EngineRejected: a new engine was rejected.
    """
    target = BuildTarget.for_gpu(library, gpu, precision)
    rejected: tuple[bytes, ...] = ()
    while True:
        engines = prepare_engines(files, target, cache, build, rejected)
        perceive, sample = (engine.data for engine in engines)
        try:
            return TensorRtBackend(files.spec, perceive, sample, library.api, gpu, precision)
        except EngineRejected as error:
            cached = tuple(engine.data for engine in engines if engine.build_time_s is None)
            if rejected or error.data not in cached:
                raise
            LOG.warning('%s; it came from %s and is built again', error, cache.folder)
            rejected = cached
