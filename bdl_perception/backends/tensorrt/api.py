# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""
What we call of TensorRT 10.x, 11.x and TensorRT-RTX, as types for mypy.

NVIDIA ships none, and mypy cannot parse PyPI's tensorrt-stubs (10.8 to 10.13), so a test holds
these against the real compiler. Whatever can be None or False says so: each must be checked.
"""
from typing import Any, Protocol

from bdl_perception.backends.graph_contract import GraphSpec, TensorSpec
from bdl_perception.model_store import ModelError


class HostMemory(Protocol):
    """Bytes that the library owns; take them with bytes()."""

    nbytes: int

    def __buffer__(self, flags: int, /) -> memoryview:
        """Show the bytes."""


class TimingCache(Protocol):

    def serialize(self) -> HostMemory | None:
        """Give the bytes that the next build can start from."""


class BuilderConfig(Protocol):
    num_compute_capabilities: int  # TensorRT-RTX only
    progress_monitor: Any

    def clear_flag(self, flag: Any) -> None:
        """Unset one BuilderFlag."""

    def create_timing_cache(self, serialized_timing_cache: bytes) -> TimingCache | None:
        """Read a cache of an earlier build; empty bytes begin a new one."""

    def get_timing_cache(self) -> TimingCache | None:
        """Give the cache that this build has added to."""

    def set_compute_capability(self, compute_capability: Any, index: int) -> bool:
        """Choose another GPU than the one that is there; TensorRT-RTX only."""

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
        """Compile; takes minutes and lets other threads run."""

    def create_builder_config(self) -> BuilderConfig | None:
        """Make the settings of one build."""

    def create_network(self, flags: int) -> Network | None:
        """Make an empty network."""


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
        """Say where an input or output lies in GPU memory."""


class Engine(Protocol):
    num_io_tensors: int

    def create_execution_context(self) -> ExecutionContext | None:
        """Make what one thread runs."""

    def get_tensor_dtype(self, name: str) -> Any:
        """Give the library's own type."""

    def get_tensor_mode(self, name: str) -> Any:
        """Tell inputs from outputs."""

    def get_tensor_name(self, index: int) -> str:
        """Name an input or output."""

    def get_tensor_shape(self, name: str) -> Any:
        """Give the static shape."""


class Runtime(Protocol):

    def deserialize_cuda_engine(self, serialized_engine: bytes) -> Engine | None:
        """Load an engine: runs code that is in the bytes, so only bytes of ours."""


class Api(Protocol):
    """The module itself."""

    __version__: str
    BuilderFlag: Any
    ComputeCapability: Any  # TensorRT-RTX only
    ILogger: Any
    IProgressMonitor: Any
    NetworkDefinitionCreationFlag: Any
    TensorIOMode: Any

    def Builder(self, logger: Any) -> Builder:  # noqa: N802  # the library's name
        """Make a builder."""

    def OnnxParser(self, network: Network, logger: Any) -> Parser:  # noqa: N802
        """Make a parser."""

    def Runtime(self, logger: Any) -> Runtime:  # noqa: N802
        """Make what outlives every engine."""

    def nptype(self, trt_type: Any) -> Any:
        """Give numpy's type."""


class ErrorLog:
    """Keeps the errors of the library for our own message; hand `listener` to the library."""

    def __init__(self, api: Api) -> None:
        """Make a listener of the class that the library asks for."""
        self.errors: list[str] = []
        self.logger = _make_logger(api, self.errors)

    def require(self, result: Any, action: str, remedy: str) -> Any:
        """Return result, unless it is None or False: then ModelError says what failed and why."""
        said = '; '.join(dict.fromkeys(self.errors)) or 'the library gave no reason'
        self.errors.clear()
        if result is None or result is False:
            raise ModelError(f'{action} failed: {said}. {remedy}')
        return result


def _make_logger(api: Api, errors: list[str]) -> Any:
    base: Any = api.ILogger
    worst = (base.ERROR, base.INTERNAL_ERROR)

    class Listener(base):  # type: ignore[misc]

        def __init__(self) -> None:
            base.__init__(self)  # the library refuses super() here

        def log(self, severity: Any, msg: str) -> None:
            if severity in worst:
                errors.append(msg)

    return Listener()


def engine_graph_spec(api: Api, engine: Engine) -> GraphSpec:
    """Read the inputs and outputs of an engine."""
    import numpy as np
    sides: tuple[dict[str, TensorSpec], dict[str, TensorSpec]] = ({}, {})
    for index in range(engine.num_io_tensors):
        name = engine.get_tensor_name(index)
        dtype = np.dtype(api.nptype(engine.get_tensor_dtype(name))).name
        output = engine.get_tensor_mode(name) != api.TensorIOMode.INPUT
        sides[output][name] = TensorSpec(dtype, tuple(engine.get_tensor_shape(name)))
    return GraphSpec(*sides)
