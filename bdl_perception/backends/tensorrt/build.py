# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""Compilation of an ONNX graph to a TensorRT engine, for the present or another GPU."""
import logging
from typing import Any, NamedTuple

from bdl_perception.backends.tensorrt.api import Api, BuilderConfig, ErrorLog, Network
from bdl_perception.backends.tensorrt.fp16 import to_fp16
from bdl_perception.backends.tensorrt.library import TensorRtLibrary
from bdl_perception.model_store import ModelError
from bdl_perception.perception.backend import PRECISIONS

LOG = logging.getLogger(__name__)
BUILDER_VERSION = 2  # increment when a change below gives different engines for the same graph
EXPORT_HINT = 'Export the model again'


class BuiltEngine(NamedTuple):
    """An engine and the kernel timings of its build."""

    engine: bytes
    timing_cache: bytes  # empty if the library has none


def build_engine(library: TensorRtLibrary, graph: bytes, precision: str = 'fp32', gpu: str = '',
                 timing_cache: bytes = b'', title: str = '',
                 version_compatible: bool = False) -> BuiltEngine:
    """
    Compile one ONNX graph; takes seconds to minutes.

    gpu: such as 'sm89', for tensorrt_rtx; empty: the present one. title: of the progress bar.
    version_compatible: for the lean run-time of this or a later version. The graph determines all
    types; TF32 is off. ModelError: the library cannot compile the graph.
    """
    if precision not in PRECISIONS:
        raise ValueError(f'precision is {precision!r}, must be one of {", ".join(PRECISIONS)}')
    api, log = library.api, ErrorLog(library.api)
    typed = to_fp16(graph) if precision == 'fp16' else graph
    builder = log.require(api.Builder(log.logger), f'starting {library.name}', 'Is it complete?')
    network = _parse_graph(api, log, builder, typed)
    config: BuilderConfig = log.require(
        builder.create_builder_config(), 'making a build', EXPORT_HINT)
    config.clear_flag(api.BuilderFlag.TF32)  # on by default, with 10 bits of mantissa
    if version_compatible:
        config.set_flag(api.BuilderFlag.VERSION_COMPATIBLE)
        # otherwise the engine contains a run-time, which is code that a loader must allow
        config.set_flag(api.BuilderFlag.EXCLUDE_LEAN_RUNTIME)
    if gpu:
        _set_target_gpu(library, log, config, gpu)
    if library.has_timing_cache:
        use_timing_cache(log, config, timing_cache)
    progress = _progress_monitor(api, title)
    config.progress_monitor = progress
    try:
        engine = log.require(builder.build_serialized_network(network, config),
                             f'compiling with {library.name} {library.version}', EXPORT_HINT)
    finally:
        progress.close()
    timings = _serialize_timing_cache(config) if library.has_timing_cache else b''
    return BuiltEngine(bytes(engine), timings)


def supported_gpus(library: TensorRtLibrary) -> tuple[str, ...]:
    """Return the GPUs, as 'sm89', that the library compiles for when they are not present."""
    if not library.can_cross_compile:
        return ()
    names = (name for name in dir(library.api.ComputeCapability) if name.startswith('SM'))
    return tuple(sorted((name.lower() for name in names), key=lambda name: int(name[2:])))


def _parse_graph(api: Api, log: ErrorLog, builder: Any, graph: bytes) -> Network:
    # By name: its value is 1 in TensorRT 10 and 0 in 11, where every network is strongly typed.
    strongly_typed = getattr(api.NetworkDefinitionCreationFlag, 'STRONGLY_TYPED', None)
    flags = 0 if strongly_typed is None else 1 << int(strongly_typed)
    network: Network = log.require(builder.create_network(flags), 'making a network', EXPORT_HINT)
    parser = api.OnnxParser(network, log.logger)
    if not parser.parse(graph):
        log.errors[:] = [str(parser.get_error(index)) for index in range(parser.num_errors)]
        log.require(None, 'reading the ONNX graph', EXPORT_HINT)
    for index in range(network.num_inputs):
        tensor = log.require(network.get_input(index), 'reading an input', EXPORT_HINT)
        if min(tensor.shape) < 1:
            raise ModelError(f'input {tensor.name} has the open shape {list(tensor.shape)}, '
                             f'must be static; export the model again')
    return network


def check_target_gpu(library: TensorRtLibrary, gpu: str) -> None:
    """Raise ValueError for another GPU, such as sm89, that the library does not compile for."""
    known = supported_gpus(library)
    if not known:
        raise ValueError(f'{library.name} compiles only for the present GPU; leave out '
                         f'{gpu}, or install tensorrt_rtx')
    if gpu not in known:
        raise ValueError(f'gpu is {gpu!r}, {library.name} {library.version} knows '
                         f'{", ".join(known)}')


def _set_target_gpu(library: TensorRtLibrary, log: ErrorLog, config: BuilderConfig,
                    gpu: str) -> None:
    check_target_gpu(library, gpu)
    config.num_compute_capabilities = 1
    capability = getattr(library.api.ComputeCapability, gpu.upper())
    log.require(config.set_compute_capability(capability, 0), f'choosing {gpu}', 'Leave it out')


def use_timing_cache(log: ErrorLog, config: BuilderConfig, data: bytes) -> None:
    """Use the timings of earlier builds, or an empty cache if the library rejects them."""
    if data and not _accepts_timing_cache(config, data):
        LOG.warning('the library rejects the timings of earlier builds (%s); the build '
                    'measures again', '; '.join(log.errors) or 'it gave no reason')
        log.errors.clear()
        data = b''
    if not data and not _accepts_timing_cache(config, data):
        log.require(None, 'starting a timing cache', 'Is the library complete?')


def _accepts_timing_cache(config: BuilderConfig, data: bytes) -> bool:
    cache = config.create_timing_cache(data)
    return cache is not None and config.set_timing_cache(cache, False)


def _serialize_timing_cache(config: BuilderConfig) -> bytes:
    cache = config.get_timing_cache()
    data = cache.serialize() if cache is not None else None
    return bytes(data) if data is not None else b''


def _progress_monitor(api: Api, title: str) -> Any:
    """Create a monitor with a progress bar for each outermost phase, on a terminal only."""
    from tqdm import tqdm
    base: Any = api.IProgressMonitor

    class Progress(base):  # type: ignore[misc]

        def __init__(self) -> None:
            base.__init__(self)  # the library does not accept super() here
            self._bars: dict[str, Any] = {}

        def phase_start(self, phase_name: str, parent_phase: str | None, num_steps: int) -> None:
            if not parent_phase:
                self._bars[phase_name] = tqdm(
                    total=num_steps, desc=f'{title} {phase_name}', disable=None, leave=False)

        def step_complete(self, phase_name: str, step: int) -> bool:
            if phase_name in self._bars:
                self._bars[phase_name].update()
            return True  # go on

        def phase_finish(self, phase_name: str) -> None:
            if phase_name in self._bars:
                self._bars.pop(phase_name).close()

        def close(self) -> None:
            while self._bars:
                self._bars.popitem()[1].close()

    return Progress()
