# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""The two engines of a model: out of the cache, or built into it."""
from contextlib import suppress
from dataclasses import replace
import platform
import time
from typing import Callable, NamedTuple

from bdl_perception.backends.cuda import Gpu
from bdl_perception.backends.engine_cache import EngineCache
from bdl_perception.backends.engine_cache import EngineKey
from bdl_perception.backends.engine_cache import NoEngine
from bdl_perception.backends.model_files import ModelFiles
from bdl_perception.backends.tell import tell
from bdl_perception.backends.tensorrt_build import build_engine
from bdl_perception.backends.tensorrt_build import BUILDER
from bdl_perception.backends.tensorrt_build import Built
from bdl_perception.backends.tensorrt_library import Library
from bdl_perception.perception.model_spec import ModelSpec

Builder = Callable[..., Built]
Refused = tuple[bytes, ...]


class Target(NamedTuple):
    """What engines are built for."""

    library: Library
    precision: str  # fp32 or fp16
    gpu_name: str  # empty: an engine for any GPU of this capability
    capability: str  # such as sm89
    cuda: str = ''  # of the driver, such as 12.4

    @classmethod
    def on(cls, library: Library, gpu: Gpu, precision: str) -> 'Target':
        """Take the GPU that is there."""
        return cls(library, precision, gpu.name, gpu.capability, gpu.cuda)

    @property
    def gpu(self) -> str:
        """Name the GPU as far as an engine depends on it: TensorRT-RTX only on its capability."""
        name = '' if self.library.builds_for_other_gpus else self.gpu_name
        return f'{name} {self.capability}'.strip()

    @property
    def cuda_of_engine(self) -> str:
        """
        Name the CUDA that an engine depends on; none with TensorRT-RTX.

        That builds on machines without a driver for cars that have any, so the CUDA of the car is
        not known then, and its engines must be found there all the same.
        """
        return '' if self.library.builds_for_other_gpus else self.cuda


class Ready(NamedTuple):
    """An engine that may be deserialised."""

    key: EngineKey
    data: bytes
    built_s: float | None  # None: it came from the cache
    kept: bool = True  # False: it could not be written there


def ready_engines(files: ModelFiles, target: Target, cache: EngineCache,
                  build: Builder = build_engine, refused: Refused = ()) -> tuple[Ready, Ready]:
    """
    Give the engines of perceive and sample; one process builds, the others wait for it.

    refused: bytes that the library did not load, which are built anew if they are still there.
    """
    perceive, sample = (key_of(files.spec, graph, target) for graph in ('perceive', 'sample'))
    with suppress(NoEngine):  # without the lock, which a read-only folder does not give
        return _found(perceive, cache, refused), _found(sample, cache, refused)
    with cache.locked():
        return (_ready(files, perceive, target, cache, build, refused),
                _ready(files, sample, target, cache, build, refused))


def key_of(spec: ModelSpec, graph: str, target: Target) -> EngineKey:
    """Say what the engine of one graph depends on."""
    hashes = {'perceive': spec.perceive_sha256, 'sample': spec.sample_sha256}
    shapes = f'{spec.height}x{spec.width} chunk {spec.chunk} masks {list(spec.dropout_channels)}'
    return EngineKey(graph, hashes[graph], target.library.name, target.library.version,
                     target.gpu, target.cuda_of_engine, platform.machine(), target.precision,
                     shapes, BUILDER)


def _found(key: EngineKey, cache: EngineCache, refused: Refused) -> Ready:
    data = cache.load(key)
    if data in refused:
        raise NoEngine('the library refused the one that was there')
    return Ready(key, data, None)


def _ready(files: ModelFiles, key: EngineKey, target: Target, cache: EngineCache,
           build: Builder, refused: Refused) -> Ready:
    try:
        return _found(key, cache, refused)
    except NoEngine as reason:
        tell(f'building the {key.graph} engine of {files.spec.name} for {key.gpu}, '
             f'{key.precision}, with {key.library} {key.version}: {reason}; this takes seconds '
             f'to minutes')
    begin = time.monotonic()
    made = build(target.library, getattr(files, key.graph), target.precision,
                 _other_gpu(target), _timing_cache(cache, key), key.graph)
    took_s = time.monotonic() - begin
    kept = _keep(cache, key, made.engine, 'the next start builds it again')
    if kept and made.timing_cache:
        _keep(cache, _timing_key(key), made.timing_cache, 'the next build measures again')
    return Ready(key, made.engine, took_s, kept)


def _keep(cache: EngineCache, key: EngineKey, data: bytes, otherwise: str) -> bool:
    """Store what was built; a folder that takes nothing costs later starts, not this one."""
    try:
        cache.store(key, data)
        return True
    except OSError as error:
        tell(f'{cache.folder} cannot be written ({error}), {key.graph} goes on in memory; '
             f'{otherwise}')
        return False


def _other_gpu(target: Target) -> str:
    return target.capability if target.library.builds_for_other_gpus else ''


def _timing_cache(cache: EngineCache, key: EngineKey) -> bytes:
    try:
        return cache.load(_timing_key(key))
    except NoEngine:
        return b''  # the build begins a new one


def _timing_key(key: EngineKey) -> EngineKey:
    """Name the timings of a GPU and a library, whatever the graph."""
    return replace(key, graph='timing', graph_sha256='', precision='', shapes='')
