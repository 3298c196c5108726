# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""Detection of the installed TensorRT libraries without loading them, and their loading."""
import importlib
from importlib.util import find_spec
from typing import Any, cast, NamedTuple

from bdl_perception.backends.tensorrt.api import Api

TENSORRT, TENSORRT_RTX, TENSORRT_LEAN = 'tensorrt', 'tensorrt_rtx', 'tensorrt_lean'
MODULES = {  # library -> candidate modules; the last one is part of a wheel
    TENSORRT: ('tensorrt',),
    TENSORRT_RTX: ('tensorrt_rtx', 'tensorrt_rtx_bindings'),
    TENSORRT_LEAN: ('tensorrt_lean', 'tensorrt_lean_bindings'),  # a run-time without compiler
}
INSTALL_HINTS = {
    TENSORRT: '`pip install tensorrt` (or JetPack, which brings it)',
    TENSORRT_RTX: '`pip install tensorrt-rtx-cu12-bindings tensorrt-rtx-cu12-libs` for GeForce '
                  'RTX',
    TENSORRT_LEAN: '`pip install tensorrt-lean-cu12-bindings tensorrt-lean-cu12-libs` for engines '
                   'of `bdl compile --lean`',
}


class TensorRtLibrary(NamedTuple):
    """One of the three libraries, loaded; tensorrt_lean has a part of the calls of api."""

    name: str
    version: str
    api: Api

    @property
    def can_build(self) -> bool:
        """Whether the library has a compiler."""
        return self.name != TENSORRT_LEAN

    @property
    def can_cross_compile(self) -> bool:
        """Whether the library compiles for a GPU that is not present."""
        return self.name == TENSORRT_RTX

    @property
    def has_timing_cache(self) -> bool:
        """Whether the library measures kernels in the build; TensorRT-RTX does so at run time."""
        return self.name == TENSORRT


def installed_libraries() -> tuple[str, ...]:
    """Return the installed libraries, the preferred one first."""
    return tuple(name for name in MODULES if _find_module(name))


def _hint(name: str) -> str:
    """Return how to install the library of this name; empty: any of them."""
    return INSTALL_HINTS.get(name) or ', or '.join(INSTALL_HINTS.values())


def load_library(name: str = '') -> TensorRtLibrary:
    """
    Load the library of this name, or the preferred installed one.

    ModuleNotFoundError: it is not installed; RuntimeError: it is installed but does not load.
    """
    requested = name or next(iter(installed_libraries()), TENSORRT)
    module = _find_module(requested)
    if module is None:
        raise ModuleNotFoundError(f'{requested} is not installed; {_hint(name)}', name=requested)
    try:
        api = cast(Any, importlib.import_module(module))
    except (ImportError, OSError) as error:  # such as libnvinfer.so.10, or of another Python
        raise RuntimeError(
            f'{requested} is installed but does not load ({error}); install it again with all its '
            f'libraries: {_hint(requested)}, or add their folder to LD_LIBRARY_PATH') from error
    return TensorRtLibrary(requested, str(api.__version__), api)


def _find_module(library: str) -> str | None:
    return next((module for module in MODULES[library] if _is_importable(module)), None)


def _is_importable(module: str) -> bool:
    """Check for a real package; tensorrt-stubs installs a folder with types only."""
    spec = find_spec(module)
    return spec is not None and spec.origin is not None
