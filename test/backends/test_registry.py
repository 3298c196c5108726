# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""Backends by name: opened late, chosen with a reason, unknown ones answered with a list."""
import re
import subprocess
import sys
import warnings

from bdl_perception import backends
from bdl_perception.backends import onnxruntime_backend, tensorrt
from bdl_perception.backends.tensorrt import build, library
from bdl_perception.model_store import ModelError, ModelOptions
from bdl_perception.perception.backend import PRECISIONS, PROVIDERS
import numpy as np
import onnxruntime
import pytest
from tiny_model import make_tiny_model


@pytest.mark.parametrize('name', ['auto', 'onnxruntime'])
def test_a_name_opens_a_backend_that_runs(tmp_path, monkeypatch, name):
    monkeypatch.setattr(backends, 'gpu_unavailable_reason', lambda: 'not in this test')
    backend = backends.open_backend(make_tiny_model(tmp_path), ModelOptions(name, 1))
    assert backend.name == 'onnxruntime' and backend.spec.name == 'tiny'
    assert backend.perceive(np.zeros((24, 40, 3), np.uint8)).depth.shape == (24, 40)
    backend.close()


def test_an_unknown_name_lists_the_known_ones(tmp_path):
    with pytest.raises(ValueError, match="'cuda'.*auto, onnxruntime, tensorrt, torch"):
        backends.open_backend(make_tiny_model(tmp_path), ModelOptions('cuda'))


@pytest.mark.parametrize('libraries, why_no_gpu, name, said', [
    ((), 'no driver', 'onnxruntime', '^no TensorRT is installed'),
    ((), '', 'onnxruntime', '^no TensorRT is installed'),
    (('tensorrt_rtx',), 'no driver', 'onnxruntime', r'^tensorrt_rtx .* no GPU .*\(no driver\)'),
    (('tensorrt', 'tensorrt_rtx'), '', 'tensorrt', 'tensorrt is installed and there is a GPU')])
def test_auto_takes_tensorrt_where_it_can_run_and_tells_why(
        monkeypatch, libraries, why_no_gpu, name, said):
    monkeypatch.setattr(backends, 'installed_libraries', lambda: libraries)
    monkeypatch.setattr(backends, 'gpu_unavailable_reason', lambda: why_no_gpu)
    monkeypatch.setattr(backends, '_unusable_reason', lambda library: '')
    choice = backends.choose_backend()
    assert choice.name == name and re.search(said, choice.reason)
    assert 'CPU' not in choice.reason  # ONNX Runtime may be on a GPU too


@pytest.mark.parametrize('gpu, name', [
    ('sm89', 'tensorrt'), ('sm87', 'onnxruntime'), ('sm90', 'onnxruntime')])
def test_auto_leaves_a_gpu_that_tensorrt_rtx_does_not_know_and_says_so(monkeypatch, gpu, name):
    pytest.importorskip('tensorrt_rtx_bindings', reason='TensorRT-RTX is not there')
    monkeypatch.setattr(backends, 'installed_libraries', lambda: ('tensorrt_rtx',))
    monkeypatch.setattr(backends, 'gpu_unavailable_reason', lambda: '')
    monkeypatch.setattr(tensorrt, 'compute_capability', lambda: gpu)
    choice = backends.choose_backend()
    assert choice.name == name
    assert (f'does not know {gpu}, only sm75, ' in choice.reason) == (name == 'onnxruntime')


def test_auto_leaves_a_tensorrt_that_does_not_load_and_says_so(tmp_path, monkeypatch):
    (tmp_path / 'tensorrt').mkdir()
    (tmp_path / 'tensorrt' / '__init__.py').write_text(
        'raise ImportError("libnvinfer.so.10: cannot open shared object file")')
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(backends, 'gpu_unavailable_reason', lambda: '')
    choice = backends.choose_backend()
    assert choice.name == 'onnxruntime' and 'libnvinfer.so.10' in choice.reason


def test_tensorrt_that_is_not_installed_is_told_with_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setattr(library, '_is_importable', lambda module: False)
    with pytest.raises(ModuleNotFoundError, match='tensorrt is not installed; `pip install'):
        backends.open_backend(make_tiny_model(tmp_path), ModelOptions('tensorrt'))


@pytest.mark.parametrize('provider', ['cuda', 'tensorrt'])
def test_a_provider_that_is_not_there_is_named_with_the_package_that_has_it(tmp_path, provider):
    if len(onnxruntime.get_available_providers()) > 2:
        pytest.skip('onnxruntime-gpu is installed')
    with pytest.raises(ModelError, match=f'provider {provider} needs .*ExecutionProvider.*'
                                         f'pip install onnxruntime-gpu'):
        backends.open_backend(make_tiny_model(tmp_path), ModelOptions('onnxruntime', provider=provider))


def test_an_unknown_provider_lists_the_known_ones(tmp_path):
    with pytest.raises(ValueError, match="'warp', must be one of cpu, cuda, tensorrt"):
        ModelOptions('onnxruntime', provider='warp')


def test_a_provider_that_does_not_start_is_an_error_and_not_a_slow_cpu(tmp_path, monkeypatch):
    """ONNX Runtime takes the CPU without a word when a library of CUDA is missing."""
    monkeypatch.setattr(onnxruntime, 'get_available_providers',
                        lambda: ['CUDAExecutionProvider', 'CPUExecutionProvider'])
    with pytest.raises(ModelError, match='CUDAExecutionProvider did not start, only CPU'):
        with warnings.catch_warnings():
            warnings.simplefilter('ignore')  # ONNX Runtime's own, that we turn into an error
            backends.open_backend(make_tiny_model(tmp_path), ModelOptions('onnxruntime', provider='cuda'))


def test_the_parameters_offer_what_the_backends_have():
    assert set(PROVIDERS) == set(onnxruntime_backend.PROVIDERS)
    assert PRECISIONS == build.PRECISIONS


def test_a_wrong_model_is_told_as_such(tmp_path):
    with pytest.raises(ModelError):
        backends.open_backend(tmp_path / 'nothing')


def test_a_library_that_is_not_installed_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr(backends, 'find_spec', lambda library: None)
    with pytest.raises(ModuleNotFoundError, match='pip install onnxruntime'):
        backends.open_backend(make_tiny_model(tmp_path), ModelOptions('onnxruntime'))


def test_knowing_the_names_loads_no_inference_library():
    code = ('import sys; from bdl_perception.backends import choose_backend; choose_backend();'
            'heavy = {"onnxruntime", "torch", "tensorrt", "tensorrt_rtx_bindings", "rclpy"};'
            'print(sorted(heavy & set(sys.modules)))')
    done = subprocess.run([sys.executable, '-c', code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == '[]'
