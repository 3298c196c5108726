# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""
The TensorRT backend: two engines on one stream; features stay on the GPU.

docs/tensorrt.md lists what was tested on a GPU and what was not. CUDA graphs are not used: an
engine needs few launches, and a graph would fix the addresses of the features.
"""
from typing import Any, Iterable, Mapping, Sequence

from bdl_perception.backends.graph_contract import (
    check_graphs,
    GraphSpec,
    perceive_outputs,
    sample_outputs,
    TensorSpecs,
)
from bdl_perception.backends.tensorrt.api import (
    Api,
    Engine,
    engine_graph_spec,
    ErrorLog,
    ExecutionContext,
    Runtime,
)
from bdl_perception.backends.tensorrt.cuda import (
    ALIGNMENT,
    DeviceFeatures,
    DeviceMemory,
    FeatureBufferPool,
    Gpu,
    TransferBuffer,
)
from bdl_perception.model_store import ModelError
from bdl_perception.perception.backend import ModelSpec, RawPrediction
from bdl_perception.perception.data_types import Bytes, Features, Floats, Moments
import numpy as np
from numpy.typing import NDArray

LOAD_HINT = 'Check with `nvidia-smi` that there is a GPU and that its driver is recent'


class EngineRejected(ModelError):
    """The library does not load an engine although its bytes match their record."""

    def __init__(self, message: str, data: bytes) -> None:
        """Store the bytes, so that they are not loaded again."""
        super().__init__(message)
        self.data = data


class TensorRtBackend:
    """Runs two engines of a verified model; calls must not overlap."""

    name = 'tensorrt'

    def __init__(self, spec: ModelSpec, perceive: bytes, sample: bytes, api: Api,
                 gpu: Gpu, precision: str = 'fp32') -> None:
        """Load both engines, whose bytes must be trusted, check their tensors and warm up."""
        self.spec = spec
        self.precision = precision
        self._gpu = gpu
        gpu.make_current()
        self._log = ErrorLog(api)
        self._runtime: Runtime | None = self._log.require(
            api.Runtime(self._log.logger), 'starting the TensorRT runtime', LOAD_HINT)
        self._perceive = _EngineRunner(api, self._runtime, perceive, self._log, 'perceive')
        self._sample = _EngineRunner(api, self._runtime, sample, self._log, 'sample')
        names = check_graphs(spec, self._perceive.graph, self._sample.graph)
        self._features = FeatureBufferPool(
            gpu, {name: self._perceive.graph.outputs[name] for name in names})
        self._buffers = {
            **TransferBuffer.allocate(gpu, self._perceive.graph.inputs),
            **TransferBuffer.allocate(gpu, perceive_outputs(spec)),
            **TransferBuffer.allocate(gpu, _exclude(self._sample.graph.inputs, names)),
            **TransferBuffer.allocate(gpu, sample_outputs(spec))}
        self.warm_up()

    def warm_up(self) -> None:
        """Run each engine once on zeros, so that the first frame is as fast as later ones."""
        rgb = np.zeros((self.spec.height, self.spec.width, 3), np.uint8)
        ones = [np.ones((self.spec.chunk, channels), np.float32)
                for channels in self.spec.dropout_channels]
        self.sample(self.perceive(rgb).features, ones)

    def perceive(self, rgb: Bytes) -> RawPrediction:
        """Run the single pass on rgb (H, W, 3) uint8; its features stay on the GPU."""
        size = (self.spec.height, self.spec.width, 3)
        if rgb.shape != size or rgb.dtype != np.uint8:
            raise ValueError(f'rgb is {rgb.dtype} {rgb.shape}, the model takes uint8 {size}')
        self._check_open()
        features = self._features.acquire()
        maps = self._run(self._perceive, {'rgb': rgb[None]}, perceive_outputs(self.spec),
                         features.memory)
        return RawPrediction(**{name: array[0, ...] for name, array in maps.items()},
                             features=features)

    def sample(self, features: Features, masks: Sequence[Floats]) -> Moments:
        """Run one chunk of S stochastic passes on features of perceive(); masks: (S, C_k) each."""
        self._check_open()
        if not isinstance(features, DeviceFeatures):
            raise TypeError(f'features are {type(features).__name__}, not those of perceive()')
        shaped = {f'mask_{k}': mask[:, :, None, None] for k, mask in enumerate(masks)}
        maps = self._run(self._sample, shaped, sample_outputs(self.spec), features.memory)
        return Moments(count=self.spec.chunk, **maps)

    def close(self) -> None:
        """Free everything: contexts before engines before the runtime."""
        if self._runtime is None:
            return
        self._gpu.make_current()
        self._gpu.synchronize()
        self._perceive.close()
        self._sample.close()
        self._runtime = None
        self._buffers.clear()
        self._features.clear()

    def _run(self, program: '_EngineRunner', inputs: Mapping[str, NDArray[Any]],
             outputs: Iterable[str], features: Mapping[str, DeviceMemory]) -> dict[str, Any]:
        """Copy inputs to the GPU, run, copy outputs back and wait; returns new arrays."""
        self._gpu.make_current()  # the calling thread may have changed
        for name, value in inputs.items():
            self._buffers[name].upload(self._gpu, name, value)
        memory = {name: self._buffers[name].memory for name in (*inputs, *outputs)}
        program.run({**memory, **features}, self._gpu.stream)
        for name in outputs:
            self._gpu.copy(memory[name], self._buffers[name].pinned.memory)
        self._gpu.synchronize()
        return {name: self._buffers[name].pinned.array.copy() for name in outputs}

    def _check_open(self) -> None:
        if self._runtime is None:
            raise RuntimeError('the backend is closed; open a new one')


class _EngineRunner:
    """One engine and its context."""

    def __init__(self, api: Api, runtime: Runtime, data: bytes, log: ErrorLog, title: str) -> None:
        self._log = log
        self._title = title
        self._engine: Engine | None = _deserialize_engine(runtime, data, log, title)
        self._context: ExecutionContext | None = log.require(
            self._engine.create_execution_context(), f'preparing the {title} engine',
            'Is there enough GPU memory?')
        self.graph: GraphSpec = engine_graph_spec(api, self._engine)

    def run(self, memory: Mapping[str, DeviceMemory], stream: int) -> None:
        """Queue one run; the memory must stay allocated until the stream is synchronised."""
        assert self._context is not None
        self._log.errors.clear()
        for name, buffer in memory.items():
            address = int(buffer.handle)
            if address % ALIGNMENT:
                raise ModelError(f'{name} is at address {address:#x}, must be a multiple of '
                                 f'{ALIGNMENT}')
            if not self._context.set_tensor_address(name, address):
                self._raise_error(f'placing {name}')
        if not self._context.execute_async_v3(stream):
            self._raise_error('running')

    def close(self) -> None:
        self._context = None
        self._engine = None

    def _raise_error(self, what: str) -> None:
        reason = '; '.join(self._log.errors) or 'the library gave no reason'
        raise RuntimeError(f'{what} of the {self._title} engine failed: {reason}')


def _deserialize_engine(runtime: Runtime, data: bytes, log: ErrorLog, title: str) -> Engine:
    engine = runtime.deserialize_cuda_engine(data)
    try:
        loaded: Engine = log.require(engine, f'loading the {title} engine', LOAD_HINT)
        return loaded
    except ModelError as error:
        raise EngineRejected(str(error), data) from None


def _exclude(tensors: TensorSpecs, names: Iterable[str]) -> TensorSpecs:
    return {name: tensor for name, tensor in tensors.items() if name not in set(names)}
