# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""The default backend: ONNX Runtime on the CPU."""
from typing import Any, Sequence

from bdl_perception.backends.graph_contract import check_graphs
from bdl_perception.backends.graph_contract import Graph
from bdl_perception.backends.graph_contract import perceive_outputs
from bdl_perception.backends.graph_contract import sample_outputs
from bdl_perception.backends.graph_contract import Tensor
from bdl_perception.backends.model_files import ModelError
from bdl_perception.backends.model_files import ModelFiles
from bdl_perception.perception.backend import RawPrediction
from bdl_perception.perception.values import Bytes
from bdl_perception.perception.values import Features
from bdl_perception.perception.values import Floats
from bdl_perception.perception.values import Moments
import numpy as np
import onnxruntime

DTYPES = {'tensor(float)': 'float32', 'tensor(uint8)': 'uint8'}
ERRORS_ONLY = 3  # ONNX Runtime's severity; its warnings are about optimisations


class OnnxRuntimeBackend:
    """Runs the two graphs of a verified model; calls must not overlap."""

    name = 'onnxruntime'

    def __init__(self, files: ModelFiles, threads: int = 0) -> None:
        """Load, check and warm up; threads within one operation, 0: one for each core."""
        if threads < 0:
            raise ValueError(f'threads is {threads}, must be 0 (one for each core) or more')
        self.spec = files.spec
        self._perceive = _load(files.perceive, f'{files.folder}/perceive.onnx', threads)
        self._sample = _load(files.sample, f'{files.folder}/sample.onnx', threads)
        self._features = check_graphs(self.spec, _describe(self._perceive),
                                      _describe(self._sample))
        self.warm_up()

    def warm_up(self) -> None:
        """Run each graph once on nothing, so that the first frame is as quick as the others."""
        rgb = np.zeros((self.spec.height, self.spec.width, 3), np.uint8)
        ones = [np.ones((self.spec.chunk, channels), np.float32)
                for channels in self.spec.dropout_channels]
        self.sample(self.perceive(rgb).features, ones)

    def perceive(self, rgb: Bytes) -> RawPrediction:
        """Run the single pass on rgb (H, W, 3) uint8; the features are arrays of their own."""
        size = (self.spec.height, self.spec.width, 3)
        if rgb.shape != size or rgb.dtype != np.uint8:
            raise ValueError(f'rgb is {rgb.dtype} {rgb.shape}, the model takes uint8 {size}')
        names = (*perceive_outputs(self.spec), *self._features)
        outputs = _run(self._perceive, names, {'rgb': rgb[None]})
        features = {name: outputs.pop(name) for name in self._features}
        return RawPrediction(**{name: array[0, ...] for name, array in outputs.items()},
                             features=features)

    def sample(self, features: Features, masks: Sequence[Floats]) -> Moments:
        """Run one chunk of S stochastic passes."""
        shaped = {f'mask_{k}': mask[:, :, None, None] for k, mask in enumerate(masks)}
        outputs = _run(self._sample, tuple(sample_outputs(self.spec)), {**features, **shaped})
        return Moments(count=self.spec.chunk, **outputs)

    def close(self) -> None:
        """Free both sessions."""
        self._perceive = self._sample = None


def _load(graph: bytes, path: str, threads: int) -> Any:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1  # the graphs are chains, there is little beside them to run
    options.log_severity_level = ERRORS_ONLY
    # Idle threads sleep: spinning doubles the CPU time between frames and starves other nodes.
    options.add_session_config_entry('session.intra_op.allow_spinning', '0')
    try:
        return onnxruntime.InferenceSession(graph, options, ['CPUExecutionProvider'])
    except Exception as error:  # ONNX Runtime's exceptions have no base class of their own
        raise ModelError(f'ONNX Runtime {onnxruntime.__version__} cannot load {path}: {error}; '
                         f'export the model again') from error


def _describe(session: Any) -> Graph:
    return Graph(*({tensor.name: Tensor(DTYPES.get(tensor.type, tensor.type), tuple(tensor.shape))
                    for tensor in tensors}
                   for tensors in (session.get_inputs(), session.get_outputs())))


def _run(session: Any, names: tuple[str, ...], inputs: dict[str, Any]) -> dict[str, Any]:
    if session is None:
        raise RuntimeError('the backend is closed; open a new one')
    return dict(zip(names, session.run(names, inputs), strict=True))
