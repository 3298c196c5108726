# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""Which TensorRT is installed, found without loading it; and loading it."""
import importlib
from importlib.util import find_spec
from typing import Any, cast, NamedTuple

from bdl_perception.backends.tensorrt.api import Api

TENSORRT, TENSORRT_RTX = 'tensorrt', 'tensorrt_rtx'
MODULES = {  # library -> modules by which it may come, the last one part of a wheel
    TENSORRT: ('tensorrt',),
    TENSORRT_RTX: ('tensorrt_rtx', 'tensorrt_rtx_bindings'),
}
INSTALL_HINT = ('`pip install tensorrt` (or JetPack, which brings it), or `pip install '
           'tensorrt-rtx-cu12-bindings tensorrt-rtx-cu12-libs` for GeForce RTX')


class TensorRtLibrary(NamedTuple):
    """One of the two libraries, loaded."""

    name: str
    version: str
    api: Api

    @property
    def can_cross_compile(self) -> bool:
        """Tell whether it compiles without the GPU that is meant."""
        return self.name == TENSORRT_RTX

    @property
    def has_timing_cache(self) -> bool:
        """Tell whether it measures while it builds; TensorRT-RTX does that when it runs."""
        return self.name == TENSORRT


def installed_libraries() -> tuple[str, ...]:
    """Name the libraries that are there, the better one first."""
    return tuple(name for name in MODULES if _find_module(name))


def load_library(name: str = '') -> TensorRtLibrary:
    """
    Load the library of this name, or the better one.

    ModuleNotFoundError: it is not installed; RuntimeError: it is and does not load. Both say what
    to do.
    """
    wanted = name or next(iter(installed_libraries()), TENSORRT)
    module = _find_module(wanted)
    if module is None:
        raise ModuleNotFoundError(f'{wanted} is not installed; {INSTALL_HINT}', name=wanted)
    try:
        api = cast(Any, importlib.import_module(module))
    except (ImportError, OSError) as error:  # such as libnvinfer.so.10, or of another Python
        raise RuntimeError(
            f'{wanted} is installed but does not load ({error}); install it again with all its '
            f'libraries: {INSTALL_HINT}, or say where they are in LD_LIBRARY_PATH') from error
    return TensorRtLibrary(wanted, str(api.__version__), api)


def _find_module(library: str) -> str | None:
    return next((module for module in MODULES[library] if _is_importable(module)), None)


def _is_importable(module: str) -> bool:
    """Tell a package from a folder that only holds types, as tensorrt-stubs leaves."""
    spec = find_spec(module)
    return spec is not None and spec.origin is not None
