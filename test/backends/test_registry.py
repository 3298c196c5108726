# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""Backends by name: opened late, chosen with a reason, unknown ones answered with a list."""
import subprocess
import sys

from bdl_perception.backends import registry
from bdl_perception.backends.model_files import ModelError
import numpy as np
import pytest
from tiny_model import make_tiny_model


@pytest.mark.parametrize('name', ['auto', 'onnxruntime'])
def test_a_name_opens_a_backend_that_runs(tmp_path, name):
    backend = registry.open_backend(name, make_tiny_model(tmp_path), threads=1)
    assert backend.name == 'onnxruntime' and backend.spec.name == 'tiny'
    assert backend.perceive(np.zeros((24, 40, 3), np.uint8)).depth.shape == (24, 40)
    backend.close()


def test_an_unknown_name_lists_the_known_ones(tmp_path):
    with pytest.raises(ValueError, match="'cuda'.*auto, onnxruntime"):
        registry.open_backend('cuda', make_tiny_model(tmp_path))


def test_auto_tells_what_it_chose_and_why():
    name, reason = registry.choose_backend()
    assert name in registry.BACKENDS and 'CPU' in reason


def test_a_wrong_model_is_told_as_such(tmp_path):
    with pytest.raises(ModelError):
        registry.open_backend('auto', tmp_path / 'nothing')


def test_a_library_that_is_not_installed_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr(registry, 'find_spec', lambda library: None)
    with pytest.raises(ModuleNotFoundError, match='pip install onnxruntime'):
        registry.open_backend('onnxruntime', make_tiny_model(tmp_path))


def test_knowing_the_names_loads_no_inference_library():
    code = ('import sys; from bdl_perception.backends import registry; registry.choose_backend();'
            'print(sorted({"onnxruntime", "torch", "tensorrt", "rclpy"} & set(sys.modules)))')
    done = subprocess.run([sys.executable, '-c', code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == '[]'
