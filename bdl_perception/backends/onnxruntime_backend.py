# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""The default backend: ONNX Runtime on the CPU, or with one of its GPU providers."""
from typing import Any, NamedTuple, Sequence

from bdl_perception.backends.graph_contract import (
    check_graphs,
    GraphSpec,
    perceive_outputs,
    sample_outputs,
    TensorSpec,
)
from bdl_perception.model_store import ModelError, ModelFiles
from bdl_perception.perception.backend import RawPrediction
from bdl_perception.perception.data_types import Bytes, Features, Floats, Moments
import numpy as np
import onnxruntime

DTYPES = {'tensor(float)': 'float32', 'tensor(uint8)': 'uint8'}
PROVIDERS: dict[str, tuple[Any, ...]] = {  # in order; later ones run unsupported operators
    'cpu': ('CPUExecutionProvider',),
    'cuda': (('CUDAExecutionProvider', {'use_tf32': '0'}), 'CPUExecutionProvider'),
    'tensorrt': ('TensorrtExecutionProvider', ('CUDAExecutionProvider', {'use_tf32': '0'}),
                 'CPUExecutionProvider'),
}
LOG_SEVERITY_ERROR = 3  # ONNX Runtime's severity; its warnings are about optimisations


class SessionTuning(NamedTuple):
    """Settings of ONNX Runtime; the defaults were chosen by `bdl bench --only runtime`."""

    graph_optimisation: str = 'ENABLE_ALL'  # or _BASIC, _EXTENDED; DISABLE_ALL: as exported
    memory_arena: bool = True  # memory is reused between calls
    # Idle threads sleep: spinning doubles the CPU time between frames and slows other nodes.
    allow_spinning: bool = False


DEFAULT_TUNING = SessionTuning()
NO_OPTIMISATION = SessionTuning('DISABLE_ALL')


def installed_providers() -> tuple[str, ...]:
    """Return the execution providers of the installed ONNX Runtime, and its version first."""
    return (str(onnxruntime.__version__), *onnxruntime.get_available_providers())


class OnnxRuntimeBackend:
    """Runs the two graphs of a verified model; calls must not overlap."""

    name = 'onnxruntime'
    precision = 'fp32'

    def __init__(self, files: ModelFiles, threads: int = 0, provider: str = 'cpu',
                 tuning: SessionTuning = DEFAULT_TUNING) -> None:
        """
        Load, check and warm up.

        threads: within one operation, 0 for one on each core. provider: a key of PROVIDERS.
        tuning: for benchmarks. ValueError: a wrong option; ModelError: the model cannot run.
        """
        if threads < 0:
            raise ValueError(f'threads is {threads}, must be 0 (one for each core) or more')
        _check_provider(provider)
        self.spec = files.spec
        self._load_sessions(files, provider, _session_options(threads, DEFAULT_TUNING))
        self._features = check_graphs(self.spec, _graph_spec(self._perceive),
                                      _graph_spec(self._sample))
        if tuning != DEFAULT_TUNING:  # without optimisation some output shapes are unknown
            self._load_sessions(files, provider, _session_options(threads, tuning))
        self.warm_up()

    def warm_up(self) -> None:
        """Run each graph once on zeros, so that the first frame is as fast as later ones."""
        rgb = np.zeros((self.spec.height, self.spec.width, 3), np.uint8)
        ones = [np.ones((self.spec.chunk, channels), np.float32)
                for channels in self.spec.dropout_channels]
        self.sample(self.perceive(rgb).features, ones)

    def perceive(self, rgb: Bytes) -> RawPrediction:
        """Run the single pass on rgb (H, W, 3) uint8; the results are new arrays."""
        size = (self.spec.height, self.spec.width, 3)
        if rgb.shape != size or rgb.dtype != np.uint8:
            raise ValueError(f'rgb is {rgb.dtype} {rgb.shape}, the model takes uint8 {size}')
        names = (*perceive_outputs(self.spec), *self._features)
        outputs = _run_session(self._perceive, names, {'rgb': rgb[None]})
        features = {name: outputs.pop(name) for name in self._features}
        return RawPrediction(**{name: array[0, ...] for name, array in outputs.items()},
                             features=features)

    def sample(self, features: Features, masks: Sequence[Floats]) -> Moments:
        """Run one chunk of S stochastic passes; masks: (S, C_k) each."""
        shaped = {f'mask_{k}': mask[:, :, None, None] for k, mask in enumerate(masks)}
        names = tuple(sample_outputs(self.spec))
        outputs = _run_session(self._sample, names, {**features, **shaped})
        return Moments(count=self.spec.chunk, **outputs)

    def close(self) -> None:
        """Free both sessions."""
        self._perceive = self._sample = None

    def _load_sessions(self, files: ModelFiles, provider: str, options: Any) -> None:
        folder = files.folder
        self._perceive = _load_session(
            files.perceive, f'{folder}/perceive.onnx', options, provider)
        self._sample = _load_session(files.sample, f'{folder}/sample.onnx', options, provider)


def _check_provider(provider: str) -> None:
    if provider not in PROVIDERS:
        raise ValueError(f'provider is {provider!r}, must be one of {", ".join(PROVIDERS)}')
    available = onnxruntime.get_available_providers()
    if _primary_provider(provider) not in available:
        raise ModelError(
            f'provider {provider} needs {_primary_provider(provider)}, which ONNX Runtime '
            f'{onnxruntime.__version__} does not contain (only {", ".join(available)}); '
            f'`pip uninstall onnxruntime` and `pip install onnxruntime-gpu`')


def _primary_provider(provider: str) -> str:
    first = PROVIDERS[provider][0]
    return first if isinstance(first, str) else str(first[0])


def _session_options(threads: int, tuning: SessionTuning) -> Any:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1  # the graphs are chains of operators
    options.log_severity_level = LOG_SEVERITY_ERROR
    options.add_session_config_entry('session.intra_op.allow_spinning',
                                     str(int(tuning.allow_spinning)))
    options.enable_cpu_mem_arena = tuning.memory_arena
    options.graph_optimization_level = getattr(
        onnxruntime.GraphOptimizationLevel, f'ORT_{tuning.graph_optimisation}')
    return options


def _load_session(graph: bytes, path: str, options: Any, provider: str) -> Any:
    try:
        session = onnxruntime.InferenceSession(graph, options, list(PROVIDERS[provider]))
    except Exception as error:  # ONNX Runtime's exceptions have no base class of their own
        raise ModelError(f'ONNX Runtime {onnxruntime.__version__} cannot load {path}: {error}; '
                         f'export the model again') from error
    started = session.get_providers()
    if started[0] != _primary_provider(provider):  # ONNX Runtime falls back to the CPU silently
        raise ModelError(
            f'{_primary_provider(provider)} did not start, only {", ".join(started)} did; '
            f'install the CUDA, cuDNN and TensorRT versions that onnxruntime-gpu '
            f'{onnxruntime.__version__} needs')
    return session


def _graph_spec(session: Any) -> GraphSpec:
    return GraphSpec(*(
        {tensor.name: TensorSpec(DTYPES.get(tensor.type, tensor.type), tuple(tensor.shape))
         for tensor in tensors}
        for tensors in (session.get_inputs(), session.get_outputs())))


def _run_session(session: Any, names: tuple[str, ...], inputs: dict[str, Any]) -> dict[str, Any]:
    if session is None:
        raise RuntimeError('the backend is closed; open a new one')
    return dict(zip(names, session.run(names, inputs), strict=True))
