# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""
Types for the parts of TensorRT 10.x, 11.x, its lean run-time and TensorRT-RTX that are called.

NVIDIA ships no types, and mypy cannot parse tensorrt-stubs (10.8 to 10.13) of PyPI. Tests compare
these protocols with the real libraries. Results that can be None or False must be checked.
"""
from typing import Any, Protocol

from bdl_perception.backends.graph_contract import GraphSpec, TensorSpec
from bdl_perception.model_store import ModelError


class HostMemory(Protocol):
    """Bytes that the library owns; bytes() copies them."""

    nbytes: int

    def __buffer__(self, flags: int, /) -> memoryview:
        """Return a view of the bytes."""


class TimingCache(Protocol):

    def serialize(self) -> HostMemory | None:
        """Return the bytes that the next build can start from."""


class BuilderConfig(Protocol):
    num_compute_capabilities: int  # TensorRT-RTX only
    progress_monitor: Any

    def clear_flag(self, flag: Any) -> None:
        """Unset one BuilderFlag."""

    def create_timing_cache(self, serialized_timing_cache: bytes) -> TimingCache | None:
        """Read the cache of an earlier build; empty bytes start a new one."""

    def get_timing_cache(self) -> TimingCache | None:
        """Return the cache that this build extended."""

    def set_flag(self, flag: Any) -> None:
        """Set one BuilderFlag."""

    def set_compute_capability(self, compute_capability: Any, index: int) -> bool:
        """Choose a target GPU; TensorRT-RTX only."""

    def set_timing_cache(self, cache: TimingCache, ignore_mismatch: bool) -> bool:
        """Use a cache."""


class NetworkTensor(Protocol):
    name: str
    shape: Any


class Network(Protocol):
    num_inputs: int

    def get_input(self, index: int) -> NetworkTensor | None:
        """Describe one input."""


class Builder(Protocol):
    def build_serialized_network(self, network: Network, config: BuilderConfig,
                                 ) -> HostMemory | None:
        """Compile; takes minutes and releases the GIL."""

    def create_builder_config(self) -> BuilderConfig | None:
        """Create the settings of one build."""

    def create_network(self, flags: int) -> Network | None:
        """Create an empty network."""


class Parser(Protocol):
    num_errors: int

    def get_error(self, index: int) -> Any:
        """Describe one error."""

    def parse(self, model: bytes) -> bool:
        """Read an ONNX file into the network."""


class ExecutionContext(Protocol):

    def execute_async_v3(self, stream_handle: int) -> bool:
        """Queue one run on a stream."""

    def set_tensor_address(self, name: str, memory: int) -> bool:
        """Set the GPU address of an input or output."""


class Engine(Protocol):
    num_io_tensors: int

    def create_execution_context(self) -> ExecutionContext | None:
        """Create a context, which one thread runs."""

    def get_tensor_dtype(self, name: str) -> Any:
        """Return the library's own type."""

    def get_tensor_mode(self, name: str) -> Any:
        """Return whether it is an input or an output."""

    def get_tensor_name(self, index: int) -> str:
        """Return the name of an input or output."""

    def get_tensor_shape(self, name: str) -> Any:
        """Return the static shape."""


class Runtime(Protocol):

    def deserialize_cuda_engine(self, serialized_engine: bytes) -> Engine | None:
        """Load an engine; this runs code in the bytes, so they must be trusted."""


class Api(Protocol):
    """The module itself; the lean run-time has no Builder and no OnnxParser."""

    __version__: str
    BuilderFlag: Any
    ComputeCapability: Any  # TensorRT-RTX only
    ILogger: Any
    IProgressMonitor: Any
    NetworkDefinitionCreationFlag: Any
    TensorIOMode: Any

    def Builder(self, logger: Any) -> Builder:  # noqa: N802  # the library's name
        """Create a builder."""

    def OnnxParser(self, network: Network, logger: Any) -> Parser:  # noqa: N802
        """Create a parser."""

    def Runtime(self, logger: Any) -> Runtime:  # noqa: N802
        """Create a runtime; it must outlive its engines."""

    def nptype(self, trt_type: Any) -> Any:
        """Return numpy's type."""


class ErrorLog:
    """Collects the errors of the library for exception messages; `logger` is given to it."""

    def __init__(self, api: Api) -> None:
        """Create a logger of the class that the library requires."""
        self.errors: list[str] = []
        self.logger = _make_logger(api, self.errors)

    def require(self, result: Any, action: str, remedy: str) -> Any:
        """Return result; ModelError with the collected errors if it is None or False."""
        reason = '; '.join(dict.fromkeys(self.errors)) or 'the library gave no reason'
        self.errors.clear()
        if result is None or result is False:
            raise ModelError(f'{action} failed: {reason}. {remedy}')
        return result


def _make_logger(api: Api, errors: list[str]) -> Any:
    base: Any = api.ILogger
    collected = (base.ERROR, base.INTERNAL_ERROR)

    class Listener(base):  # type: ignore[misc]

        def __init__(self) -> None:
            base.__init__(self)  # the library does not accept super() here

        def log(self, severity: Any, msg: str) -> None:
            if severity in collected:
                errors.append(msg)

    return Listener()


def engine_graph_spec(api: Api, engine: Engine) -> GraphSpec:
    """Read the inputs and outputs of an engine."""
    import numpy as np
    tensors: tuple[dict[str, TensorSpec], dict[str, TensorSpec]] = ({}, {})
    for index in range(engine.num_io_tensors):
        name = engine.get_tensor_name(index)
        dtype = np.dtype(api.nptype(engine.get_tensor_dtype(name))).name
        output = engine.get_tensor_mode(name) != api.TensorIOMode.INPUT
        tensors[output][name] = TensorSpec(dtype, tuple(engine.get_tensor_shape(name)))
    return GraphSpec(*tensors)
