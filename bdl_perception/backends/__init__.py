# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""
The backends by name; a library is imported when its backend is opened, not before.

A new one is a file with a class that satisfies perception.backend.Backend, and a line here.
"""
from importlib.util import find_spec
from pathlib import Path
from typing import Callable, NamedTuple

from bdl_perception.backends.tensorrt.cuda import gpu_unavailable_reason
from bdl_perception.backends.tensorrt.library import installed_libraries
from bdl_perception.model_store import load_model_files, ModelFiles, ModelOptions
from bdl_perception.perception.backend import Backend
from bdl_perception.perception.perceiver import Perceiver

AUTO = 'auto'
DEFAULT_OPTIONS = ModelOptions()


class BackendChoice(NamedTuple):
    """Which backend 'auto' stands for on this machine, and why."""

    name: str
    reason: str


def open_perceiver(model: str | Path, options: ModelOptions = DEFAULT_OPTIONS) -> Perceiver:
    """
    Load a model as open_backend does, and plan its Monte Carlo samples.

    Also ValueError when the samples are not a multiple of the model's chunk.
    """
    backend = open_backend(model, options)
    try:
        return Perceiver(backend, options.samples, options.seed, options.fit_mode)
    except ValueError:
        backend.close()
        raise


def open_backend(model: str | Path, options: ModelOptions = DEFAULT_OPTIONS) -> Backend:
    """
    Load a model (shipped name or folder) with the backend that the options name.

    ValueError: no such backend; ModelError: no such model, or it cannot run; ModuleNotFoundError:
    the backend's library is not installed; RuntimeError: there is no GPU.
    """
    return BACKENDS[choose_backend(options.backend).name](load_model_files(model), options)


def choose_backend(name: str = AUTO) -> BackendChoice:
    """Resolve a name; an unknown one is a ValueError that lists the known ones."""
    if name == AUTO:
        return _choose_automatically()
    if name not in BACKENDS:
        known = ', '.join((AUTO, *BACKENDS))
        raise ValueError(f'backend is {name!r}, must be one of {known}')
    return BackendChoice(name, 'it was asked for')


def _choose_automatically() -> BackendChoice:
    libraries = installed_libraries()
    if not libraries:
        return BackendChoice('onnxruntime', 'no TensorRT is installed')
    library = libraries[0]
    why_not = gpu_unavailable_reason()
    if why_not:
        return BackendChoice('onnxruntime', f'{library} is installed, but there is no GPU for it '
                                     f'({why_not})')
    why_not = _unusable_reason(library)
    if why_not:
        return BackendChoice('onnxruntime', f'there is a GPU, but {why_not}')
    return BackendChoice('tensorrt', f'{library} is installed and there is a GPU')


def _unusable_reason(library: str) -> str:
    """Say why the library cannot run on the GPU that is there; empty when it can."""
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
