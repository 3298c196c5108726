# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""Pooling against loops over pixels, with absurd values where nothing is valid."""
import math

from bdl_perception.perception.regions import DEFAULT_REGIONS, parse_regions, region_mask
from bdl_perception.perception.scores import (
    pool_means,
    precompute_region_masks,
    region_suffixes,
    upper_decile,
)
from hypothesis import given, settings
from hypothesis import strategies as st
import numpy as np
import pytest

NAN = float('nan')
REGIONS = parse_regions('left=0,0 .5,0 .5,1 0,1; ' + 'middle=.3,.2 .8,.3 .7,.9 .2,.9')


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 50), st.integers(1, 50), st.sampled_from([0., .3, .9]),
       st.integers(0, 99))
def test_pooling_is_what_the_loops_say(height: int, width: int, holes: float, seed: int) -> None:
    rng = np.random.default_rng(seed)
    values = rng.normal(0, 1, (height, width)).astype(np.float32)
    valid = rng.random((height, width)) >= holes
    valid[rng.integers(height), rng.integers(width)] = True
    absurd = np.where(valid, values, rng.choice([NAN, np.inf, 1e30], (height, width)))
    absurd = absurd.astype(np.float32)
    regions = []
    for region in REGIONS:
        try:
            if (region_mask(region, height, width) & valid).any():
                regions.append(region)
        except ValueError:
            pass
    made = pool_means(absurd, valid if holes else None, tuple(regions))
    assert tuple(made) == region_suffixes(tuple(regions))
    assert made[''] == pytest.approx(values[valid].mean(), abs=1e-5)
    for region in regions:
        mask = region_mask(region, height, width)
        assert made[f'_{region.name}'] == pytest.approx(values[valid & mask].mean(), abs=1e-5)


def test_a_small_object_drowns_in_the_mean_and_not_in_the_strangest_tenth() -> None:
    object_ = np.ones((24, 40), np.float32)
    object_[13:17, 17:23] = 9  # one fortieth of the cells, on the road ahead
    assert pool_means(object_, None, DEFAULT_REGIONS)['_corridor'] < 2.2
    assert upper_decile(object_, DEFAULT_REGIONS) == {'': 1, '_corridor': 9}


def test_what_lies_outside_a_region_does_not_count_for_it() -> None:
    values = np.ones((48, 80), np.float32)
    values[:, 40:] = 5
    left = parse_regions('left=0,0 .5,0 .5,1 0,1')
    assert pool_means(values, None, left) == {'': 3, '_left': 1}


def test_a_nan_is_nan_and_what_has_no_valid_pixel_is_left_out() -> None:
    values = np.array([[1, 1e30], [3, NAN]], np.float32)
    assert pool_means(values, np.array([[True, False], [True, False]]))[''] == 2
    assert pool_means(values, np.zeros((2, 2), bool)) == {}
    assert all(map(math.isnan, pool_means(values).values()))


def test_a_region_without_a_valid_pixel_is_left_out_and_the_others_stay() -> None:
    values, valid = np.full((48, 80), np.nan, np.float32), np.zeros((48, 80), bool)
    values[:, 40:], valid[:, 40:] = 3, True
    halves = parse_regions('left=0,0 .5,0 .5,1 0,1; right=.5,0 1,0 1,1 .5,1')
    assert pool_means(values, valid, halves) == {'': 3, '_right': 3}


def test_a_region_that_is_too_small_fails_before_the_first_picture() -> None:
    with pytest.raises(ValueError, match='dot holds no pixel of a map of 80x48'):
        precompute_region_masks(parse_regions('dot=.5,.5 .501,.5 .501,.501'), 48, 80)
    precompute_region_masks(DEFAULT_REGIONS, 48, 80)


def test_a_tenth_of_the_cells_lie_above_the_high_value() -> None:
    left = parse_regions('left=0,0 .5,0 .5,1 0,1')
    values = np.stack([np.arange(11), np.full(11, 20)], 1).astype(np.float32)  # (11, 2)
    assert upper_decile(values[:, :1]) == {'': 9}
    assert upper_decile(values, left) == {'': 20, '_left': 9}
    values[3, 0] = np.nan
    assert all(map(math.isnan, upper_decile(values, left).values()))
