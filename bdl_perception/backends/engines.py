# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""The two engines of a model: out of the cache, or built into it."""
import platform
import time
from typing import Callable, NamedTuple

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


class Target(NamedTuple):
    """What engines are built for."""

    library: Library
    precision: str  # fp32 or fp16
    gpu_name: str  # empty: an engine for any GPU of this capability
    capability: str  # such as sm89

    @property
    def gpu(self) -> str:
        """Name the GPU as far as an engine depends on it: TensorRT-RTX only on its capability."""
        name = '' if self.library.builds_for_other_gpus else self.gpu_name
        return f'{name} {self.capability}'.strip()


class Ready(NamedTuple):
    """An engine that may be deserialised."""

    key: EngineKey
    data: bytes
    built_s: float | None  # None: it came from the cache


def ready_engines(files: ModelFiles, target: Target, cache: EngineCache,
                  build: Builder = build_engine) -> tuple[Ready, Ready]:
    """Give the engines of perceive and sample; one process builds, the others wait for it."""
    with cache.locked():
        return (_ready(files, 'perceive', target, cache, build),
                _ready(files, 'sample', target, cache, build))


def key_of(spec: ModelSpec, graph: str, target: Target) -> EngineKey:
    """Say what the engine of one graph depends on."""
    hashes = {'perceive': spec.perceive_sha256, 'sample': spec.sample_sha256}
    shapes = f'{spec.height}x{spec.width} chunk {spec.chunk} masks {list(spec.dropout_channels)}'
    return EngineKey(graph, hashes[graph], target.library.name, target.library.version,
                     target.gpu, platform.machine(), target.precision, shapes, BUILDER)


def _ready(files: ModelFiles, graph: str, target: Target, cache: EngineCache,
           build: Builder) -> Ready:
    key = key_of(files.spec, graph, target)
    try:
        return Ready(key, cache.load(key), None)
    except NoEngine as reason:
        tell(f'building the {graph} engine of {files.spec.name} for {key.gpu}, {key.precision}, '
             f'with {key.library} {key.version}: {reason}; this takes seconds to minutes')
    begin = time.monotonic()
    made = build(target.library, getattr(files, graph), target.precision,
                 _other_gpu(target), _timing_cache(cache, key), graph)
    cache.store(key, made.engine)
    if made.timing_cache:
        cache.store(_timing_key(key), made.timing_cache)
    return Ready(key, made.engine, time.monotonic() - begin)


def _other_gpu(target: Target) -> str:
    return target.capability if target.library.builds_for_other_gpus else ''


def _timing_cache(cache: EngineCache, key: EngineKey) -> bytes:
    try:
        return cache.load(_timing_key(key))
    except NoEngine:
        return b''  # the build begins a new one


def _timing_key(key: EngineKey) -> EngineKey:
    """Name the timings of a GPU and a library, whatever the graph."""
    return EngineKey('timing', '', key.library, key.version, key.gpu, key.machine, '', '', BUILDER)
