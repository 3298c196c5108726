# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""The two engines of a model, loaded from the cache or built and stored there."""
from contextlib import suppress
from dataclasses import replace
import logging
import platform
import time
from typing import Callable, NamedTuple

from bdl_perception.backends.tensorrt.build import build_engine, BUILDER_VERSION, BuiltEngine
from bdl_perception.backends.tensorrt.cuda import Gpu
from bdl_perception.backends.tensorrt.engine_cache import EngineCache, EngineKey, EngineUnavailable
from bdl_perception.backends.tensorrt.library import TENSORRT_LEAN, TensorRtLibrary
from bdl_perception.model_store import ModelError, ModelFiles
from bdl_perception.perception.backend import ModelSpec

LOG = logging.getLogger(__name__)
BuildFunction = Callable[..., BuiltEngine]
RejectedEngines = tuple[bytes, ...]


class BuildTarget(NamedTuple):
    """The library, the GPU and the precision that engines are built for."""

    library: TensorRtLibrary
    precision: str  # fp32 or fp16
    gpu_name: str  # empty: an engine for any GPU of this capability
    capability: str  # such as sm89
    cuda: str = ''  # of the driver, such as 12.4
    version_compatible: bool = False  # for tensorrt_lean, of this or a later version

    @classmethod
    def for_gpu(cls, library: TensorRtLibrary, gpu: Gpu, precision: str) -> 'BuildTarget':
        """Return the target for the present GPU."""
        return cls(library, precision, gpu.name, gpu.compute_capability, gpu.cuda,
                   version_compatible=not library.can_build)

    @property
    def gpu_key(self) -> str:
        """Return what an engine depends on of the GPU; for TensorRT-RTX its capability only."""
        name = '' if self.library.can_cross_compile else self.gpu_name
        return f'{name} {self.capability}'.strip()

    @property
    def cuda_key(self) -> str:
        """
        Return the CUDA version that an engine depends on; empty if it is built elsewhere.

        TensorRT-RTX builds on machines without a driver, and engines for tensorrt_lean are carried
        to another machine. The CUDA version of that machine is unknown, and it must find them.
        """
        return '' if self.library.can_cross_compile or self.version_compatible else self.cuda

    @property
    def library_key(self) -> tuple[str, str]:
        """
        Return the library that runs an engine, and its version; for tensorrt_lean the major one.

        tensorrt_lean rejects an engine that a later version built.
        """
        if self.version_compatible:
            return TENSORRT_LEAN, self.library.version.split('.')[0]
        return self.library.name, self.library.version


class PreparedEngine(NamedTuple):
    """An engine that may be deserialised."""

    key: EngineKey
    data: bytes
    build_time_s: float | None  # None: loaded from the cache
    cached: bool = True  # False: it could not be written to the cache


def prepare_engines(files: ModelFiles, target: BuildTarget, cache: EngineCache,
                    build: BuildFunction = build_engine, rejected: RejectedEngines = (),
                    ) -> tuple[PreparedEngine, PreparedEngine]:
    """
    Load or build the engines of perceive and sample; one process builds, others wait for it.

    rejected: bytes that the library did not load; they are built again if they are still cached.
    """
    perceive, sample = (engine_key(files.spec, graph, target) for graph in ('perceive', 'sample'))
    with suppress(EngineUnavailable):  # before locking, which a read-only folder does not allow
        return _load_cached(perceive, cache, rejected), _load_cached(sample, cache, rejected)
    with cache.lock():
        return (_load_or_build(files, perceive, target, cache, build, rejected),
                _load_or_build(files, sample, target, cache, build, rejected))


def engine_key(spec: ModelSpec, graph: str, target: BuildTarget) -> EngineKey:
    """Return the cache key of the engine of one graph."""
    hashes = {'perceive': spec.perceive_sha256, 'sample': spec.sample_sha256}
    shapes = f'{spec.height}x{spec.width} chunk {spec.chunk} masks {list(spec.dropout_channels)}'
    return EngineKey(graph, hashes[graph], *target.library_key, target.gpu_key, target.cuda_key,
                     platform.machine(), target.precision, shapes, BUILDER_VERSION)


def _load_cached(key: EngineKey, cache: EngineCache, rejected: RejectedEngines) -> PreparedEngine:
    data = cache.load(key)
    if data in rejected:
        raise EngineUnavailable('the library rejected the cached one')
    return PreparedEngine(key, data, None)


def _load_or_build(files: ModelFiles, key: EngineKey, target: BuildTarget, cache: EngineCache,
                   build: BuildFunction, rejected: RejectedEngines) -> PreparedEngine:
    try:
        return _load_cached(key, cache, rejected)
    except EngineUnavailable as reason:
        _require_compiler(key, target, cache, reason)
        LOG.info('building the %s engine of %s for %s, %s, with %s %s: %s; this takes seconds '
                 'to minutes', key.graph, files.spec.name, key.gpu, key.precision, key.library,
                 key.version, reason)
    begin = time.monotonic()
    made = build(target.library, getattr(files, key.graph), target.precision,
                 _cross_compile_target(target), _load_timing_cache(cache, key), key.graph,
                 target.version_compatible)
    build_time_s = time.monotonic() - begin
    stored = _try_store(cache, key, made.engine, 'the next start builds it again')
    if stored and made.timing_cache:
        _try_store(cache, _timing_cache_key(key), made.timing_cache,
                   'the next build measures again')
    return PreparedEngine(key, made.engine, build_time_s, stored)


def _require_compiler(key: EngineKey, target: BuildTarget, cache: EngineCache,
                      reason: EngineUnavailable) -> None:
    """Raise ModelError if the library only runs engines."""
    if not target.library.can_build:
        raise ModelError(
            f'{target.library.name} {target.library.version} has no compiler; the {key.graph} '
            f'engine for {key.gpu}, {key.precision}: {reason}. Run `bdl compile --lean` with this '
            f'or an earlier TensorRT {key.version} on this kind of GPU, and copy its folder to '
            f'{cache.folder}')


def _try_store(cache: EngineCache, key: EngineKey, data: bytes, consequence: str) -> bool:
    """Store bytes; a folder that cannot be written only slows later starts."""
    try:
        cache.store(key, data)
        return True
    except OSError as error:
        LOG.warning('%s cannot be written (%s), %s is used from memory; %s', cache.folder,
                    error, key.graph, consequence)
        return False


def _cross_compile_target(target: BuildTarget) -> str:
    return target.capability if target.library.can_cross_compile else ''


def _load_timing_cache(cache: EngineCache, key: EngineKey) -> bytes:
    try:
        return cache.load(_timing_cache_key(key))
    except EngineUnavailable:
        return b''  # the build starts a new one


def _timing_cache_key(key: EngineKey) -> EngineKey:
    """Return the key of the timings of a GPU and a library, for all graphs."""
    return replace(key, graph='timing', graph_sha256='', precision='', shapes='')
