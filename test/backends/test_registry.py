# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""Backends by name, the automatic choice, and the errors of missing libraries."""
import re
import subprocess
import sys
import warnings

from bdl_perception import backends
from bdl_perception.backends import onnxruntime_backend, tensorrt
from bdl_perception.backends.tensorrt import library
from bdl_perception.model_store import load_model_files, ModelError, ModelOptions
from bdl_perception.perception.backend import PROVIDERS
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


@pytest.mark.parametrize('libraries, why_no_gpu, name, reason', [
    ((), 'no driver', 'onnxruntime', '^no TensorRT is installed'),
    ((), '', 'onnxruntime', '^no TensorRT is installed'),
    (('tensorrt_rtx',), 'no driver', 'onnxruntime', r'^tensorrt_rtx .* no GPU .*\(no driver\)'),
    (('tensorrt_lean',), '', 'onnxruntime', '`bdl compile --lean`.*choose backend: tensorrt'),
    (('tensorrt', 'tensorrt_rtx'), '', 'tensorrt', 'tensorrt is installed and there is a GPU')])
def test_auto_chooses_tensorrt_where_it_can_run(
        monkeypatch, libraries, why_no_gpu, name, reason):
    monkeypatch.setattr(backends, 'installed_libraries', lambda: libraries)
    monkeypatch.setattr(backends, 'gpu_unavailable_reason', lambda: why_no_gpu)
    monkeypatch.setattr(backends, '_unusable_reason', lambda library: '')
    choice = backends.choose_backend()
    assert choice.name == name and re.search(reason, choice.reason)
    assert 'CPU' not in choice.reason  # ONNX Runtime may be on a GPU too


@pytest.mark.parametrize('gpu, name', [
    ('sm89', 'tensorrt'), ('sm87', 'onnxruntime'), ('sm90', 'onnxruntime')])
def test_auto_avoids_tensorrt_rtx_on_an_unknown_gpu(monkeypatch, gpu, name):
    pytest.importorskip('tensorrt_rtx_bindings', reason='TensorRT-RTX is not there')
    monkeypatch.setattr(backends, 'installed_libraries', lambda: ('tensorrt_rtx',))
    monkeypatch.setattr(backends, 'gpu_unavailable_reason', lambda: '')
    monkeypatch.setattr(tensorrt, 'compute_capability', lambda: gpu)
    choice = backends.choose_backend()
    assert choice.name == name
    assert (f'does not know {gpu}, only sm75, ' in choice.reason) == (name == 'onnxruntime')


def test_auto_avoids_a_tensorrt_that_does_not_load(tmp_path, monkeypatch):
    (tmp_path / 'tensorrt').mkdir()
    (tmp_path / 'tensorrt' / '__init__.py').write_text(
        'raise ImportError("libnvinfer.so.10: cannot open shared object file")')
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(backends, 'gpu_unavailable_reason', lambda: '')
    choice = backends.choose_backend()
    assert choice.name == 'onnxruntime' and 'libnvinfer.so.10' in choice.reason


def test_missing_tensorrt_is_an_error_that_names_the_package(tmp_path, monkeypatch):
    monkeypatch.setattr(library, '_is_importable', lambda module: False)
    with pytest.raises(ModuleNotFoundError, match='tensorrt is not installed; `pip install'):
        backends.open_backend(make_tiny_model(tmp_path), ModelOptions('tensorrt'))


@pytest.mark.parametrize('provider', ['cuda', 'tensorrt'])
def test_a_missing_provider_names_its_package(tmp_path, provider):
    if len(onnxruntime.get_available_providers()) > 2:
        pytest.skip('onnxruntime-gpu is installed')
    with pytest.raises(ModelError, match=f'provider {provider} needs .*ExecutionProvider.*'
                                         f'pip install onnxruntime-gpu'):
        backends.open_backend(make_tiny_model(tmp_path),
                              ModelOptions('onnxruntime', provider=provider))


@pytest.mark.parametrize('change, message', [
    ({'provider': 'warp'}, "'warp', must be one of cpu, cuda, tensorrt"),
    ({'precision': 'int3'}, "'int3', must be one of fp32, fp16"),
    ({'fit_mode': 'squeeze'}, "'squeeze', must be one of crop, stretch"),
    ({'threads': -1}, 'threads is -1'), ({'samples': 1}, 'samples is 1'),
    ({'seed': -1}, 'seed is -1'), ({'seed': 2**64}, 'seed is')])
def test_an_impossible_option_is_an_error_that_lists_the_known_values(change, message):
    with pytest.raises(ValueError, match=message):
        ModelOptions(**change)


def test_an_unknown_provider_is_an_error_of_onnx_runtime_too(tmp_path):
    files = load_model_files(make_tiny_model(tmp_path))
    with pytest.raises(ValueError, match="'warp', must be one of cpu, cuda, tensorrt"):
        onnxruntime_backend.OnnxRuntimeBackend(files, provider='warp')


def test_a_perceiver_is_opened_with_its_options(tmp_path):
    options = ModelOptions('onnxruntime', 1, samples=4, seed=3, fit_mode='stretch')
    perceiver = backends.open_perceiver(make_tiny_model(tmp_path), options)
    assert (perceiver.samples, perceiver.seed, perceiver.fit_mode) == (4, 3, 'stretch')
    perceiver.backend.close()
    with pytest.raises(ValueError, match='samples is 3.*multiple of 2'):
        backends.open_perceiver(tmp_path, ModelOptions('onnxruntime', 1, samples=3))


def test_a_provider_that_does_not_start_is_an_error(tmp_path, monkeypatch):
    """ONNX Runtime falls back to the CPU silently if a CUDA library is missing."""
    monkeypatch.setattr(onnxruntime, 'get_available_providers',
                        lambda: ['CUDAExecutionProvider', 'CPUExecutionProvider'])
    with pytest.raises(ModelError, match='CUDAExecutionProvider did not start, only CPU'):
        with warnings.catch_warnings():
            warnings.simplefilter('ignore')  # ONNX Runtime's own, that we turn into an error
            backends.open_backend(make_tiny_model(tmp_path),
                                  ModelOptions('onnxruntime', provider='cuda'))


def test_every_provider_has_an_entry_in_the_onnx_runtime_backend():
    assert set(PROVIDERS) == set(onnxruntime_backend.PROVIDERS)


def test_a_missing_model_is_a_model_error(tmp_path):
    with pytest.raises(ModelError):
        backends.open_backend(tmp_path / 'nothing')


def test_a_missing_library_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr(backends, 'find_spec', lambda library: None)
    with pytest.raises(ModuleNotFoundError, match='pip install onnxruntime'):
        backends.open_backend(make_tiny_model(tmp_path), ModelOptions('onnxruntime'))


def test_choosing_a_backend_loads_no_inference_library():
    code = ('import sys; from bdl_perception.backends import choose_backend; choose_backend();'
            'heavy = {"onnxruntime", "torch", "tensorrt", "tensorrt_rtx_bindings", "rclpy"};'
            'print(sorted(heavy & set(sys.modules)))')
    done = subprocess.run([sys.executable, '-c', code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == '[]'
