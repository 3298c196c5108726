# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""The perceiver on a backend of numpy: metres, sky, held frames and cycles."""
from bdl_perception.perception.backend import FIT_MODES
from bdl_perception.perception.data_types import CameraFrame, PinholeCamera
from bdl_perception.perception.monte_carlo import draw_masks, epistemic_from_moments
from bdl_perception.perception.perceiver import Perceiver
from fake_backend import fake_spec, FakeBackend
import numpy as np
import pytest


def make_frame(colour=(90, 90, 90), stamp_ns=1, size=(48, 80), camera=None):
    rgb = np.empty((*size, 3), np.uint8)
    rgb[:] = colour
    return CameraFrame(rgb, stamp_ns, 'front', camera)


def make_camera(fx, width=80, height=48):
    return PinholeCamera(width, height, fx, fx, (width - 1) / 2, (height - 1) / 2)


def run_cycle(perceiver):
    """Sample to the end of the cycle; returns the result and how many chunks it took."""
    for chunk in range(1, 1000):
        epistemic = perceiver.sample()
        if epistemic is not None:
            return epistemic, chunk
    raise AssertionError('the cycle never ended')


@pytest.mark.parametrize('fx_at_source, times', [(64., 1.), (128., 2.), (32., .5)])
def test_depth_grows_in_proportion_to_the_focal_length(fx_at_source, times):
    """The input is half the source, so the canonical 32 px there are 64 px at the source."""
    perceiver = Perceiver(FakeBackend(), 4, 0)
    prediction = perceiver.perceive(make_frame(camera=make_camera(fx_at_source)))
    np.testing.assert_allclose(prediction.depth, 10 * times, rtol=1e-6)
    np.testing.assert_allclose(prediction.aleatoric_std, times, rtol=1e-6)
    assert prediction.camera == PinholeCamera(40, 24, fx_at_source / 2, fx_at_source / 2, 19.5,
                                              11.5)


@pytest.mark.parametrize('mode, band, times', [
    ('crop', 1, 1.), ('crop', 2, 2.), ('stretch', 1, 1.), ('stretch', 2, 2**.5),
    ('stretch', 4, 2.)])
def test_a_stretched_band_is_scaled_by_the_mean_of_its_focal_lengths(mode, band, times):
    """A crop of half the size is enlarged to twice its focal length, a band in height only."""
    height = 48 // band
    perceiver = Perceiver(FakeBackend(), 4, 0, mode)
    camera = make_camera(64., 80 if mode == 'stretch' else 80 // band, height)
    frame = make_frame(size=(height, camera.width), camera=camera)
    np.testing.assert_allclose(perceiver.perceive(frame).depth, 10 * times, rtol=1e-6)


def test_without_a_camera_the_canonical_scale_is_used():
    prediction = Perceiver(FakeBackend(), 4, 0).perceive(make_frame())
    np.testing.assert_allclose(prediction.depth, 10, rtol=1e-6)
    assert prediction.camera is None


def test_stamp_and_frame_id_are_those_of_the_frame():
    prediction = Perceiver(FakeBackend(), 4, 0).perceive(make_frame(stamp_ns=2**62 + 1))
    assert (prediction.stamp_ns, prediction.frame_id) == (2**62 + 1, 'front')


def test_sky_and_far_depth_are_infinite_without_std():
    backend = FakeBackend(fake_spec(max_depth_m=20.))
    frame = make_frame()
    frame.rgb[:10] = 0, 0, 200  # sky, 7.7 m by its grey level
    frame.rgb[40:] = 250  # 26 m: beyond the training range
    prediction = Perceiver(backend, 4, 0).perceive(frame)
    measured = np.zeros((24, 40), bool)
    measured[5:20] = True
    np.testing.assert_array_equal(np.isfinite(prediction.depth), measured)
    np.testing.assert_array_equal(prediction.depth == np.inf, ~measured)
    np.testing.assert_array_equal(np.isnan(prediction.aleatoric_std), ~measured)
    assert prediction.non_finite == 0


def test_the_depth_limit_applies_before_scaling():
    """A depth of 10 m of the canonical camera is 80 m for an eightfold focal length."""
    perceiver = Perceiver(FakeBackend(fake_spec(max_depth_m=20.)), 4, 0)
    prediction = perceiver.perceive(make_frame(camera=make_camera(64. * 8)))
    np.testing.assert_allclose(prediction.depth, 80, rtol=1e-6)


@pytest.mark.parametrize('poison', [np.nan, np.inf, -np.inf])
def test_non_finite_outputs_are_counted_even_in_the_sky(poison):
    backend = FakeBackend()
    backend.poison = poison
    prediction = Perceiver(backend, 4, 0).perceive(make_frame((0, 0, 200)))
    assert prediction.non_finite == 2  # depth and its std
    assert np.isinf(prediction.depth).all()


def test_nan_depth_stays_nan():
    backend = FakeBackend()
    backend.poison = np.nan
    prediction = Perceiver(backend, 4, 0).perceive(make_frame())
    assert np.isnan(prediction.depth[0, 0]) and np.isnan(prediction.aleatoric_std[0, 0])
    assert np.isfinite(prediction.depth).sum() == 24 * 40 - 1


@pytest.mark.parametrize('chunk, samples', [(1, 2), (2, 2), (2, 16), (4, 12), (8, 8)])
def test_a_cycle_of_chunks_equals_one_batch_of_all_samples(chunk, samples):
    perceiver = Perceiver(FakeBackend(fake_spec(chunk=chunk)), samples, 11)
    prediction = perceiver.perceive(make_frame(camera=make_camera(100.)))
    found, chunks = run_cycle(perceiver)
    assert (chunks, found.samples) == (samples // chunk, samples)
    batch = FakeBackend(fake_spec(chunk=samples))
    raw = batch.perceive(np.full((24, 40, 3), 90, np.uint8))
    whole = batch.sample(raw.features, draw_masks(11, samples, (3, 5), .2))
    expected = epistemic_from_moments(whole, prediction)
    for name in ('depth_std', 'log_depth_std', 'mutual_information'):
        np.testing.assert_allclose(getattr(found, name), getattr(expected, name), rtol=1e-4,
                                   atol=1e-6, err_msg=name)


def test_a_cycle_belongs_to_the_held_frame():
    perceiver, alone = Perceiver(FakeBackend(), 6, 3), Perceiver(FakeBackend(), 6, 3)
    perceiver.perceive(make_frame((90,) * 3, stamp_ns=1))
    alone.perceive(make_frame((90,) * 3, stamp_ns=1))
    for stamp_ns in (2, 3):
        assert perceiver.sample() is None
        perceiver.perceive(make_frame((200,) * 3, stamp_ns=stamp_ns))
    found, _ = run_cycle(perceiver)
    expected, _ = run_cycle(alone)
    assert found.stamp_ns == 1
    np.testing.assert_array_equal(found.depth_std, expected.depth_std)


def test_the_next_cycle_uses_the_next_frame_and_the_same_masks():
    perceiver = Perceiver(FakeBackend(), 4, 3)
    results = []
    for stamp_ns in (5, 6):
        perceiver.perceive(make_frame(stamp_ns=stamp_ns))
        results.append(run_cycle(perceiver)[0])
    assert [result.stamp_ns for result in results] == [5, 6]
    np.testing.assert_array_equal(results[0].depth_std, results[1].depth_std)
    assert results[0].depth_std.min() > 0


def test_another_seed_gives_other_samples():
    results = []
    for seed in (0, 1):
        perceiver = Perceiver(FakeBackend(), 4, seed)
        perceiver.perceive(make_frame())
        results.append(run_cycle(perceiver)[0].depth_std)
    assert not np.array_equal(*results)


def test_samples_left_counts_down_to_zero():
    perceiver = Perceiver(FakeBackend(), 6, 0)
    assert perceiver.samples_left == 0
    perceiver.perceive(make_frame())
    counts = [perceiver.samples_left]
    while perceiver.sample() is None:
        counts.append(perceiver.samples_left)
    assert counts == [6, 4, 2]
    assert perceiver.samples_left == 0


def test_sampling_without_a_frame_is_an_error():
    perceiver = Perceiver(FakeBackend(), 4, 0)
    with pytest.raises(RuntimeError, match='no frame is held'):
        perceiver.sample()
    perceiver.perceive(make_frame())
    perceiver.discard_frame()
    assert perceiver.samples_left == 0
    with pytest.raises(RuntimeError, match='no frame is held'):
        perceiver.sample()


def test_a_failed_chunk_ends_its_cycle():
    backend = FakeBackend()
    perceiver = Perceiver(backend, 4, 0)
    perceiver.perceive(make_frame(stamp_ns=1))
    perceiver.sample()
    backend.failure = OSError('device lost')
    with pytest.raises(OSError, match='device lost'):
        perceiver.sample()
    assert perceiver.samples_left == 0
    backend.failure = None
    perceiver.perceive(make_frame(stamp_ns=2))
    found, chunks = run_cycle(perceiver)
    assert (found.stamp_ns, chunks) == (2, 2)


def test_a_failed_frame_is_not_held():
    backend = FakeBackend()
    perceiver = Perceiver(backend, 4, 0)
    backend.failure = OSError('device lost')
    with pytest.raises(OSError):
        perceiver.perceive(make_frame(stamp_ns=1))
    assert perceiver.samples_left == 0
    backend.failure = None
    perceiver.perceive(make_frame(stamp_ns=2))
    with pytest.raises(ValueError, match='camera_info'):
        perceiver.perceive(make_frame(stamp_ns=3, camera=make_camera(10., width=640)))
    assert run_cycle(perceiver)[0].stamp_ns == 2


@pytest.mark.parametrize('mode', FIT_MODES)
def test_the_size_of_the_frames_may_change(mode):
    perceiver = Perceiver(FakeBackend(), 4, 0, mode)
    for size in [(480, 640), (24, 40), (1, 1), (1080, 300)]:
        prediction = perceiver.perceive(make_frame(size=size))
        assert prediction.depth.shape == (24, 40)


@pytest.mark.parametrize('samples', [0, 1, 3, -2])
def test_samples_that_are_not_whole_chunks_are_an_error(samples):
    with pytest.raises(ValueError, match=f'samples is {samples}.*multiple of 2.*model fake'):
        Perceiver(FakeBackend(), samples, 0)


def test_a_wrong_fit_mode_fails_before_the_first_frame():
    with pytest.raises(ValueError, match="'squeeze'"):
        Perceiver(FakeBackend(), 4, 0, 'squeeze')
