# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""Scores against hand numbers, with absurd values where nothing is valid."""
import math
from typing import Any

from bdl_perception.perception.regions import parse_regions
from bdl_perception.perception.scores import (
    cycle_score_descriptions,
    cycle_scores,
    drop_empty_scores,
    frame_scores,
    has_no_pixel,
    is_epistemic,
    score_descriptions,
    SCORE_NAMES,
)
from bdl_perception.perception.types import Epistemic, Prediction
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


def test_the_sky_is_left_out_of_the_depth_score_whatever_lies_there() -> None:
    for absurd in (NAN, np.inf, -np.inf):
        holes = np.array([[.5, absurd], [1.5, absurd]], np.float32)
        values = cycle_scores(epistemic(log_depth_std=holes), 1, ()).values
        assert values['epistemic_depth'] == 1


def test_a_picture_of_nothing_but_sky_has_no_depth_score_and_is_not_broken() -> None:
    sky = np.full((10, 10), NAN, np.float32)
    values = cycle_scores(epistemic(log_depth_std=sky), 1).values
    assert set(values) == {name for name in cycle_score_descriptions() if name.startswith('mutual')}
    assert all(map(math.isfinite, values.values()))
    assert all(has_no_pixel(name, values) for name in cycle_score_descriptions() if name not in values)
    broken = cycle_scores(epistemic(log_depth_std=sky, non_finite=1), 1).values
    assert set(broken) == set(cycle_score_descriptions()) and all(map(math.isnan, broken.values()))


def test_only_a_score_whose_part_was_scored_by_its_classes_has_no_pixel() -> None:
    values = {'mutual_information_left': 1., 'epistemic_depth': 1., 'mutual_information': 1.}
    assert has_no_pixel('epistemic_depth_left', values)
    for name in ('epistemic_depth', 'epistemic_depth_right', 'energy', 'mutual_information_right'):
        assert not has_no_pixel(name, values)


def test_a_record_is_sent_as_a_node_would_have_sent_it() -> None:
    kept = {'energy': NAN, 'epistemic_depth': 1., 'mutual_information': 1.}
    recorded = {**kept, 'epistemic_depth_left': NAN, 'mutual_information_left': 2.}
    assert drop_empty_scores(recorded).keys() == {*kept, 'mutual_information_left'}
    broken = {'epistemic_depth': NAN, 'mutual_information': NAN}
    assert drop_empty_scores(broken).keys() == broken.keys()


def test_one_nan_pixel_is_not_averaged_away() -> None:
    holes = np.array([[1, NAN]], np.float32)
    assert math.isnan(frame_scores(prediction(entropy=holes), ()).values['entropy'])
    values = cycle_scores(epistemic(mutual_information=holes), 1, ()).values
    assert math.isnan(values['mutual_information'])


def test_a_broken_network_output_spoils_every_score() -> None:
    assert all(map(math.isnan, frame_scores(prediction(non_finite=1)).values.values()))
    assert all(map(math.isnan, cycle_scores(epistemic(non_finite=1), 1).values.values()))


def test_the_names_are_those_that_are_computed() -> None:
    made = {**frame_scores(prediction()).values, **cycle_scores(epistemic(), 1).values}
    assert list(made) == list(SCORE_NAMES)


def test_the_names_follow_the_regions() -> None:
    left = parse_regions('left=0,0 .5,0 .5,1 0,1')
    made = {**frame_scores(prediction(), left).values, **cycle_scores(epistemic(), 1, left).values}
    assert list(made) == list(score_descriptions(left))
    assert 'entropy_left' in made and not any('corridor' in name for name in made)
    assert len(score_descriptions(())) == 6 + 2
    assert 'mean in left' in score_descriptions(left)['entropy_left'].description


def test_every_score_of_what_only_samples_know_is_epistemic() -> None:
    assert {name for name in SCORE_NAMES if is_epistemic(name)} == {
        name for name in SCORE_NAMES if name.startswith(('epistemic', 'mutual'))}


def test_brightness_travels_with_the_frame_and_is_no_score() -> None:
    assert frame_scores(prediction(brightness=.25)).values['brightness'] == .25
    assert frame_scores(prediction(brightness=.25, non_finite=1)).values['brightness'] == .25
    assert 'brightness' not in frame_scores(prediction()).values
    assert 'brightness' not in SCORE_NAMES


def test_a_cycle_is_counted_from_one() -> None:
    with pytest.raises(ValueError, match='cycle is 0'):
        cycle_scores(epistemic(), 0)
