# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""ONNX Runtime on a tiny model, against its formulas written out in numpy."""
from dataclasses import replace

from bdl_perception.backends import onnxruntime_backend
from bdl_perception.backends.onnxruntime_backend import (
    NO_OPTIMISATION,
    OnnxRuntimeBackend,
    SessionTuning,
)
from bdl_perception.model_store import load_model_files, ModelError
from bdl_perception.perception.data_types import CameraFrame
from bdl_perception.perception.monte_carlo import draw_masks, merge_all
from bdl_perception.perception.perceiver import Perceiver
import numpy as np
import onnx
from onnx import numpy_helper
import onnxruntime
import pytest
from tiny_model import make_tiny_model

CHUNK = 3


@pytest.fixture(scope='module')
def files(tmp_path_factory):
    return load_model_files(make_tiny_model(tmp_path_factory.mktemp('models') / 'tiny',
                                            chunk=CHUNK))


@pytest.fixture(scope='module')
def backend(files):
    return OnnxRuntimeBackend(files, threads=1)


def make_image(seed=0):
    return np.random.default_rng(seed).integers(0, 200, (24, 40, 3)).astype(np.uint8)


def ones(backend):
    return [np.ones((CHUNK, channels), np.float32) for channels in backend.spec.dropout_channels]


def numpy_samples(files, rgb, masks):
    """Log-depth (S, h, w) and probabilities (S, K, h, w) of the tiny network, by einsum."""
    graphs = [onnx.load_from_string(graph).graph for graph in (files.perceive, files.sample)]
    weights = {tensor.name: numpy_helper.to_array(tensor).astype(float).squeeze()
               for graph in graphs for tensor in graph.initializer}
    half = (rgb / 255).reshape(12, 2, 20, 2, 3).mean(axis=(1, 3))  # (h, w, 3)
    quarter = half.reshape(6, 2, 10, 2, 3).mean(axis=(1, 3))
    fine = np.einsum('sc,cr,hwr->shwc', masks[0], weights['mix'], half)
    coarse = np.einsum('sc,cr,hwr->shwc', masks[1], weights['mix_coarse'], quarter)
    stack = np.concatenate([fine, enlarge(coarse)], axis=3)  # (S, h, w, C)
    logits = np.einsum('shwc,kc->skhw', stack, weights['to_classes'])
    logits += weights['class_bias'][:, None, None]
    probability = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    return stack @ weights['to_depth'] + .7, probability


def enlarge(maps):
    """Double (S, h, w, C) by linear interpolation between pixel centres, borders held."""
    for axis in (1, 2):
        size = maps.shape[axis]
        at = np.clip((np.arange(2 * size) + .5) / 2 - .5, 0, size - 1)
        low = np.minimum(at.astype(int), size - 2)
        share = np.expand_dims(at - low, tuple(a for a in range(4) if a != axis))
        maps = (1 - share) * maps.take(low, axis) + share * maps.take(low + 1, axis)
    return maps


def test_the_single_pass_is_the_formula_with_masks_of_one(files, backend):
    rgb = make_image()
    raw = backend.perceive(rgb)
    log_depth, probability = numpy_samples(files, rgb, [mask[:1] for mask in ones(backend)])
    np.testing.assert_allclose(raw.depth, np.exp(enlarge(log_depth[..., None])[0, ..., 0]),
                               rtol=1e-4)
    np.testing.assert_allclose(raw.max_probability, probability[0].max(axis=0), rtol=1e-4)
    assert raw.depth.shape == raw.entropy.shape == raw.aleatoric_std.shape == (24, 40)
    assert raw.energy.shape == raw.log_depth_std.shape == (12, 20)
    assert raw.classes.shape == (24, 40) and raw.classes.dtype == np.uint8
    assert raw.feature_distance.shape == ()
    assert float(raw.feature_distance) == pytest.approx(abs(rgb.mean() / 255 - .5) * 10, rel=1e-4)


def test_each_mask_reaches_its_own_layer_and_sample(files, backend):
    rgb = make_image(1)
    masks = draw_masks(4, CHUNK, backend.spec.dropout_channels, .3)
    found = backend.sample(backend.perceive(rgb).features, masks)
    log_depth, probability = numpy_samples(files, rgb, masks)
    assert found.count == CHUNK
    np.testing.assert_allclose(found.log_depth_mean, log_depth.mean(axis=0), rtol=1e-4)
    np.testing.assert_allclose(found.log_depth_m2, log_depth.var(axis=0) * CHUNK, rtol=1e-3)
    np.testing.assert_allclose(found.probability_sum, probability.sum(axis=0), atol=1e-4)
    entropy = -(probability * np.log(probability)).sum(axis=(0, 1))
    np.testing.assert_allclose(found.entropy_sum, entropy, rtol=1e-3, atol=1e-5)


def test_masks_of_one_give_no_variance(backend):
    found = backend.sample(backend.perceive(make_image()).features, ones(backend))
    assert np.abs(found.log_depth_m2).max() < 1e-10


def test_features_stay_valid_while_newer_frames_come(backend):
    """The held frame is sampled while newer ones are perceived."""
    held = backend.perceive(make_image(2)).features
    masks = draw_masks(4, CHUNK, backend.spec.dropout_channels, .3)
    before = backend.sample(held, masks).log_depth_mean.copy()
    backend.perceive(make_image(3))
    np.testing.assert_array_equal(backend.sample(held, masks).log_depth_mean, before)


def test_chunks_through_the_real_graph_equal_one_batch(files, tmp_path):
    rgb, count = make_image(5), 4 * CHUNK
    whole = OnnxRuntimeBackend(
        load_model_files(make_tiny_model(tmp_path, chunk=count)), threads=1)
    small = OnnxRuntimeBackend(files, threads=1)
    masks = draw_masks(8, count, small.spec.dropout_channels, .2)
    batch = whole.sample(whole.perceive(rgb).features, masks)
    features = small.perceive(rgb).features
    merged = merge_all(small.sample(features, [mask[start:start + CHUNK] for mask in masks])
                       for start in range(0, count, CHUNK))
    assert merged.count == batch.count
    for name in ('log_depth_mean', 'log_depth_m2', 'probability_sum', 'entropy_sum'):
        np.testing.assert_allclose(getattr(merged, name), getattr(batch, name), rtol=1e-4,
                                   atol=1e-6, err_msg=name)


def test_two_backends_agree_bit_for_bit(files, backend):
    rgb = make_image(6)
    masks = draw_masks(4, CHUNK, backend.spec.dropout_channels, .3)
    other = OnnxRuntimeBackend(files, threads=1)
    first = backend.sample(backend.perceive(rgb).features, masks)
    second = other.sample(other.perceive(rgb).features, masks)
    np.testing.assert_array_equal(first.log_depth_m2, second.log_depth_m2)


def test_a_perceiver_computes_metres_and_epistemic_maps(backend):
    perceiver = Perceiver(backend, 4 * CHUNK, seed=1)
    prediction = perceiver.perceive(CameraFrame(make_image(), 5, 'front'))
    assert prediction.non_finite == 0 and isinstance(prediction.feature_distance, float)
    epistemic = None
    while epistemic is None:
        epistemic = perceiver.sample()
    finite = np.isfinite(prediction.depth)
    assert finite.any() and (epistemic.depth_std[finite] > 0).all()
    assert epistemic.mutual_information.max() > 0 and epistemic.non_finite == 0


def test_nan_outputs_of_a_network_are_counted(tmp_path):
    model = make_tiny_model(tmp_path, nan_on_white=True)
    perceiver = Perceiver(OnnxRuntimeBackend(load_model_files(model), threads=1), 4, seed=1)
    white = np.full((24, 40, 3), 255, np.uint8)
    assert perceiver.perceive(CameraFrame(white, 5, 'front')).non_finite > 0
    assert perceiver.perceive(CameraFrame(white - 1, 6, 'front')).non_finite == 0


@pytest.mark.parametrize('rgb', [
    np.zeros((24, 41, 3), np.uint8), np.zeros((24, 40, 3), np.float32),
    np.zeros((24, 40), np.uint8)])
def test_an_image_of_another_shape_or_type_is_an_error(backend, rgb):
    with pytest.raises(ValueError, match='the model takes uint8'):
        backend.perceive(rgb)


def test_a_closed_backend_is_an_error(files):
    backend = OnnxRuntimeBackend(files, threads=1)
    features = backend.perceive(make_image()).features
    backend.close()
    with pytest.raises(RuntimeError, match='closed'):
        backend.perceive(make_image())
    with pytest.raises(RuntimeError, match='closed'):
        backend.sample(features, ones(backend))
    backend.close()  # twice is no harm


@pytest.mark.parametrize('changes, message', [
    ({'height': 28}, r'input rgb of the perceive graph is uint8 \[1, 24, 40, 3\]'),
    ({'sample_width': 40}, 'output log_depth_mean of the sample graph'),
    ({'chunk': 5}, 'input mask_0 of the sample graph'),
    ({'dropout_channels': (8, 5)}, 'input mask_1 of the sample graph'),
    ({'dropout_channels': (8, 4, 4)}, 'input mask_2 of the sample graph is missing'),
    ({'dropout_channels': (8,)}, r"nothing feeds inputs \['mask_1'\] of the sample graph"),
    ({'class_names': ('road',)}, 'output probability_sum of the sample graph')])
def test_graphs_that_do_not_match_the_spec_are_an_error(files, changes, message):
    wrong = replace(files, spec=replace(files.spec, **changes))
    with pytest.raises(ModelError, match=message):
        OnnxRuntimeBackend(wrong, threads=1)


def test_swapped_graphs_are_an_error(files):
    with pytest.raises(ModelError, match='features_0, features_1'):
        OnnxRuntimeBackend(replace(files, perceive=files.sample, sample=files.perceive), threads=1)


def test_an_unreadable_graph_is_an_error_with_path_and_cause(files):
    with pytest.raises(ModelError, match='cannot load .*/sample.onnx') as caught:
        OnnxRuntimeBackend(replace(files, sample=b'not a graph'), threads=1)
    assert caught.value.__cause__ is not None


def test_a_negative_number_of_threads_is_an_error(files):
    with pytest.raises(ValueError, match='threads is -1'):
        OnnxRuntimeBackend(files, threads=-1)


def test_both_graphs_run_once_before_the_first_frame(files):
    calls = []

    class Counting(OnnxRuntimeBackend):

        def perceive(self, rgb):
            calls.append('perceive')
            return super().perceive(rgb)

        def sample(self, features, masks):
            calls.append('sample')
            return super().sample(features, masks)

    Counting(files, threads=1)
    assert calls == ['perceive', 'sample']


@pytest.mark.parametrize('tuning', [
    NO_OPTIMISATION, SessionTuning('ENABLE_BASIC'), SessionTuning(memory_arena=False),
    SessionTuning(allow_spinning=True)])
def test_another_tuning_gives_the_same_numbers(files, backend, tuning):
    rgb = make_image(7)
    masks = draw_masks(4, CHUNK, backend.spec.dropout_channels, .3)
    other = OnnxRuntimeBackend(files, threads=1, tuning=tuning)
    found, expected = other.perceive(rgb), backend.perceive(rgb)
    np.testing.assert_allclose(found.depth, expected.depth, rtol=1e-4)
    np.testing.assert_allclose(other.sample(found.features, masks).log_depth_mean,
                               backend.sample(expected.features, masks).log_depth_mean, rtol=1e-4)


def test_a_tuning_reaches_onnx_runtime():
    level = onnxruntime.GraphOptimizationLevel
    plain = onnxruntime_backend._session_options(3, NO_OPTIMISATION)
    assert plain.graph_optimization_level == level.ORT_DISABLE_ALL
    assert plain.intra_op_num_threads == 3
    shipped = onnxruntime_backend._session_options(2, SessionTuning())
    assert shipped.graph_optimization_level == level.ORT_ENABLE_ALL
    assert shipped.enable_cpu_mem_arena
    assert shipped.get_session_config_entry('session.intra_op.allow_spinning') == '0'
    other = onnxruntime_backend._session_options(
        2, SessionTuning(memory_arena=False, allow_spinning=True))
    assert not other.enable_cpu_mem_arena
    assert other.get_session_config_entry('session.intra_op.allow_spinning') == '1'
