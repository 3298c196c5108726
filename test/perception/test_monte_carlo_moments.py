# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""Merged moments against numpy on all samples at once."""
from bdl_perception.perception.monte_carlo import merge, merge_all
from bdl_perception.perception.types import Moments
from hypothesis import given
from hypothesis import strategies as st
import numpy as np
import pytest

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


def assert_close(found, wanted, rtol):
    assert found.count == wanted.count
    for name in ('log_depth_mean', 'log_depth_m2', 'probability_sum', 'entropy_sum'):
        np.testing.assert_allclose(getattr(found, name), getattr(wanted, name), rtol=rtol,
                                   err_msg=name)


@given(st.integers(0, 10**6), st.lists(st.integers(1, 9), min_size=1, max_size=12)
       .filter(lambda parts: sum(parts) > 1),
       st.sampled_from([-2., 0., 3.]), st.sampled_from([1e-3, .05, 1.]))
def test_chunks_of_any_size_merge_to_all_samples_at_once(seed, parts, mean, spread):
    samples = draw_samples(seed, sum(parts), mean, spread)
    chunks = [moments_of(*part) for part in split(samples, parts)]
    assert_close(merge_all(chunks), moments_of(*samples), rtol=1e-5)


@given(st.integers(0, 10**6), st.integers(2, 12), st.integers(1, 6), st.sampled_from([.01, .3]))
def test_chunks_that_a_backend_rounded_merge_as_well_as_their_rounding_allows(
        seed, chunks, size, spread):
    """With means off by e, M2 is off by 2 e sqrt(n M2) at most (Cauchy and Schwarz)."""
    samples = draw_samples(seed, chunks * size, 3., spread)
    parts = [moments_of(*part, dtype=np.float32) for part in split(samples, [size] * chunks)]
    found, wanted = merge_all(parts), moments_of(*samples)
    rounding = np.spacing(np.float32(np.abs(samples[0]).max())) / 2
    count, m2 = found.count, wanted.log_depth_m2
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


def test_the_worked_number_of_the_docstring():
    def part(*values):
        samples = np.array(values, np.float32)[:, None, None]
        return moments_of(samples, samples[:, None], samples)

    merged = merge(part(1, 3), part(6))
    assert merged.log_depth_mean.item() == pytest.approx(10 / 3)
    assert merged.log_depth_m2.item() == pytest.approx(12 + 2 / 3)
    assert merged.entropy_sum.item() == merged.probability_sum.item() == 10


def test_the_parts_are_left_as_they_were():
    first, second = [moments_of(*part) for part in split(draw_samples(1, 4, 3., .2), [2, 2])]
    before = first.log_depth_m2.copy(), second.probability_sum.copy()
    merge(first, second)
    np.testing.assert_array_equal(first.log_depth_m2, before[0])
    np.testing.assert_array_equal(second.probability_sum, before[1])


def test_no_chunks_have_no_moments():
    with pytest.raises(ValueError, match='no chunk'):
        merge_all([])
