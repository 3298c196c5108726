# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""
GPU access for TensorRT: memory with fixed addresses, copies, one stream, and feature buffers.

Uses NVIDIA's cuda-core, whose types mypy does not find; protocols declare the parts that are used.
The first GPU is used; CUDA_VISIBLE_DEVICES selects it.
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
DRIVER_HINT = ('is the NVIDIA driver installed, and does `nvidia-smi` (Jetson: `tegrastats`) '
               'list a GPU?')


class DeviceMemory(Protocol):
    """GPU memory or pinned memory; freed with its last reference."""

    handle: Any  # int() of it is the address
    size: int


class PinnedBuffer(NamedTuple):
    """Page-locked host memory, for direct copies from and to the GPU."""

    memory: DeviceMemory
    array: NDArray[Any]


class Gpu(Protocol):
    """One GPU; the calling thread must call make_current before the other methods."""

    name: str
    compute_capability: str  # such as sm89
    cuda: str  # of the driver, such as 12.4
    stream: int

    def make_current(self) -> None:
        """Make it the GPU of the calling thread; CUDA stores the current GPU per thread."""

    def allocate(self, tensor: TensorSpec) -> DeviceMemory:
        """Reserve GPU memory for a tensor."""

    def allocate_pinned(self, tensor: TensorSpec) -> PinnedBuffer:
        """Reserve pinned memory for a tensor."""

    def copy(self, source: DeviceMemory, destination: DeviceMemory) -> None:
        """Queue a copy in either direction."""

    def synchronize(self) -> None:
        """Wait until all queued work is done."""


class CudaGpu:
    """The first GPU."""

    def __init__(self) -> None:
        """Open the GPU and create a stream; RuntimeError with CUDA's message if there is none."""
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
        with _cuda_errors('selecting the GPU failed'):
            self._device.set_current()

    def allocate(self, tensor: TensorSpec) -> DeviceMemory:
        """Reserve GPU memory for a tensor."""
        size = byte_size(tensor)
        with _cuda_errors(f'reserving {size} bytes on the GPU failed',
                          'is there enough GPU memory?'):
            memory: DeviceMemory = self._device.allocate(size, stream=self._stream)
        return memory

    def allocate_pinned(self, tensor: TensorSpec) -> PinnedBuffer:
        """Reserve pinned memory for a tensor."""
        size = byte_size(tensor)
        with _cuda_errors(f'pinning {size} bytes failed', 'is there enough memory?'):
            memory = self._pinned.allocate(size)
        return PinnedBuffer(memory, array_view(int(memory.handle), tensor))

    def copy(self, source: Any, destination: Any) -> None:
        """Queue a copy in either direction."""
        with _cuda_errors('copying from or to the GPU failed'):
            source.copy_to(destination, stream=self._stream)

    def synchronize(self) -> None:
        """Wait until all queued work is done."""
        with _cuda_errors('waiting for the GPU failed'):
            self._stream.sync()


def array_view(address: int, tensor: TensorSpec) -> NDArray[Any]:
    """
    Return a writable array on host memory, which must outlive the array.

    numpy.from_dlpack is not used: with some versions its arrays are read-only.
    """
    raw = (ctypes.c_uint8 * byte_size(tensor)).from_address(address)
    return np.frombuffer(memoryview(raw), np.dtype(tensor.dtype)).reshape(tensor.shape)


def byte_size(tensor: TensorSpec) -> int:
    """Return the size of a tensor in bytes."""
    return int(np.prod(tensor.shape)) * np.dtype(tensor.dtype).itemsize


def cuda_version() -> str:
    """Return the CUDA version of the driver, such as 12.4; empty if it returns an error."""
    number = ctypes.c_int()  # 1000 major + 10 minor
    if ctypes.CDLL(DRIVER_LIBRARY).cuDriverGetVersion(ctypes.byref(number)):
        return ''
    return f'{number.value // 1000}.{number.value % 1000 // 10}'


def gpu_unavailable_reason() -> str:
    """Return why no GPU can be used; empty if one can."""
    try:
        ctypes.CDLL(DRIVER_LIBRARY)  # a fast check; cuda-core takes a second to load
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
    """Return the compute capability of the first GPU, such as sm89; RuntimeError without one."""
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
    """Convert any error to a RuntimeError: the errors of cuda-core have no common base."""
    try:
        yield
    except Exception as error:
        raise RuntimeError(f'{action} ({_first_line(error)}); {remedy}') from error


def _first_line(error: Exception) -> str:
    return (str(error) or type(error).__name__).splitlines()[0]


class DeviceFeatures:
    """The features of one frame in GPU memory; reused when this object is deleted."""

    def __init__(self, memory: Mapping[str, DeviceMemory]) -> None:
        """Use this memory, by the names of the tensors."""
        self.memory = memory


class FeatureBufferPool:
    """
    A pool of feature buffers: one set per frame, reused when its DeviceFeatures is deleted.

    The frame that is being sampled so retains its features while newer frames use a second set.
    """

    def __init__(self, gpu: Gpu, tensors: TensorSpecs) -> None:
        """Start empty; acquire allocates on demand."""
        self._gpu = gpu
        self._tensors = tensors
        self._free: list[dict[str, DeviceMemory]] = []

    def acquire(self) -> DeviceFeatures:
        """Return a set that is not in use."""
        memory = self._free.pop() if self._free else {
            name: self._gpu.allocate(tensor) for name, tensor in self._tensors.items()}
        features = DeviceFeatures(memory)
        weakref.finalize(features, self._free.append, memory).atexit = False
        return features

    def clear(self) -> None:
        """Free the unused sets; sets in use are freed with their DeviceFeatures."""
        self._free = []


class TransferBuffer:
    """One input or output: a GPU buffer and a pinned host buffer."""

    def __init__(self, memory: DeviceMemory, pinned: PinnedBuffer) -> None:
        """Use these buffers of equal size."""
        self.memory = memory
        self.pinned = pinned

    @classmethod
    def allocate(cls, gpu: Gpu, tensors: TensorSpecs) -> dict[str, 'TransferBuffer']:
        """Reserve both buffers for each tensor."""
        return {name: cls(gpu.allocate(tensor), gpu.allocate_pinned(tensor))
                for name, tensor in tensors.items()}

    def upload(self, gpu: Gpu, name: str, value: NDArray[Any]) -> None:
        """Queue the copy of a value to the GPU."""
        if value.shape != self.pinned.array.shape:
            raise ValueError(f'{name} is {value.shape}, must be {self.pinned.array.shape}')
        self.pinned.array[...] = value
        gpu.copy(self.pinned.memory, self.memory)
