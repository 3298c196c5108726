# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""
The GPU as TensorRT needs it: memory that keeps its address, copies, and a stream of our own.

NVIDIA's cuda-core does the work and raises what CUDA returns. Its types lie where mypy does not
find them, so what we use of it is declared here. The first GPU is used; CUDA_VISIBLE_DEVICES says
which one that is.
"""
from contextlib import contextmanager
import ctypes
from typing import Any, Iterator, Mapping, NamedTuple, Protocol
import weakref

from bdl_perception.backends.graph_contract import TensorSpec, TensorSpecs
import numpy as np
from numpy.typing import NDArray

ALIGNMENT = 256  # bytes, of every address that TensorRT is given
DRIVER_LIBRARY = 'libcuda.so.1'
DRIVER_HINT = 'is the NVIDIA driver installed, and does `nvidia-smi` (Jetson: `tegrastats`) see a GPU?'


class DeviceMemory(Protocol):
    """A piece of GPU memory, or of pinned memory; freed when nobody holds it any more."""

    handle: Any  # int() of it is the address
    size: int


class PinnedBuffer(NamedTuple):
    """Host memory that the GPU copies from and to without a detour."""

    memory: DeviceMemory
    array: NDArray[Any]


class Gpu(Protocol):
    """One GPU; every method but `enter` wants the calling thread to have entered."""

    name: str
    compute_capability: str  # such as sm89
    cuda: str  # of the driver, such as 12.4
    stream: int

    def make_current(self) -> None:
        """Make it the GPU of the calling thread; CUDA remembers that per thread."""

    def allocate(self, tensor: TensorSpec) -> DeviceMemory:
        """Reserve GPU memory for a tensor."""

    def allocate_pinned(self, tensor: TensorSpec) -> PinnedBuffer:
        """Reserve pinned memory for a tensor."""

    def copy(self, source: DeviceMemory, destination: DeviceMemory) -> None:
        """Queue a copy, either way."""

    def synchronize(self) -> None:
        """Wait until everything queued is done."""


class CudaGpu:
    """The first GPU."""

    def __init__(self) -> None:
        """Find it and make a stream; RuntimeError says that there is none and what CUDA said."""
        device_class, pinned_memory = _import_cuda_core()
        with _cuda_errors('no GPU can be used', DRIVER_HINT):
            self._device = device_class(0)
            self._device.set_current()
            self._stream = self._device.create_stream()
            self._pinned = pinned_memory()
            self.name = str(self._device.name)
            self.compute_capability = f'sm{self._device.arch}'
            self.cuda = cuda_version()
            self.stream = int(self._stream.handle)

    def make_current(self) -> None:
        """Make it the GPU of the calling thread."""
        with _cuda_errors('entering the GPU failed'):
            self._device.set_current()

    def allocate(self, tensor: TensorSpec) -> DeviceMemory:
        """Reserve GPU memory for a tensor."""
        size = byte_size(tensor)
        with _cuda_errors(f'reserving {size} bytes on the GPU failed', 'is there enough GPU memory?'):
            memory: DeviceMemory = self._device.allocate(size, stream=self._stream)
        return memory

    def allocate_pinned(self, tensor: TensorSpec) -> PinnedBuffer:
        """Reserve pinned memory for a tensor."""
        size = byte_size(tensor)
        with _cuda_errors(f'pinning {size} bytes failed', 'is there enough memory?'):
            memory = self._pinned.allocate(size)
        return PinnedBuffer(memory, array_view(int(memory.handle), tensor))

    def copy(self, source: Any, destination: Any) -> None:
        """Queue a copy, either way."""
        with _cuda_errors('copying from or to the GPU failed'):
            source.copy_to(destination, stream=self._stream)

    def synchronize(self) -> None:
        """Wait until everything queued is done."""
        with _cuda_errors('waiting for the GPU failed'):
            self._stream.sync()


def array_view(address: int, tensor: TensorSpec) -> NDArray[Any]:
    """
    See host memory as an array that can be written; it must outlive the array.

    numpy.from_dlpack may give an array that cannot be written; that depends on both versions.
    """
    raw = (ctypes.c_uint8 * byte_size(tensor)).from_address(address)
    return np.frombuffer(memoryview(raw), np.dtype(tensor.dtype)).reshape(tensor.shape)


def byte_size(tensor: TensorSpec) -> int:
    """Count the bytes of a tensor."""
    return int(np.prod(tensor.shape)) * np.dtype(tensor.dtype).itemsize


def cuda_version() -> str:
    """Ask the driver for the CUDA that it has, such as 12.4; empty when it does not say."""
    number = ctypes.c_int()  # 1000 major + 10 minor
    if ctypes.CDLL(DRIVER_LIBRARY).cuDriverGetVersion(ctypes.byref(number)):
        return ''
    return f'{number.value // 1000}.{number.value % 1000 // 10}'


def gpu_unavailable_reason() -> str:
    """Say why there is no GPU to use; empty when there is one."""
    try:
        ctypes.CDLL(DRIVER_LIBRARY)  # at once, where cuda-core takes a second to load and to search
    except OSError as error:
        return f'no NVIDIA driver: {error}'
    try:
        return '' if _count_gpus() else 'CUDA sees no GPU'
    except (ModuleNotFoundError, RuntimeError) as error:
        return str(error)


def _count_gpus() -> int:
    device_class, _ = _import_cuda_core()
    with _cuda_errors('counting the GPUs failed'):
        return len(device_class.get_all_devices())


def compute_capability() -> str:
    """Name the compute capability of the first GPU, such as sm89; RuntimeError without one."""
    device_class, _ = _import_cuda_core()
    with _cuda_errors('no GPU can be used'):
        return f'sm{device_class(0).arch}'


def _import_cuda_core() -> tuple[Any, Any]:
    try:
        from cuda.core import Device, LegacyPinnedMemoryResource
    except ImportError as error:
        raise ModuleNotFoundError(
            f'cuda-core cannot be imported ({error}); `pip install cuda-core '
            f'"cuda-bindings==12.*"`, or 13.*: the CUDA of the driver', name='cuda') from error
    return Device, LegacyPinnedMemoryResource


@contextmanager
def _cuda_errors(action: str, remedy: str = DRIVER_HINT) -> Iterator[None]:
    """Say what failed: CUDA's errors and a missing driver have no base in common."""
    try:
        yield
    except Exception as error:
        raise RuntimeError(f'{action} ({_first_line(error)}); {remedy}') from error


def _first_line(error: Exception) -> str:
    return (str(error) or type(error).__name__).splitlines()[0]


class DeviceFeatures:
    """The features of one frame in GPU memory, kept as long as somebody holds this."""

    def __init__(self, memory: Mapping[str, DeviceMemory]) -> None:
        """Hold memory by the names of the tensors."""
        self.memory = memory


class FeatureBufferPool:
    """
    Sets of feature memory: one is taken for each frame and comes back when nobody holds it.

    So the frame that is being sampled keeps its own while newer ones use the second set.
    """

    def __init__(self, gpu: Gpu, tensors: TensorSpecs) -> None:
        """Allocate nothing yet."""
        self._gpu = gpu
        self._tensors = tensors
        self._free: list[dict[str, DeviceMemory]] = []

    def acquire(self) -> DeviceFeatures:
        """Give a set that nobody holds."""
        memory = self._free.pop() if self._free else {
            name: self._gpu.allocate(tensor) for name, tensor in self._tensors.items()}
        features = DeviceFeatures(memory)
        weakref.finalize(features, self._free.append, memory).atexit = False
        return features

    def clear(self) -> None:
        """Free what nobody holds; the rest is freed with its holder."""
        self._free = []


class TransferBuffer:
    """One input or output: its place on the GPU, and pinned memory on this side."""

    def __init__(self, memory: DeviceMemory, pinned: PinnedBuffer) -> None:
        """Take both places; they have the same size."""
        self.memory = memory
        self.pinned = pinned

    @classmethod
    def allocate(cls, gpu: Gpu, tensors: TensorSpecs) -> dict[str, 'TransferBuffer']:
        """Reserve both places for each tensor."""
        return {name: cls(gpu.allocate(tensor), gpu.allocate_pinned(tensor))
                for name, tensor in tensors.items()}

    def upload(self, gpu: Gpu, name: str, value: NDArray[Any]) -> None:
        """Queue the copy of a value to the GPU."""
        if value.shape != self.pinned.array.shape:
            raise ValueError(f'{name} is {value.shape}, must be {self.pinned.array.shape}')
        self.pinned.array[...] = value
        gpu.copy(self.pinned.memory, self.memory)
