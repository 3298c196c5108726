# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""The renderer of the tests; without EGL they are skipped with a reason."""
from bdl_perception.world.renderer import Renderer
from bdl_perception.world.scene import NoGraphicsError
import pytest

WIDTH, HEIGHT = 160, 96


@pytest.fixture(scope='session')
def renderer():
    try:
        return Renderer(WIDTH, HEIGHT)
    except NoGraphicsError as error:
        pytest.skip(str(error))
