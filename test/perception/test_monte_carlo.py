# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""Dropout masks, merged moments and epistemic maps, against numpy and explicit loops."""
import hashlib
import math
import statistics

from bdl_perception.perception.data_types import Moments, Prediction
from bdl_perception.perception.monte_carlo import (
    draw_masks,
    epistemic_from_moments,
    merge,
    merge_all,
    mutual_information,
)
from hypothesis import given
from hypothesis import strategies as st
import numpy as np
import pytest


def test_the_bits_of_a_seed_never_change():
    """Philox is specified, and its raw stream is numpy's promise: any change is ours."""
    masks = draw_masks(2026, 16, (128, 64, 32), .2)
    digest = hashlib.sha256(b''.join(mask.tobytes() for mask in masks)).hexdigest()
    assert digest == '802d7fb7ef43901122c5d881c221efb3b285505c4e7ff9934b6ce5348d8de6be'


@given(st.integers(0, 2**64 - 1), st.integers(1, 9), st.lists(st.integers(1, 6), min_size=1),
       st.sampled_from([.01, .2, .5, .95]))
def test_a_mask_has_zeros_and_scaled_ones_and_is_never_empty(seed, n, channels, rate):
    masks = draw_masks(seed, n, channels, rate)
    assert [mask.shape for mask in masks] == [(n, width) for width in channels]
    for mask in masks:
        assert mask.dtype == np.float32
        assert set(np.unique(mask)) <= {np.float32(0), np.float32(1 / (1 - rate))}
        assert mask.any(axis=1).all()


@pytest.mark.parametrize('rate', [.1, .2, .5])
def test_the_share_of_dropped_channels_is_the_probability(rate):
    for mask in draw_masks(7, 500, (64, 96), rate):
        sigma = np.sqrt(rate * (1 - rate) / mask.size)
        assert abs((mask == 0).mean() - rate) < 4 * sigma
        assert abs(mask.mean() - 1) < 4 * sigma / (1 - rate)


def test_each_layer_may_have_its_own_probability():
    rates = (.1, .6)
    for index, mask in enumerate(draw_masks(7, 500, (64, 96), rates)):
        assert abs((mask == 0).mean() - rates[index]) < .02
        np.testing.assert_array_equal(mask, draw_masks(7, 500, (64, 96), rates[index])[index])


def test_a_sample_does_not_depend_on_how_many_are_drawn():
    few, many = draw_masks(5, 4, (32, 16), .3), draw_masks(5, 64, (32, 16), .3)
    for short, long in zip(few, many, strict=True):
        np.testing.assert_array_equal(short, long[:4])


def test_samples_layers_and_seeds_differ():
    first, second = draw_masks(5, 8, (64, 64), .5)
    other, _ = draw_masks(6, 8, (64, 64), .5)
    assert len({row.tobytes() for row in np.concatenate([first, second, other])}) == 24


@pytest.mark.parametrize('arguments', [
    (-1, 4, (8,), .2), (2**64, 4, (8,), .2), (0, 0, (8,), .2), (0, 4, (), .2), (0, 4, (8, 0), .2),
    (0, 4, (8,), 0), (0, 4, (8,), 1), (0, 4, (8,), float('nan')),
    (0, 4, (8, 8), (.2,)), (0, 4, (8, 8), (.2, 0.))])
def test_impossible_mask_settings_are_an_error(arguments):
    with pytest.raises(ValueError):
        draw_masks(*arguments)


SHAPE = (3, 4)


def draw_samples(seed, count, mean, spread):
    """Log-depths, class probabilities and entropies of some samples, float32 as from a network."""
    rng = np.random.default_rng(seed)
    log_depth = rng.normal(mean, spread, (count, *SHAPE)).astype(np.float32)
    probability = rng.dirichlet(np.ones(5), (count, *SHAPE)).astype(np.float32)
    entropy = rng.uniform(0, 2, (count, *SHAPE)).astype(np.float32)
    return log_depth, np.moveaxis(probability, -1, 1), entropy


def moments_of(log_depth, probability, entropy, dtype=np.float64):
    """Numpy's own mean, variance and sums of all samples at once."""
    wide = log_depth.astype(np.float64)
    maps = (wide.mean(0), wide.var(0) * len(wide), probability.astype(float).sum(0),
            entropy.astype(float).sum(0))
    return Moments(len(wide), *(values.astype(dtype) for values in maps))


def split(samples, parts):
    """Cut the samples into consecutive parts of these sizes."""
    ends = np.cumsum(parts)
    return [tuple(array[end - part:end] for array in samples)
            for part, end in zip(parts, ends, strict=True)]


def assert_close(found, expected, rtol):
    assert found.count == expected.count
    for name in ('log_depth_mean', 'log_depth_m2', 'probability_sum', 'entropy_sum'):
        np.testing.assert_allclose(getattr(found, name), getattr(expected, name), rtol=rtol,
                                   err_msg=name)


@given(st.integers(0, 10**6), st.lists(st.integers(1, 9), min_size=1, max_size=12)
       .filter(lambda parts: sum(parts) > 1),
       st.sampled_from([-2., 0., 3.]), st.sampled_from([1e-3, .05, 1.]))
def test_chunks_of_any_size_merge_to_one_batch(seed, parts, mean, spread):
    samples = draw_samples(seed, sum(parts), mean, spread)
    chunks = [moments_of(*part) for part in split(samples, parts)]
    assert_close(merge_all(chunks), moments_of(*samples), rtol=1e-5)


@given(st.integers(0, 10**6), st.integers(2, 12), st.integers(1, 6), st.sampled_from([.01, .3]))
def test_float32_chunks_merge_within_their_rounding(
        seed, chunks, size, spread):
    """With means off by e, M2 is off by 2 e sqrt(n M2) at most (Cauchy and Schwarz)."""
    samples = draw_samples(seed, chunks * size, 3., spread)
    parts = [moments_of(*part, dtype=np.float32) for part in split(samples, [size] * chunks)]
    found, expected = merge_all(parts), moments_of(*samples)
    rounding = np.spacing(np.float32(np.abs(samples[0]).max())) / 2
    count, m2 = found.count, expected.log_depth_m2
    error = np.abs(found.log_depth_m2 - m2)
    allowed = 2 * rounding * np.sqrt(count * m2) + count * rounding**2
    assert (error <= allowed + 1e-6 * m2).all()
    wide = m2 / count > .06**2  # a spread of 6 % of the depth or more
    assert (error[wide] <= 1e-5 * m2[wide]).all()


@given(st.integers(0, 10**6), st.integers(1, 8), st.integers(1, 8))
def test_the_order_of_the_parts_does_not_matter(seed, n, m):
    first, second = [moments_of(*part)
                     for part in split(draw_samples(seed, n + m, 3., .2), [n, m])]
    assert_close(merge(first, second), merge(second, first), rtol=1e-10)


def test_the_worked_number_of_merge():
    def part(*values):
        samples = np.array(values, np.float32)[:, None, None]
        return moments_of(samples, samples[:, None], samples)

    merged = merge(part(1, 3), part(6))
    assert merged.log_depth_mean.item() == pytest.approx(10 / 3)
    assert merged.log_depth_m2.item() == pytest.approx(12 + 2 / 3)
    assert merged.entropy_sum.item() == merged.probability_sum.item() == 10


def test_merging_does_not_change_its_arguments():
    first, second = [moments_of(*part) for part in split(draw_samples(1, 4, 3., .2), [2, 2])]
    before = first.log_depth_m2.copy(), second.probability_sum.copy()
    merge(first, second)
    np.testing.assert_array_equal(first.log_depth_m2, before[0])
    np.testing.assert_array_equal(second.probability_sum, before[1])


def test_merging_no_chunk_is_an_error():
    with pytest.raises(ValueError, match='no chunk'):
        merge_all([])


def graph_moments(log_depth, probability):
    """Take the sums over samples (S, h, w) and (S, K, h, w), float32 as a graph gives them."""
    safe = np.maximum(probability, 1e-30)
    entropy = -(probability * np.log(safe)).sum(axis=1)  # (S, h, w)
    mean = log_depth.mean(axis=0)
    m2 = ((log_depth - mean)**2).sum(axis=0)
    maps = (mean, m2, probability.sum(axis=0), entropy.sum(axis=0))
    return Moments(len(log_depth), *(values.astype(np.float32) for values in maps))


def prediction_of(depth):
    """Make a prediction of which only the depth and the header matter."""
    plain = np.ones_like(depth)
    return Prediction(123456789, 'front', None, depth, plain, plain.astype(np.uint8), plain,
                      plain, plain, plain, 0., plain, 0)


def draw_outputs(seed, count, shape=(3, 4)):
    """Draw samples: log-depths, and class probabilities from near certain to undecided."""
    rng = np.random.default_rng(seed)
    log_depth = rng.normal(3, .2, (count, *shape))
    probability = rng.dirichlet(np.full(5, rng.choice([.05, 1., 20.])), (count, *shape))
    return log_depth, np.moveaxis(probability, -1, 1)


def entropy(probabilities):
    return -sum(p * math.log(p) for p in probabilities if p > 0)


@given(st.integers(0, 10**6), st.integers(2, 20))
def test_each_map_equals_a_loop_over_the_samples(seed, count):
    log_depth, probability = draw_outputs(seed, count)
    depth = np.random.default_rng(seed).uniform(1, 80, (3, 4)).astype(np.float32)
    found = epistemic_from_moments(graph_moments(log_depth, probability), prediction_of(depth))
    assert (found.samples, found.non_finite) == (count, 0)
    assert (found.stamp_ns, found.frame_id) == (123456789, 'front')
    for row in range(3):
        for column in range(4):
            at = (row, column)
            std = statistics.stdev(log_depth[:, row, column].tolist())
            assert found.log_depth_std[at] == pytest.approx(std, rel=1e-4)
            assert found.depth_std[at] == pytest.approx(std * depth[at], rel=1e-4)
            samples = probability[:, :, row, column].tolist()
            mean = [statistics.fmean(values) for values in zip(*samples, strict=True)]
            information = entropy(mean) - statistics.fmean(map(entropy, samples))
            assert found.mutual_information[at] == pytest.approx(information, abs=1e-5)


def test_the_delta_method_agrees_with_the_std_of_the_depths():
    """For a small spread std(exp x) approaches the first-order formula."""
    log_depth = np.random.default_rng(3).normal(3, .01, (5000, 1, 1))
    depth = np.exp(log_depth.mean(axis=0)).astype(np.float32)
    probability = np.full((5000, 2, 1, 1), .5)
    found = epistemic_from_moments(graph_moments(log_depth, probability), prediction_of(depth))
    assert found.depth_std.item() == pytest.approx(np.exp(log_depth).std(), rel=1e-2)


def test_the_worked_numbers_of_the_epistemic_maps():
    opposed = np.array([[1., 0.], [0., 1.]])[:, :, None, None]  # (S, K, 1, 1)
    moments = graph_moments(np.zeros((2, 1, 1)), opposed)
    assert mutual_information(moments).item() == pytest.approx(math.log(2))
    sixteen = Moments(16, *(np.array([[x]], np.float32) for x in (3., .15)),
                      np.full((1, 1, 1), 16, np.float32), np.zeros((1, 1), np.float32))
    found = epistemic_from_moments(sixteen, prediction_of(np.array([[20]], np.float32)))
    assert found.log_depth_std.item() == pytest.approx(.1)
    assert found.depth_std.item() == pytest.approx(2)


def test_mutual_information_is_zero_for_equal_samples():
    """With entropy summed in float32 the difference lands on either side of zero."""
    one = draw_outputs(5, 1, (40, 40))[1]
    found = mutual_information(graph_moments(np.zeros((16, 40, 40)), np.repeat(one, 16, axis=0)))
    assert found.min() == 0
    assert found.max() < 1e-5


def test_only_depth_maps_are_nan_where_there_is_no_depth():
    depth = np.array([[np.inf, np.nan, 10., 10.]], np.float32)
    moments = graph_moments(*draw_outputs(1, 4, (1, 4)))
    found = epistemic_from_moments(moments, prediction_of(depth))
    for values in (found.depth_std, found.log_depth_std):
        np.testing.assert_array_equal(np.isnan(values), [[True, True, False, False]])
    assert np.isfinite(found.mutual_information).all()
    assert found.non_finite == 0


def test_maps_are_enlarged_with_aligned_pixel_centres():
    """A ramp stays the same ramp: (u + 1/2) scales, as in the graphs; borders are held."""
    ramp = np.arange(6, dtype=np.float32)[None].repeat(4, axis=0)  # (h, w) std of log-depth
    zeros = np.zeros((4, 6), np.float32)
    moments = Moments(2, zeros, ramp**2, np.full((1, 4, 6), 2, np.float32), zeros)
    found = epistemic_from_moments(moments, prediction_of(np.full((8, 12), 5, np.float32)))
    assert found.mutual_information.shape == found.depth_std.shape == (8, 12)
    expected = np.clip((np.arange(12) + .5) / 2 - .5, 0, 5)
    np.testing.assert_allclose(found.log_depth_std, expected[None].repeat(8, axis=0), atol=1e-5)
    assert found.depth_std.dtype == found.mutual_information.dtype == np.float32


def test_non_finite_moments_are_counted_and_remain():
    moments = graph_moments(*draw_outputs(1, 4))
    moments.log_depth_m2[0, 0] = np.nan
    moments.probability_sum[2, 1, 1] = np.nan
    moments.log_depth_mean[2, 2] = np.inf
    found = epistemic_from_moments(moments, prediction_of(np.full((3, 4), 9, np.float32)))
    assert found.non_finite == 3
    assert np.isnan(found.depth_std[0, 0]) and np.isnan(found.mutual_information[1, 1])


def test_one_sample_has_no_standard_deviation():
    prediction = prediction_of(np.ones((3, 4), np.float32))
    with pytest.raises(ValueError, match='1 sample has no standard deviation'):
        epistemic_from_moments(graph_moments(*draw_outputs(1, 1)), prediction)


def test_inconsistent_sums_are_an_error_and_not_clipped():
    moments = graph_moments(*draw_outputs(1, 4))
    moments.entropy_sum[0, 0] = 8  # 2 nat a sample: more than five classes can have
    with pytest.raises(ValueError, match='do not belong together'):
        mutual_information(moments)
