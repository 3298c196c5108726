# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""Dropout masks: the same bits everywhere, the right rate, never empty."""
import hashlib

from bdl_perception.perception.monte_carlo import draw_masks
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
def test_a_mask_holds_zero_or_one_over_the_keep_rate_and_is_never_empty(seed, n, channels, rate):
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


def test_a_sample_is_the_same_however_many_are_drawn():
    few, many = draw_masks(5, 4, (32, 16), .3), draw_masks(5, 64, (32, 16), .3)
    for short, long in zip(few, many, strict=True):
        np.testing.assert_array_equal(short, long[:4])


def test_samples_layers_and_seeds_differ():
    first, second = draw_masks(5, 8, (64, 64), .5)
    other, _ = draw_masks(6, 8, (64, 64), .5)
    assert len({row.tobytes() for row in np.concatenate([first, second, other])}) == 24


@pytest.mark.parametrize('arguments', [
    (-1, 4, (8,), .2), (2**64, 4, (8,), .2), (0, 0, (8,), .2), (0, 4, (), .2), (0, 4, (8, 0), .2),
    (0, 4, (8,), 0), (0, 4, (8,), 1), (0, 4, (8,), float('nan'))])
def test_what_cannot_be_drawn_is_refused(arguments):
    with pytest.raises(ValueError):
        draw_masks(*arguments)
