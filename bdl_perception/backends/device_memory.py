# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""Where the tensors of the two engines lie on the GPU, and the features of the held frame."""
from typing import Any, Mapping
import weakref

from bdl_perception.backends.cuda import Gpu
from bdl_perception.backends.cuda import Memory
from bdl_perception.backends.cuda import Pinned
from bdl_perception.backends.graph_contract import Tensors
from numpy.typing import NDArray


class DeviceFeatures:
    """The features of one frame in GPU memory, kept as long as somebody holds this."""

    def __init__(self, memory: Mapping[str, Memory]) -> None:
        """Hold memory by the names of the tensors."""
        self.memory = memory


class FeatureStore:
    """
    Sets of feature memory: one is taken for each frame and comes back when nobody holds it.

    So the frame that is being sampled keeps its own while newer ones use the second set.
    """

    def __init__(self, gpu: Gpu, tensors: Tensors) -> None:
        """Allocate nothing yet."""
        self._gpu = gpu
        self._tensors = tensors
        self._free: list[dict[str, Memory]] = []

    def take(self) -> DeviceFeatures:
        """Give a set that nobody holds."""
        memory = self._free.pop() if self._free else {
            name: self._gpu.allocate(tensor) for name, tensor in self._tensors.items()}
        features = DeviceFeatures(memory)
        weakref.finalize(features, self._free.append, memory).atexit = False
        return features

    def forget(self) -> None:
        """Free what nobody holds; the rest is freed with its holder."""
        self._free = []


class Buffer:
    """One input or output: its place on the GPU, and pinned memory on this side."""

    def __init__(self, memory: Memory, pinned: Pinned) -> None:
        """Take both places; they have the same size."""
        self.memory = memory
        self.pinned = pinned

    @classmethod
    def make(cls, gpu: Gpu, tensors: Tensors) -> dict[str, 'Buffer']:
        """Reserve both places for each tensor."""
        return {name: cls(gpu.allocate(tensor), gpu.pin(tensor))
                for name, tensor in tensors.items()}

    def send(self, gpu: Gpu, name: str, value: NDArray[Any]) -> None:
        """Queue the copy of a value to the GPU."""
        if value.shape != self.pinned.array.shape:
            raise ValueError(f'{name} is {value.shape}, must be {self.pinned.array.shape}')
        self.pinned.array[...] = value
        gpu.copy(self.pinned.memory, self.memory)
