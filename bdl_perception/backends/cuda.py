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
from typing import Any, Iterator, NamedTuple, Protocol

from bdl_perception.backends.graph_contract import Tensor
import numpy as np
from numpy.typing import NDArray

ALIGNMENT = 256  # bytes, of every address that TensorRT is given
DRIVER = 'libcuda.so.1'
REMEDY = 'is the NVIDIA driver installed, and does `nvidia-smi` (Jetson: `tegrastats`) see a GPU?'


class Memory(Protocol):
    """A piece of GPU memory, or of pinned memory; freed when nobody holds it any more."""

    handle: Any  # int() of it is the address
    size: int


class Pinned(NamedTuple):
    """Host memory that the GPU copies from and to without a detour."""

    memory: Memory
    array: NDArray[Any]


class Gpu(Protocol):
    """One GPU; every method but `enter` wants the calling thread to have entered."""

    name: str
    capability: str  # such as sm89
    cuda: str  # of the driver, such as 12.4
    stream: int

    def enter(self) -> None:
        """Make it the GPU of the calling thread; CUDA remembers that per thread."""

    def allocate(self, tensor: Tensor) -> Memory:
        """Reserve GPU memory for a tensor."""

    def pin(self, tensor: Tensor) -> Pinned:
        """Reserve pinned memory for a tensor."""

    def copy(self, source: Memory, destination: Memory) -> None:
        """Queue a copy, either way."""

    def wait(self) -> None:
        """Wait until everything queued is done."""


class CudaGpu:
    """The first GPU."""

    def __init__(self) -> None:
        """Find it and make a stream; RuntimeError says that there is none and what CUDA said."""
        device_class, pinned_memory = _cuda_core()
        with _told('no GPU can be used', REMEDY):
            self._device = device_class(0)
            self._device.set_current()
            self._stream = self._device.create_stream()
            self._pinned = pinned_memory()
            self.name = str(self._device.name)
            self.capability = f'sm{self._device.arch}'
            self.cuda = cuda_version()
            self.stream = int(self._stream.handle)

    def enter(self) -> None:
        """Make it the GPU of the calling thread."""
        with _told('entering the GPU failed'):
            self._device.set_current()

    def allocate(self, tensor: Tensor) -> Memory:
        """Reserve GPU memory for a tensor."""
        size = size_of(tensor)
        with _told(f'reserving {size} bytes on the GPU failed', 'is there enough GPU memory?'):
            memory: Memory = self._device.allocate(size, stream=self._stream)
        return memory

    def pin(self, tensor: Tensor) -> Pinned:
        """Reserve pinned memory for a tensor."""
        size = size_of(tensor)
        with _told(f'pinning {size} bytes failed', 'is there enough memory?'):
            memory = self._pinned.allocate(size)
        return Pinned(memory, array_at(int(memory.handle), tensor))

    def copy(self, source: Any, destination: Any) -> None:
        """Queue a copy, either way."""
        with _told('copying from or to the GPU failed'):
            source.copy_to(destination, stream=self._stream)

    def wait(self) -> None:
        """Wait until everything queued is done."""
        with _told('waiting for the GPU failed'):
            self._stream.sync()


def array_at(address: int, tensor: Tensor) -> NDArray[Any]:
    """
    See host memory as an array that can be written; it must outlive the array.

    numpy.from_dlpack may give an array that cannot be written; that depends on both versions.
    """
    raw = (ctypes.c_uint8 * size_of(tensor)).from_address(address)
    return np.frombuffer(memoryview(raw), np.dtype(tensor.dtype)).reshape(tensor.shape)


def size_of(tensor: Tensor) -> int:
    """Count the bytes of a tensor."""
    return int(np.prod(tensor.shape)) * np.dtype(tensor.dtype).itemsize


def cuda_version() -> str:
    """Ask the driver for the CUDA that it has, such as 12.4; empty when it does not say."""
    number = ctypes.c_int()  # 1000 major + 10 minor
    if ctypes.CDLL(DRIVER).cuDriverGetVersion(ctypes.byref(number)):
        return ''
    return f'{number.value // 1000}.{number.value % 1000 // 10}'


def no_gpu() -> str:
    """Say why there is no GPU to use; empty when there is one."""
    try:
        ctypes.CDLL(DRIVER)  # at once, where cuda-core takes a second to load and to search
    except OSError as error:
        return f'no NVIDIA driver: {error}'
    try:
        return '' if _count_gpus() else 'CUDA sees no GPU'
    except (ModuleNotFoundError, RuntimeError) as error:
        return str(error)


def _count_gpus() -> int:
    device_class, _ = _cuda_core()
    with _told('counting the GPUs failed'):
        return len(device_class.get_all_devices())


def capability() -> str:
    """Name the compute capability of the first GPU, such as sm89; RuntimeError without one."""
    device_class, _ = _cuda_core()
    with _told('no GPU can be used'):
        return f'sm{device_class(0).arch}'


def _cuda_core() -> tuple[Any, Any]:
    try:
        from cuda.core import Device
        from cuda.core import LegacyPinnedMemoryResource
    except ImportError as error:
        raise ModuleNotFoundError(
            f'cuda-core cannot be imported ({error}); `pip install cuda-core '
            f'"cuda-bindings==12.*"`, or 13.*: the CUDA of the driver', name='cuda') from error
    return Device, LegacyPinnedMemoryResource


@contextmanager
def _told(what: str, remedy: str = REMEDY) -> Iterator[None]:
    """Say what failed: CUDA's errors and a missing driver have no base in common."""
    try:
        yield
    except Exception as error:
        raise RuntimeError(f'{what} ({_first_line(error)}); {remedy}') from error


def _first_line(error: Exception) -> str:
    return (str(error) or type(error).__name__).splitlines()[0]
