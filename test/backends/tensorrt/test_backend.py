# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""The TensorRT backend on a fake GPU, compared with ONNX Runtime."""
import gc
from threading import get_ident, Thread

from bdl_perception.backends.onnxruntime_backend import OnnxRuntimeBackend
from bdl_perception.backends.tensorrt.backend import TensorRtBackend
from bdl_perception.model_store import load_model_files, ModelError
from bdl_perception.perception.data_types import CameraFrame
from bdl_perception.perception.monte_carlo import draw_masks
from bdl_perception.perception.perceiver import Perceiver
from fake_gpu import FakeGpu, FakeTensorRt
import numpy as np
import pytest
from tiny_model import make_tiny_model

CHUNK = 3
MAPS = ('depth', 'aleatoric_std', 'classes', 'entropy', 'max_probability', 'energy',
        'log_depth_std', 'feature_distance', 'cell_distance')
MOMENTS = ('log_depth_mean', 'log_depth_m2', 'probability_sum', 'entropy_sum')


@pytest.fixture(scope='module')
def files(tmp_path_factory):
    return load_model_files(make_tiny_model(tmp_path_factory.mktemp('models') / 'tiny',
                                            chunk=CHUNK))


@pytest.fixture(scope='module')
def reference(files):
    return OnnxRuntimeBackend(files, threads=1)


def open_backend(files, api=None, gpu=None):
    return TensorRtBackend(files.spec, files.perceive, files.sample, api or FakeTensorRt(),
                           gpu or FakeGpu())


def make_image(seed=0):
    return np.random.default_rng(seed).integers(0, 200, (24, 40, 3)).astype(np.uint8)


def masks_of(backend):
    return draw_masks(4, CHUNK, backend.spec.dropout_channels, .3)


def test_the_outputs_equal_those_of_onnx_runtime(files, reference):
    backend = open_backend(files)
    found, expected = backend.perceive(make_image()), reference.perceive(make_image())
    for name in MAPS:
        np.testing.assert_array_equal(getattr(found, name), getattr(expected, name), err_msg=name)
        assert getattr(found, name).dtype == getattr(expected, name).dtype
    masks = masks_of(backend)
    moments = backend.sample(found.features, masks)
    truth = reference.sample(expected.features, masks)
    assert moments.count == truth.count == CHUNK
    for name in MOMENTS:
        np.testing.assert_array_equal(getattr(moments, name), getattr(truth, name), err_msg=name)


def test_results_are_not_overwritten_by_the_next_frame(files):
    backend = open_backend(files)
    first = backend.perceive(make_image(1))
    depth = first.depth.copy()
    moments = backend.sample(first.features, masks_of(backend))
    mean = moments.log_depth_mean.copy()
    second = backend.perceive(make_image(2))
    backend.sample(second.features, masks_of(backend))
    assert (second.depth != depth).any()
    np.testing.assert_array_equal(first.depth, depth)
    np.testing.assert_array_equal(moments.log_depth_mean, mean)


def test_the_held_features_stay_valid_while_newer_frames_come(files, reference):
    backend = open_backend(files)
    held = backend.perceive(make_image(2)).features
    for seed in range(3, 8):
        backend.perceive(make_image(seed))
    found = backend.sample(held, masks_of(backend))
    expected = reference.sample(reference.perceive(make_image(2)).features, masks_of(backend))
    np.testing.assert_array_equal(found.log_depth_mean, expected.log_depth_mean)


def test_no_memory_is_allocated_after_the_second_frame(files):
    gpu = FakeGpu()
    perceiver = Perceiver(open_backend(files, gpu=gpu), 2 * CHUNK, seed=1)
    for seed in range(2):
        perceiver.perceive(CameraFrame(make_image(seed), seed, 'front'))
    before = gpu.allocated
    cycles = 0
    for seed in range(2, 12):
        perceiver.perceive(CameraFrame(make_image(seed), seed, 'front'))
        cycles += perceiver.sample() is not None
    assert cycles >= 4 and gpu.allocated == before


def test_features_stay_on_the_gpu(files):
    features = open_backend(files).perceive(make_image()).features
    assert not any(isinstance(value, np.ndarray) for value in vars(features).values())
    assert all(hasattr(memory, 'handle') for memory in features.memory.values())


def test_each_calling_thread_selects_the_gpu(files):
    gpu = FakeGpu()
    backend = open_backend(files, gpu=gpu)
    threads = []
    gpu.entered.clear()

    def work():
        threads.append(get_ident())
        backend.sample(backend.perceive(make_image()).features, masks_of(backend))

    thread = Thread(target=work)
    thread.start()
    thread.join()
    assert gpu.entered == [*threads, *threads] and threads != [get_ident()]


def test_contexts_engines_and_runtime_are_freed_in_order(files):
    api = FakeTensorRt()
    backend = open_backend(files, api)
    gc.collect()
    assert api.freed == []
    backend.close()
    gc.collect()
    assert api.freed == ['context', 'engine', 'context', 'engine', 'runtime']


def test_a_closed_backend_is_an_error(files):
    backend = open_backend(files)
    features = backend.perceive(make_image()).features
    backend.close()
    with pytest.raises(RuntimeError, match='closed'):
        backend.perceive(make_image())
    with pytest.raises(RuntimeError, match='closed'):
        backend.sample(features, masks_of(backend))
    backend.close()  # twice is no harm


@pytest.mark.parametrize('call, error, message', [
    ('deserialize_cuda_engine', ModelError, 'loading the perceive engine failed: cudaError 35.*'),
    ('create_execution_context', ModelError, 'preparing the perceive engine failed'),
    ('set_tensor_address', RuntimeError, 'placing rgb of the perceive engine failed'),
    ('execute_async_v3', RuntimeError, 'running of the perceive engine failed')])
def test_every_failed_call_of_the_library_is_an_error(files, call, error, message):
    api = FakeTensorRt()
    api.failing_calls = {call}
    with pytest.raises(error, match=message):
        open_backend(files, api)


def test_unaligned_memory_is_an_error(files):
    with pytest.raises(ModelError, match='must be a multiple of 256'):
        open_backend(files, gpu=FakeGpu(offset=64))


def test_engines_of_another_model_are_an_error(files, tmp_path):
    other = load_model_files(make_tiny_model(tmp_path, chunk=CHUNK + 1))
    with pytest.raises(ModelError, match='mask_0 of the sample graph'):
        TensorRtBackend(files.spec, files.perceive, other.sample, FakeTensorRt(), FakeGpu())


def test_features_of_another_backend_are_an_error(files, reference):
    with pytest.raises(TypeError, match='not those of perceive'):
        open_backend(files).sample(reference.perceive(make_image()).features, [])


@pytest.mark.parametrize('rgb', [
    np.zeros((24, 41, 3), np.uint8), np.zeros((24, 40, 3), np.float32)])
def test_an_image_of_another_shape_or_type_is_an_error(files, rgb):
    with pytest.raises(ValueError, match='the model takes uint8'):
        open_backend(files).perceive(rgb)


def test_masks_of_another_count_are_an_error(files):
    backend = open_backend(files)
    features = backend.perceive(make_image()).features
    with pytest.raises(ValueError, match=r'mask_0 is \(1, 8, 1, 1\), must be \(3, 8, 1, 1\)'):
        backend.sample(features, [mask[:1] for mask in masks_of(backend)])
