# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""A model, an empty cache of its engines, and the log from INFO on."""
import logging

from bdl_perception.backends.tensorrt.engine_cache import EngineCache
from bdl_perception.model_store import load_model_files
import pytest
from tiny_model import make_tiny_model


@pytest.fixture
def files(tmp_path):
    return load_model_files(make_tiny_model(tmp_path / 'tiny'))


@pytest.fixture
def log_text(caplog):
    """Return a function that gives the log of the package since its last call."""
    caplog.set_level(logging.INFO, 'bdl_perception')

    def take():
        text = caplog.text
        caplog.clear()
        return text

    return take


@pytest.fixture
def cache(tmp_path):
    return EngineCache(tmp_path / 'engines')
