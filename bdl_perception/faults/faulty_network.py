# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""
perception_node with one more backend, ONNX Runtime that fails on demand.

The file that the environment variable names contains the name of the fault, or does not exist.
"""
import os
from pathlib import Path
import sys
import time
from typing import Any, Callable, Mapping, Sequence, TypeVar

from bdl_perception.backends import BACKENDS
from bdl_perception.model_store import ModelFiles, ModelOptions
from bdl_perception.nodes import perception_node
from bdl_perception.perception.backend import Backend, ModelSpec, RawPrediction
from bdl_perception.perception.data_types import Bytes, Features, Floats, Moments
import numpy as np

BACKEND_NAME = 'faulty'
FAULT_FILE_VARIABLE = 'BDL_NETWORK_FAULT_FILE'
POLL_S = 0.01
SLOW_S = 0.7  # of a pass

T = TypeVar('T')


class NetworkFault:
    """The fault that is named in a file at this moment."""

    def __init__(self, path: Path) -> None:
        """Start without a stored output."""
        self._path = path
        self._stored: dict[str, Any] = {}  # outputs that a stuck network repeats

    @property
    def name(self) -> str:
        """Read the name; '' for none."""
        try:
            return self._path.read_text(encoding='utf-8')
        except FileNotFoundError:
            return ''

    def perceive(self, run: Callable[[], RawPrediction]) -> RawPrediction:
        """Run the single pass with the present fault."""
        name = self.name
        _fail(name, 'frame')
        while self.name == 'hang':
            time.sleep(POLL_S)
        if name == 'slow':
            time.sleep(SLOW_S)
        if name == 'worker_ends':
            self._path.unlink(missing_ok=True)  # once, or the new worker ends as well
            raise SystemExit(7)
        raw = run()
        if name in PREDICTION_CHANGES:
            raw = PREDICTION_CHANGES[name](raw)
        return self._repeated(name, 'perceive', raw)

    def sample(self, run: Callable[[], Moments]) -> Moments:
        """Run a chunk of samples with the present fault."""
        name = self.name
        _fail(name, 'sample')
        while self.name == 'hang_in_sample':
            time.sleep(POLL_S)
        moments = run()
        if name in MOMENT_CHANGES:
            moments = MOMENT_CHANGES[name](moments)
        return self._repeated(name, 'sample', moments)

    def _repeated(self, name: str, graph: str, output: T) -> T:
        """Return the first output of a network that is stuck."""
        if name != 'constant':
            self._stored.pop(graph, None)
            return output
        stored: T = self._stored.setdefault(graph, output)
        return stored


class FaultyBackend:
    """A backend of which each call may fail."""

    def __init__(self, backend: Backend, fault: NetworkFault) -> None:
        """Wrap a backend."""
        self.name, self.precision = backend.name, backend.precision
        self.spec: ModelSpec = backend.spec
        self._backend, self._fault = backend, fault

    def perceive(self, rgb: Bytes) -> RawPrediction:
        """Run the single pass, or fail."""
        return self._fault.perceive(lambda: self._backend.perceive(rgb))

    def sample(self, features: Features, masks: Sequence[Floats]) -> Moments:
        """Run a chunk of samples, or fail."""
        return self._fault.sample(lambda: self._backend.sample(features, masks))

    def close(self) -> None:
        """Release the wrapped backend."""
        self._backend.close()


def _fail(name: str, graph: str) -> None:
    if name == f'{graph}_raises':
        raise RuntimeError(f'injected failure of the {graph} graph')
    if name == f'{graph}_memory':
        raise MemoryError(f'injected lack of memory in the {graph} graph')


def _depth(change: Callable[[Floats], Floats]) -> Callable[[RawPrediction], RawPrediction]:
    return lambda raw: raw._replace(depth=change(raw.depth))


def _one_nan(depth: Floats) -> Floats:
    out: Floats = depth.copy()
    out.flat[out.size // 2] = np.nan
    return out


def _no_spread(moments: Moments) -> Moments:
    mean = np.full_like(moments.log_depth_mean, 2)  # the same in each chunk
    return Moments(moments.count, mean, np.zeros_like(moments.log_depth_m2),
                   moments.probability_sum, moments.entropy_sum)


def _nan_moments(moments: Moments) -> Moments:
    return Moments(moments.count, np.full_like(moments.log_depth_mean, np.nan),
                   moments.log_depth_m2, moments.probability_sum, moments.entropy_sum)


PREDICTION_CHANGES: Mapping[str, Callable[[RawPrediction], RawPrediction]] = {
    'depth_nan': _depth(lambda depth: np.full_like(depth, np.nan)),
    'depth_inf': _depth(lambda depth: np.full_like(depth, np.inf)),
    'depth_one_nan': _depth(_one_nan),
    'depth_zero': _depth(lambda depth: np.zeros_like(depth)),
    'depth_negative': _depth(lambda depth: np.full_like(depth, -5)),
    'depth_equal': _depth(lambda depth: np.full_like(depth, 12)),
}
MOMENT_CHANGES: Mapping[str, Callable[[Moments], Moments]] = {
    'samples_nan': _nan_moments,
    'no_spread': _no_spread,
}


def open_faulty(files: ModelFiles, options: ModelOptions) -> Backend:
    """Open ONNX Runtime as a backend that fails on demand."""
    fault = NetworkFault(Path(os.environ[FAULT_FILE_VARIABLE]))
    return FaultyBackend(BACKENDS['onnxruntime'](files, options), fault)


def main() -> int:
    """Run perception_node with one more backend."""
    BACKENDS[BACKEND_NAME] = open_faulty
    return perception_node.main()


if __name__ == '__main__':
    sys.exit(main())
