# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""
Backends by name; the library of a backend is imported when the backend is opened.

A new backend is a file with a class that satisfies perception.backend.Backend, and an entry in
BACKENDS.
"""
from importlib.util import find_spec
from pathlib import Path
from typing import Callable, NamedTuple

from bdl_perception.backends.tensorrt.cuda import gpu_unavailable_reason
from bdl_perception.backends.tensorrt.library import installed_libraries, TENSORRT_LEAN
from bdl_perception.model_store import load_model_files, ModelFiles, ModelOptions
from bdl_perception.perception.backend import Backend
from bdl_perception.perception.perceiver import Perceiver

AUTO = 'auto'
DEFAULT_OPTIONS = ModelOptions()


class BackendChoice(NamedTuple):
    """The chosen backend and the reason."""

    name: str
    reason: str


def open_perceiver(model: str | Path, options: ModelOptions = DEFAULT_OPTIONS) -> Perceiver:
    """
    Load a model for prediction and Monte Carlo sampling.

    Raises as open_backend; also ValueError if the samples are no multiple of the model's chunk.
    """
    backend = open_backend(model, options)
    try:
        return Perceiver(backend, options.samples, options.seed, options.fit_mode)
    except ValueError:
        backend.close()
        raise


def open_backend(model: str | Path, options: ModelOptions = DEFAULT_OPTIONS) -> Backend:
    """
    Load a model (shipped name or folder) with the backend of the options.

    ValueError: unknown backend; ModelError: the model does not exist or cannot run;
    ModuleNotFoundError: the backend's library is not installed; RuntimeError: there is no GPU.
    """
    return BACKENDS[choose_backend(options.backend).name](load_model_files(model), options)


def choose_backend(name: str = AUTO) -> BackendChoice:
    """Resolve a name, 'auto' by the libraries and GPU present; ValueError lists known names."""
    if name == AUTO:
        return _choose_automatically()
    if name not in BACKENDS:
        known = ', '.join((AUTO, *BACKENDS))
        raise ValueError(f'backend is {name!r}, must be one of {known}')
    return BackendChoice(name, 'it was requested')


def _choose_automatically() -> BackendChoice:
    libraries = installed_libraries()
    if not libraries:
        return BackendChoice('onnxruntime', 'no TensorRT is installed')
    library = libraries[0]
    if library == TENSORRT_LEAN:  # the engines may be missing, and it cannot build them
        return BackendChoice(
            'onnxruntime', f'{library} runs only engines of `bdl compile --lean`; where they are, '
                           f'choose backend: tensorrt')
    reason = gpu_unavailable_reason()
    if reason:
        return BackendChoice('onnxruntime',
                             f'{library} is installed, but there is no GPU for it ({reason})')
    reason = _unusable_reason(library)
    if reason:
        return BackendChoice('onnxruntime', f'there is a GPU, but {reason}')
    return BackendChoice('tensorrt', f'{library} is installed and there is a GPU')


def _unusable_reason(library: str) -> str:
    """Return why the library cannot run on the present GPU; empty if it can."""
    from bdl_perception.backends.tensorrt import unusable_reason
    return unusable_reason(library)


def _open_onnxruntime(files: ModelFiles, options: ModelOptions) -> Backend:
    _require_library('onnxruntime')
    from bdl_perception.backends.onnxruntime_backend import OnnxRuntimeBackend
    return OnnxRuntimeBackend(files, options.threads, options.provider)


def _open_tensorrt(files: ModelFiles, options: ModelOptions) -> Backend:
    from bdl_perception.backends.tensorrt import open_tensorrt
    return open_tensorrt(files, options.precision)


def _open_torch(files: ModelFiles, options: ModelOptions) -> Backend:
    _require_library('torch')
    from bdl_perception.backends.torch_backend import open_torch
    return open_torch(files, options.threads)


def _require_library(library: str) -> None:
    if find_spec(library) is None:
        raise ModuleNotFoundError(
            f'{library} is not installed; `pip install {library}`', name=library)


BACKENDS: dict[str, Callable[[ModelFiles, ModelOptions], Backend]] = {
    'onnxruntime': _open_onnxruntime,
    'tensorrt': _open_tensorrt,
    'torch': _open_torch,
}
