# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""
The backends by name; a library is imported when its backend is opened, not before.

A new one is a file with a class that satisfies perception.backend.Backend, and a line here.
"""
from importlib.util import find_spec
from pathlib import Path
from typing import Callable, NamedTuple

from bdl_perception.backends.model_files import load_model_files
from bdl_perception.backends.model_files import ModelFiles
from bdl_perception.perception.backend import Backend

AUTO = 'auto'


class Choice(NamedTuple):
    """Which backend 'auto' stands for on this machine, and why."""

    name: str
    reason: str


def open_backend(name: str, model: str | Path, threads: int = 0) -> Backend:
    """
    Load a model (shipped name or folder) with the backend of this name, or with 'auto'.

    threads: within one operation, 0 for one on each core. ValueError: no such backend;
    ModelError: no such model; ModuleNotFoundError: the backend's library is not installed.
    """
    chosen = choose_backend(name).name
    return BACKENDS[chosen](load_model_files(model), threads)


def choose_backend(name: str = AUTO) -> Choice:
    """Resolve a name; an unknown one is a ValueError that lists the known ones."""
    if name == AUTO:
        return Choice('onnxruntime', 'the CPU is the only device that this version runs on')
    if name not in BACKENDS:
        known = ', '.join((AUTO, *BACKENDS))
        raise ValueError(f'backend is {name!r}, must be one of {known}')
    return Choice(name, 'it was asked for')


def _onnxruntime(files: ModelFiles, threads: int) -> Backend:
    _require('onnxruntime')
    from bdl_perception.backends.onnxruntime_cpu import OnnxRuntimeBackend
    return OnnxRuntimeBackend(files, threads)


def _require(library: str) -> None:
    if find_spec(library) is None:
        raise ModuleNotFoundError(
            f'{library} is not installed; `pip install {library}`', name=library)


BACKENDS: dict[str, Callable[[ModelFiles, int], Backend]] = {
    'onnxruntime': _onnxruntime,
}
