# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""
A fake GPU and a fake TensorRT: host memory, and engines that are ONNX files.

The fake runtime takes the bytes of a graph as an engine and runs it with ONNX Runtime on the
addresses it is given. It records the loaded engines and the order in which objects are freed.
"""
import ctypes
from threading import get_ident
from typing import Any

from bdl_perception.backends.graph_contract import TensorSpec
from bdl_perception.backends.tensorrt.cuda import byte_size, PinnedBuffer
import numpy as np
import onnxruntime

NUMPY_TYPES = {'tensor(float)': np.float32, 'tensor(uint8)': np.uint8}


class FakeMemory:
    """Host memory at an aligned address, filled with arbitrary bytes like GPU memory."""

    def __init__(self, size: int, offset: int = 0) -> None:
        self._room = np.full(size + 512, 0xA5, np.uint8)
        start = -self._room.ctypes.data % 256 + offset
        self.bytes = self._room[start:start + size]
        self.handle = self.bytes.ctypes.data
        self.size = size


class FakeGpu:
    """Counts allocations and records the threads that select the GPU; copies at once."""

    name, compute_capability, cuda, stream = 'Fake GPU', 'sm89', '12.4', 7

    def __init__(self, offset: int = 0) -> None:
        """Return addresses with this offset in bytes from alignment."""
        self.offset = offset
        self.allocated = 0
        self.entered: list[int] = []

    def make_current(self) -> None:
        self.entered.append(get_ident())

    def allocate(self, tensor: TensorSpec) -> FakeMemory:
        self.allocated += 1
        return FakeMemory(byte_size(tensor), self.offset)

    def allocate_pinned(self, tensor: TensorSpec) -> PinnedBuffer:
        memory = FakeMemory(byte_size(tensor))
        return PinnedBuffer(memory, memory.bytes.view(tensor.dtype).reshape(tensor.shape))

    def copy(self, source: FakeMemory, destination: FakeMemory) -> None:
        assert source.size == destination.size
        destination.bytes[...] = source.bytes

    def synchronize(self) -> None:
        pass


class FakeTensorRt:
    """The module; `loaded` has all deserialised bytes, `freed` the freed objects in order."""

    __version__ = '0.0.0'

    class ILogger:
        ERROR, INTERNAL_ERROR = 'error', 'internal error'

    class TensorIOMode:
        INPUT, OUTPUT = 'input', 'output'

    def __init__(self) -> None:
        self.loaded: list[bytes] = []
        self.freed: list[str] = []
        self.failing_calls: set[str] = set()  # names of calls that fail
        self.rejected_engines: set[bytes] = set()  # that are not deserialised

    def Runtime(self, logger: Any) -> 'FakeRuntime':  # noqa: N802  # the library's name
        return FakeRuntime(self, logger)

    def nptype(self, trt_type: type) -> type:
        return trt_type


class FakeRuntime:

    def __init__(self, api: FakeTensorRt, logger: Any) -> None:
        self._api = api
        self._logger = logger

    def deserialize_cuda_engine(self, data: bytes) -> 'FakeEngine | None':
        self._api.loaded.append(data)
        failing = 'deserialize_cuda_engine' in self._api.failing_calls
        if failing or data in self._api.rejected_engines:
            self._logger.log(self._api.ILogger.ERROR, 'cudaError 35')
            return None
        return FakeEngine(self._api, data)

    def __del__(self) -> None:
        self._api.freed.append('runtime')


class FakeEngine:

    def __init__(self, api: FakeTensorRt, data: bytes) -> None:
        self._api = api
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        self._session = onnxruntime.InferenceSession(data, options, ['CPUExecutionProvider'])
        self._inputs = {tensor.name: tensor for tensor in self._session.get_inputs()}
        self._all = {**self._inputs,
                     **{tensor.name: tensor for tensor in self._session.get_outputs()}}
        self.num_io_tensors = len(self._all)

    def create_execution_context(self) -> 'FakeContext | None':
        if 'create_execution_context' in self._api.failing_calls:
            return None
        return FakeContext(self._api, self)

    def get_tensor_name(self, index: int) -> str:
        return list(self._all)[index]

    def get_tensor_mode(self, name: str) -> str:
        return 'input' if name in self._inputs else 'output'

    def get_tensor_shape(self, name: str) -> tuple[int, ...]:
        return tuple(self._all[name].shape)

    def get_tensor_dtype(self, name: str) -> type:
        return NUMPY_TYPES[self._all[name].type]

    def run(self, addresses: dict[str, int]) -> None:
        assert set(addresses) == set(self._all), 'some inputs or outputs were given no address'
        places = {name: self._view(name, address) for name, address in addresses.items()}
        outputs = [name for name in self._all if name not in self._inputs]
        found = self._session.run(outputs, {name: places[name] for name in self._inputs})
        for name, value in zip(outputs, found, strict=True):
            places[name][...] = value

    def _view(self, name: str, address: int) -> np.ndarray:
        dtype = np.dtype(self.get_tensor_dtype(name)).name
        tensor = TensorSpec(dtype, self.get_tensor_shape(name))
        raw = (ctypes.c_uint8 * byte_size(tensor)).from_address(address)
        return np.frombuffer(raw, tensor.dtype).reshape(tensor.shape)

    def __del__(self) -> None:
        self._api.freed.append('engine')


class FakeContext:

    def __init__(self, api: FakeTensorRt, engine: FakeEngine) -> None:
        self._api = api
        self._engine = engine
        self._addresses: dict[str, int] = {}

    def set_tensor_address(self, name: str, memory: int) -> bool:
        self._addresses[name] = memory
        return 'set_tensor_address' not in self._api.failing_calls

    def execute_async_v3(self, stream_handle: int) -> bool:
        assert stream_handle == FakeGpu.stream, 'another stream than our own'
        if 'execute_async_v3' in self._api.failing_calls:
            return False
        self._engine.run(self._addresses)
        return True

    def __del__(self) -> None:
        self._api.freed.append('context')
