# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""Scores against hand-computed numbers, and pooling against loops over pixels."""
import math
from typing import Any

from bdl_perception.perception.data_types import Epistemic, Prediction
from bdl_perception.perception.regions import DEFAULT_REGIONS, parse_regions, region_mask
from bdl_perception.perception.scores import (
    cycle_score_descriptions,
    cycle_scores,
    drop_empty_scores,
    frame_scores,
    has_no_pixel,
    is_epistemic,
    pool_means,
    precompute_region_masks,
    region_suffixes,
    score_descriptions,
    SCORE_NAMES,
    upper_decile,
)
from hypothesis import given, settings
from hypothesis import strategies as st
import numpy as np
import pytest

NAN = float('nan')


def prediction(**changes: Any) -> Prediction:
    plain = np.ones((10, 10), np.float32)
    values: dict[str, Any] = {
        'stamp_ns': 7, 'frame_id': 'camera', 'camera': None, 'depth': 5 * plain,
        'aleatoric_std': plain, 'classes': np.zeros((10, 10), np.uint8), 'entropy': plain,
        'max_probability': plain, 'energy': plain, 'log_depth_std': plain,
        'feature_distance': 3.5, 'cell_distance': 2 * plain, 'non_finite': 0}
    return Prediction(**{**values, **changes})


def epistemic(**changes: Any) -> Epistemic:
    plain = np.ones((10, 10), np.float32)
    values: dict[str, Any] = {
        'stamp_ns': 7, 'frame_id': 'camera', 'samples': 16, 'depth_std': plain,
        'log_depth_std': plain, 'mutual_information': plain,
        'non_finite': 0}
    return Epistemic(**{**values, **changes})


def test_each_frame_score_is_the_mean_of_its_own_map() -> None:
    maps = {name: np.array([[a, b]], np.float32) for name, a, b in (
        ('max_probability', .5, .75), ('entropy', 1, 2), ('energy', -8, -4),
        ('log_depth_std', .1, .3))}
    scores = frame_scores(prediction(**maps), ())
    expected = {'softmax': .375, 'entropy': 1.5, 'energy': -6, 'aleatoric': .2}
    assert scores.values == pytest.approx({**expected, 'feature': 3.5, 'local_feature': 2})
    assert (scores.stamp_ns, scores.frame_id, scores.cycle) == (7, 'camera', 0)


def test_each_cycle_score_is_the_mean_of_its_own_map() -> None:
    scores = cycle_scores(epistemic(log_depth_std=np.array([[.25, .75]], np.float32),
                                    mutual_information=np.array([[1, 2]], np.float32)), 4, ())
    assert scores.values == pytest.approx({
        'epistemic_depth': .5, 'mutual_information': 1.5})
    assert (scores.stamp_ns, scores.frame_id, scores.cycle) == (7, 'camera', 4)


def test_the_sky_is_left_out_of_the_depth_score() -> None:
    for absurd in (NAN, np.inf, -np.inf):
        holes = np.array([[.5, absurd], [1.5, absurd]], np.float32)
        values = cycle_scores(epistemic(log_depth_std=holes), 1, ()).values
        assert values['epistemic_depth'] == 1


def test_a_frame_of_sky_has_no_depth_score_and_no_nan() -> None:
    sky = np.full((10, 10), NAN, np.float32)
    values = cycle_scores(epistemic(log_depth_std=sky), 1).values
    names = cycle_score_descriptions()
    assert set(values) == {name for name in names if name.startswith('mutual')}
    assert all(map(math.isfinite, values.values()))
    assert all(has_no_pixel(name, values) for name in names if name not in values)
    broken = cycle_scores(epistemic(log_depth_std=sky, non_finite=1), 1).values
    assert set(broken) == set(cycle_score_descriptions()) and all(map(math.isnan, broken.values()))


def test_an_empty_score_needs_the_class_score_of_its_region() -> None:
    values = {'mutual_information_left': 1., 'epistemic_depth': 1., 'mutual_information': 1.}
    assert has_no_pixel('epistemic_depth_left', values)
    for name in ('epistemic_depth', 'epistemic_depth_right', 'energy', 'mutual_information_right'):
        assert not has_no_pixel(name, values)


def test_empty_scores_of_a_record_are_dropped() -> None:
    valid = {'energy': NAN, 'epistemic_depth': 1., 'mutual_information': 1.}
    recorded = {**valid, 'epistemic_depth_left': NAN, 'mutual_information_left': 2.}
    assert drop_empty_scores(recorded).keys() == {*valid, 'mutual_information_left'}
    broken = {'epistemic_depth': NAN, 'mutual_information': NAN}
    assert drop_empty_scores(broken).keys() == broken.keys()


def test_one_nan_pixel_is_not_averaged_away() -> None:
    holes = np.array([[1, NAN]], np.float32)
    assert math.isnan(frame_scores(prediction(entropy=holes), ()).values['entropy'])
    values = cycle_scores(epistemic(mutual_information=holes), 1, ()).values
    assert math.isnan(values['mutual_information'])


def test_a_non_finite_output_makes_every_score_nan() -> None:
    assert all(map(math.isnan, frame_scores(prediction(non_finite=1)).values.values()))
    assert all(map(math.isnan, cycle_scores(epistemic(non_finite=1), 1).values.values()))


def test_the_described_scores_are_those_computed() -> None:
    made = {**frame_scores(prediction()).values, **cycle_scores(epistemic(), 1).values}
    assert list(made) == list(SCORE_NAMES)


def test_the_described_scores_follow_the_regions() -> None:
    left = parse_regions('left=0,0 .5,0 .5,1 0,1')
    made = {**frame_scores(prediction(), left).values, **cycle_scores(epistemic(), 1, left).values}
    assert list(made) == list(score_descriptions(left))
    assert 'entropy_left' in made and not any('corridor' in name for name in made)
    assert len(score_descriptions(())) == 6 + 2
    assert 'mean in left' in score_descriptions(left)['entropy_left'].description


def test_the_cycle_scores_are_the_epistemic_ones() -> None:
    assert {name for name in SCORE_NAMES if is_epistemic(name)} == {
        name for name in SCORE_NAMES if name.startswith(('epistemic', 'mutual'))}


def test_brightness_is_sent_with_the_scores_but_is_none() -> None:
    assert frame_scores(prediction(brightness=.25)).values['brightness'] == .25
    assert frame_scores(prediction(brightness=.25, non_finite=1)).values['brightness'] == .25
    assert 'brightness' not in frame_scores(prediction()).values
    assert 'brightness' not in SCORE_NAMES


def test_a_cycle_is_counted_from_one() -> None:
    with pytest.raises(ValueError, match='cycle is 0'):
        cycle_scores(epistemic(), 0)


REGIONS = parse_regions('left=0,0 .5,0 .5,1 0,1; ' + 'middle=.3,.2 .8,.3 .7,.9 .2,.9')


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 50), st.integers(1, 50), st.sampled_from([0., .3, .9]),
       st.integers(0, 99))
def test_pooled_means_equal_loops_over_pixels(
        height: int, width: int, holes: float, seed: int) -> None:
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


def test_a_small_object_raises_the_upper_decile_not_the_mean() -> None:
    object_ = np.ones((24, 40), np.float32)
    object_[13:17, 17:23] = 9  # one fortieth of the cells, on the road ahead
    assert pool_means(object_, None, DEFAULT_REGIONS)['_corridor'] < 2.2
    assert upper_decile(object_, DEFAULT_REGIONS) == {'': 1, '_corridor': 9}


def test_pixels_outside_a_region_do_not_count() -> None:
    values = np.ones((48, 80), np.float32)
    values[:, 40:] = 5
    left = parse_regions('left=0,0 .5,0 .5,1 0,1')
    assert pool_means(values, None, left) == {'': 3, '_left': 1}


def test_a_mean_is_nan_with_a_nan_and_missing_without_pixels() -> None:
    values = np.array([[1, 1e30], [3, NAN]], np.float32)
    assert pool_means(values, np.array([[True, False], [True, False]]))[''] == 2
    assert pool_means(values, np.zeros((2, 2), bool)) == {}
    assert all(map(math.isnan, pool_means(values).values()))


def test_only_regions_without_a_valid_pixel_are_left_out() -> None:
    values, valid = np.full((48, 80), np.nan, np.float32), np.zeros((48, 80), bool)
    values[:, 40:], valid[:, 40:] = 3, True
    halves = parse_regions('left=0,0 .5,0 .5,1 0,1; right=.5,0 1,0 1,1 .5,1')
    assert pool_means(values, valid, halves) == {'': 3, '_right': 3}


def test_a_region_that_is_too_small_fails_before_the_first_frame() -> None:
    with pytest.raises(ValueError, match='dot holds no pixel of a map of 80x48'):
        precompute_region_masks(parse_regions('dot=.5,.5 .501,.5 .501,.501'), 48, 80)
    precompute_region_masks(DEFAULT_REGIONS, 48, 80)


def test_a_tenth_of_the_cells_exceed_the_upper_decile() -> None:
    left = parse_regions('left=0,0 .5,0 .5,1 0,1')
    values = np.stack([np.arange(11), np.full(11, 20)], 1).astype(np.float32)  # (11, 2)
    assert upper_decile(values[:, :1]) == {'': 9}
    assert upper_decile(values, left) == {'': 20, '_left': 9}
    values[3, 0] = np.nan
    assert all(map(math.isnan, upper_decile(values, left).values()))
