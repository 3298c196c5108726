# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""
TensorRT as a backend: two engines, one stream; features stay on the GPU.

Never run here, for want of a GPU: docs/tensorrt.md says what was and what was not. CUDA graphs are
left out: both engines take a handful of launches, and a graph would freeze the feature addresses.
"""
from typing import Any, Iterable, Mapping, Sequence

from bdl_perception.backends.cuda import ALIGNMENT
from bdl_perception.backends.cuda import Gpu
from bdl_perception.backends.cuda import Memory
from bdl_perception.backends.device_memory import Buffer
from bdl_perception.backends.device_memory import DeviceFeatures
from bdl_perception.backends.device_memory import FeatureStore
from bdl_perception.backends.graph_contract import check_graphs
from bdl_perception.backends.graph_contract import Graph
from bdl_perception.backends.graph_contract import perceive_outputs
from bdl_perception.backends.graph_contract import sample_outputs
from bdl_perception.backends.graph_contract import Tensors
from bdl_perception.backends.model_files import ModelError
from bdl_perception.backends.tensorrt_api import Api
from bdl_perception.backends.tensorrt_api import describe
from bdl_perception.backends.tensorrt_api import Engine
from bdl_perception.backends.tensorrt_api import ExecutionContext
from bdl_perception.backends.tensorrt_api import Log
from bdl_perception.backends.tensorrt_api import Runtime
from bdl_perception.perception.backend import RawPrediction
from bdl_perception.perception.model_spec import ModelSpec
from bdl_perception.perception.values import Bytes
from bdl_perception.perception.values import Features
from bdl_perception.perception.values import Floats
from bdl_perception.perception.values import Moments
import numpy as np
from numpy.typing import NDArray

LOAD = 'Is there a GPU with a driver that is new enough? `nvidia-smi` tells'


class EngineRefused(ModelError):
    """The library does not load an engine whose bytes are those that were built."""

    def __init__(self, message: str, data: bytes) -> None:
        """Keep the bytes, so that they are not tried again."""
        super().__init__(message)
        self.data = data


class TensorRtBackend:
    """Runs two engines of a verified model; calls must not overlap."""

    name = 'tensorrt'

    def __init__(self, spec: ModelSpec, perceive: bytes, sample: bytes, api: Api,
                 gpu: Gpu, precision: str = 'fp32') -> None:
        """Load both engines, whose bytes the cache has vouched for, check and warm up."""
        self.spec = spec
        self.precision = precision
        self._gpu = gpu
        gpu.enter()
        self._log = Log(api)
        self._runtime: Runtime | None = self._log.need(
            api.Runtime(self._log.listener), 'starting the TensorRT runtime', LOAD)
        self._perceive = _Program(api, self._runtime, perceive, self._log, 'perceive')
        self._sample = _Program(api, self._runtime, sample, self._log, 'sample')
        names = check_graphs(spec, self._perceive.graph, self._sample.graph)
        self._features = FeatureStore(
            gpu, {name: self._perceive.graph.outputs[name] for name in names})
        self._buffers = {
            **Buffer.make(gpu, self._perceive.graph.inputs),
            **Buffer.make(gpu, perceive_outputs(spec)),
            **Buffer.make(gpu, _without(self._sample.graph.inputs, names)),
            **Buffer.make(gpu, sample_outputs(spec))}
        self.warm_up()

    def warm_up(self) -> None:
        """Run each engine once on nothing, so that the first frame is as quick as the others."""
        rgb = np.zeros((self.spec.height, self.spec.width, 3), np.uint8)
        ones = [np.ones((self.spec.chunk, channels), np.float32)
                for channels in self.spec.dropout_channels]
        self.sample(self.perceive(rgb).features, ones)

    def perceive(self, rgb: Bytes) -> RawPrediction:
        """Run the single pass on rgb (H, W, 3) uint8; its features stay on the GPU."""
        size = (self.spec.height, self.spec.width, 3)
        if rgb.shape != size or rgb.dtype != np.uint8:
            raise ValueError(f'rgb is {rgb.dtype} {rgb.shape}, the model takes uint8 {size}')
        self._refuse_closed()
        features = self._features.take()
        maps = self._run(self._perceive, {'rgb': rgb[None]}, perceive_outputs(self.spec),
                         features.memory)
        return RawPrediction(**{name: array[0, ...] for name, array in maps.items()},
                             features=features)

    def sample(self, features: Features, masks: Sequence[Floats]) -> Moments:
        """Run one chunk of S stochastic passes on features that `perceive` gave."""
        self._refuse_closed()
        if not isinstance(features, DeviceFeatures):
            raise TypeError(f'features are {type(features).__name__}, not what perceive() gave')
        shaped = {f'mask_{k}': mask[:, :, None, None] for k, mask in enumerate(masks)}
        maps = self._run(self._sample, shaped, sample_outputs(self.spec), features.memory)
        return Moments(count=self.spec.chunk, **maps)

    def close(self) -> None:
        """Free everything: contexts before engines before the runtime."""
        if self._runtime is None:
            return
        self._gpu.enter()
        self._gpu.wait()
        self._perceive.close()
        self._sample.close()
        self._runtime = None
        self._buffers.clear()
        self._features.forget()

    def _run(self, program: '_Program', inputs: Mapping[str, NDArray[Any]],
             outputs: Iterable[str], features: Mapping[str, Memory]) -> dict[str, Any]:
        """Copy in, run, copy out, wait; the arrays that are returned are their own."""
        self._gpu.enter()  # the thread may be another one than last time
        for name, value in inputs.items():
            self._buffers[name].send(self._gpu, name, value)
        memory = {name: self._buffers[name].memory for name in (*inputs, *outputs)}
        program.run({**memory, **features}, self._gpu.stream)
        for name in outputs:
            self._gpu.copy(memory[name], self._buffers[name].pinned.memory)
        self._gpu.wait()
        return {name: self._buffers[name].pinned.array.copy() for name in outputs}

    def _refuse_closed(self) -> None:
        if self._runtime is None:
            raise RuntimeError('the backend is closed; open a new one')


class _Program:
    """One engine and its context."""

    def __init__(self, api: Api, runtime: Runtime, data: bytes, log: Log, title: str) -> None:
        self._log = log
        self._title = title
        self._engine: Engine | None = _load(runtime, data, log, title)
        self._context: ExecutionContext | None = log.need(
            self._engine.create_execution_context(), f'preparing the {title} engine',
            'Is there enough GPU memory?')
        self.graph: Graph = describe(api, self._engine)

    def run(self, memory: Mapping[str, Memory], stream: int) -> None:
        """Queue one run; the memory must stay until the stream has been waited for."""
        assert self._context is not None
        self._log.errors.clear()
        for name, where in memory.items():
            address = int(where.handle)
            if address % ALIGNMENT:
                raise ModelError(f'{name} lies at {address:#x}, not at a multiple of {ALIGNMENT}')
            if not self._context.set_tensor_address(name, address):
                self._fail(f'placing {name}')
        if not self._context.execute_async_v3(stream):
            self._fail('running')

    def close(self) -> None:
        self._context = None
        self._engine = None

    def _fail(self, what: str) -> None:
        said = '; '.join(self._log.errors) or 'the library gave no reason'
        raise RuntimeError(f'{what} of the {self._title} engine failed: {said}')


def _load(runtime: Runtime, data: bytes, log: Log, title: str) -> Engine:
    engine = runtime.deserialize_cuda_engine(data)
    try:
        loaded: Engine = log.need(engine, f'loading the {title} engine', LOAD)
        return loaded
    except ModelError as error:
        raise EngineRefused(str(error), data) from None


def _without(tensors: Tensors, names: Iterable[str]) -> Tensors:
    return {name: tensor for name, tensor in tensors.items() if name not in set(names)}
