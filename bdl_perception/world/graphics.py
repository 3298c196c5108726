# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""An off-screen OpenGL context and the values of its shaders."""
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

LIBRARIES: dict[str, Any] = {  # the files of the run-time packages: no -dev links are needed
    'backend': 'egl', 'libgl': 'libGL.so.1', 'libegl': 'libEGL.so.1'}


class NoGraphicsError(RuntimeError):
    """There is no off-screen OpenGL on this machine."""


def open_context() -> Any:
    """Open an off-screen OpenGL context through EGL; no display is needed."""
    import moderngl
    try:
        return moderngl.create_context(standalone=True, **LIBRARIES)
    except Exception as error:  # moderngl raises bare Exception and OSError alike
        raise NoGraphicsError(
            'no off-screen OpenGL (EGL); on Debian and Ubuntu: '
            'apt install libegl1 libegl-mesa0 libgl1 libgl1-mesa-dri') from error


def set_values(program: Any, values: Mapping[str, object]) -> None:
    """Set the uniforms that the compiler has kept."""
    for name, value in values.items():
        if name in program:
            program[name].value = tuple(value) if isinstance(value, np.ndarray) else value


def set_matrix(program: Any, name: str, matrix: NDArray[np.float64]) -> None:
    """Set a uniform (4, 4) matrix; OpenGL keeps columns."""
    program[name].write(matrix.T.astype('f4').tobytes())
