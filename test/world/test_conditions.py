# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
from dataclasses import replace

from bdl_perception.world.conditions import (
    blend_lights,
    condition_segment,
    CONDITIONS,
    HELD_OUT_CONDITIONS,
    LIGHTS,
    NOMINAL_CONDITIONS,
    split_conditions,
    SPLITS,
)
import numpy as np
import pytest


def test_no_condition_is_both_nominal_and_held_out():
    assert not set(NOMINAL_CONDITIONS) & set(HELD_OUT_CONDITIONS)
    assert set(LIGHTS) <= set(CONDITIONS)
    assert set(NOMINAL_CONDITIONS) <= set(LIGHTS)


@pytest.mark.parametrize('split', ['train', 'validation', 'test'])
def test_plain_splits_are_nominal(split):
    assert split_conditions(split) == NOMINAL_CONDITIONS


@pytest.mark.parametrize('condition', HELD_OUT_CONDITIONS)
def test_every_held_out_condition_has_two_splits(condition):
    for role in ('validation', 'test'):
        assert split_conditions(f'{role}_{condition}') == (condition,)


@pytest.mark.parametrize('split', ['train_night', 'nigth', '', 'test_sun'])
def test_an_unknown_split_is_rejected_with_the_known_ones(split):
    with pytest.raises(ValueError, match='validation_dense_fog'):
        split_conditions(split)
    assert split not in SPLITS


def test_contrast_is_5_per_cent_at_the_visibility():
    light = replace(LIGHTS['sun'], visibility_m=25.)
    assert np.exp(-light.fog_density * 25) == pytest.approx(.05)


def test_a_blend_goes_from_the_first_light_to_the_second():
    sun, fog = LIGHTS['sun'], LIGHTS['dense_fog']
    for share, end in ((0., sun), (1., fog)):
        for name, value in vars(blend_lights(sun, fog, share)).items():
            np.testing.assert_allclose(value, getattr(end, name))
    assert blend_lights(sun, fog, .5).fog_density == pytest.approx(
        (sun.fog_density + fog.fog_density) / 2)


def test_impossible_segments_and_lights_are_rejected():
    with pytest.raises(ValueError, match='known: sun'):
        condition_segment('rain', 0., 1.)
    with pytest.raises(ValueError, match='must end after'):
        condition_segment('sun', 1., 1.)
    with pytest.raises(ValueError, match='positive'):
        replace(LIGHTS['sun'], visibility_m=0.)
