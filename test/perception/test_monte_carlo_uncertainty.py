# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""The epistemic maps against a plain loop over explicit samples."""
import math
import statistics

from bdl_perception.perception.monte_carlo import epistemic_from_moments, mutual_information
from bdl_perception.perception.types import Moments, Prediction
from hypothesis import given
from hypothesis import strategies as st
import numpy as np
import pytest


def moments_of(log_depth, probability):
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


def draw(seed, count, shape=(3, 4)):
    """Draw samples: log-depths, and class probabilities from near certain to undecided."""
    rng = np.random.default_rng(seed)
    log_depth = rng.normal(3, .2, (count, *shape))
    probability = rng.dirichlet(np.full(5, rng.choice([.05, 1., 20.])), (count, *shape))
    return log_depth, np.moveaxis(probability, -1, 1)


def entropy(probabilities):
    return -sum(p * math.log(p) for p in probabilities if p > 0)


@given(st.integers(0, 10**6), st.integers(2, 20))
def test_each_map_is_what_a_loop_over_the_samples_gives(seed, count):
    log_depth, probability = draw(seed, count)
    depth = np.random.default_rng(seed).uniform(1, 80, (3, 4)).astype(np.float32)
    found = epistemic_from_moments(moments_of(log_depth, probability), prediction_of(depth))
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


def test_the_delta_method_agrees_with_the_spread_of_the_depths_themselves():
    """For a small spread std(exp x) approaches the first-order formula."""
    log_depth = np.random.default_rng(3).normal(3, .01, (5000, 1, 1))
    depth = np.exp(log_depth.mean(axis=0)).astype(np.float32)
    probability = np.full((5000, 2, 1, 1), .5)
    found = epistemic_from_moments(moments_of(log_depth, probability), prediction_of(depth))
    assert found.depth_std.item() == pytest.approx(np.exp(log_depth).std(), rel=1e-2)


def test_the_worked_numbers_of_the_docstring():
    opposed = np.array([[1., 0.], [0., 1.]])[:, :, None, None]  # (S, K, 1, 1)
    moments = moments_of(np.zeros((2, 1, 1)), opposed)
    assert mutual_information(moments).item() == pytest.approx(math.log(2))
    sixteen = Moments(16, *(np.array([[x]], np.float32) for x in (3., .15)),
                      np.full((1, 1, 1), 16, np.float32), np.zeros((1, 1), np.float32))
    found = epistemic_from_moments(sixteen, prediction_of(np.array([[20]], np.float32)))
    assert found.log_depth_std.item() == pytest.approx(.1)
    assert found.depth_std.item() == pytest.approx(2)


def test_samples_that_agree_have_no_mutual_information_and_never_a_negative_one():
    """With entropy summed in float32 the difference lands on either side of zero."""
    one = draw(5, 1, (40, 40))[1]
    found = mutual_information(moments_of(np.zeros((16, 40, 40)), np.repeat(one, 16, axis=0)))
    assert found.min() == 0
    assert found.max() < 1e-5


def test_depth_maps_are_nan_where_there_is_no_depth_but_classes_go_on():
    depth = np.array([[np.inf, np.nan, 10., 10.]], np.float32)
    found = epistemic_from_moments(moments_of(*draw(1, 4, (1, 4))), prediction_of(depth))
    for values in (found.depth_std, found.log_depth_std):
        np.testing.assert_array_equal(np.isnan(values), [[True, True, False, False]])
    assert np.isfinite(found.mutual_information).all()
    assert found.non_finite == 0


def test_maps_are_enlarged_to_the_size_of_the_prediction_pixel_centres_kept():
    """A ramp stays the same ramp: (u + 1/2) scales, as in the graphs; borders are held."""
    ramp = np.arange(6, dtype=np.float32)[None].repeat(4, axis=0)  # (h, w) std of log-depth
    zeros = np.zeros((4, 6), np.float32)
    moments = Moments(2, zeros, ramp**2, np.full((1, 4, 6), 2, np.float32), zeros)
    found = epistemic_from_moments(moments, prediction_of(np.full((8, 12), 5, np.float32)))
    assert found.mutual_information.shape == found.depth_std.shape == (8, 12)
    expected = np.clip((np.arange(12) + .5) / 2 - .5, 0, 5)
    np.testing.assert_allclose(found.log_depth_std, expected[None].repeat(8, axis=0), atol=1e-5)
    assert found.depth_std.dtype == found.mutual_information.dtype == np.float32


def test_numbers_that_are_not_finite_are_counted_and_stay_visible():
    moments = moments_of(*draw(1, 4))
    moments.log_depth_m2[0, 0] = np.nan
    moments.probability_sum[2, 1, 1] = np.nan
    moments.log_depth_mean[2, 2] = np.inf
    found = epistemic_from_moments(moments, prediction_of(np.full((3, 4), 9, np.float32)))
    assert found.non_finite == 3
    assert np.isnan(found.depth_std[0, 0]) and np.isnan(found.mutual_information[1, 1])


def test_one_sample_has_no_spread():
    with pytest.raises(ValueError, match='1 sample has no spread'):
        epistemic_from_moments(moments_of(*draw(1, 1)), prediction_of(np.ones((3, 4), np.float32)))


def test_sums_that_do_not_belong_together_are_refused_rather_than_clipped():
    moments = moments_of(*draw(1, 4))
    moments.entropy_sum[0, 0] = 8  # 2 nat a sample: more than five classes can have
    with pytest.raises(ValueError, match='do not belong together'):
        mutual_information(moments)
