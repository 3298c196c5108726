# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
from dataclasses import fields
from dataclasses import replace
from pathlib import Path

from bdl_perception.network.model import NetworkConfig
from bdl_perception.training.start import check_same
from bdl_perception.training.start import OF_SIZE
import pytest

STORED = NetworkConfig()
OTHERS = {
    'encoder': 'efficientnet_lite0', 'encoder_channels': (8, 8, 8, 8),
    'decoder_channels': (8, 8, 8, 8), 'classes': 5, 'dropout': 'decoder',
    'dropout_probability': .4, 'normalise': False, 'log_depth_centre': 1., 'max_depth_m': 50.}


def test_every_field_is_compared_or_is_of_the_size():
    assert {entry.name for entry in fields(NetworkConfig)} == {*OTHERS, *OF_SIZE}


@pytest.mark.parametrize('name', OTHERS)
def test_weights_that_mean_something_else_are_refused_by_the_name_of_the_field(name):
    wanted = replace(STORED, **{name: OTHERS[name]})
    with pytest.raises(ValueError, match=f'run.pt is of another network: {name} .*, not '):
        check_same(Path('run.pt'), STORED, wanted)


@pytest.mark.parametrize(('width', 'height', 'focal_px'), [
    (160, 96, 125.), (640, 384, 500.), (416, 320, 325.), (320, 96, 250.), (96, 64, 74.9)])
def test_another_size_of_the_same_view_is_the_same_network(width, height, focal_px):
    check_same(Path('run.pt'), STORED, replace(
        STORED, width=width, height=height, canonical_focal_px=focal_px))


@pytest.mark.parametrize(('width', 'focal_px', 'right'), [(160, 250., 125), (320, 300., 250)])
def test_a_focal_length_of_another_view_is_refused_with_the_right_one(width, focal_px, right):
    with pytest.raises(ValueError, match=f'canonical_focal_px of 250 at a width of 320.*{right}$'):
        check_same(Path('run.pt'), STORED, replace(
            STORED, width=width, canonical_focal_px=focal_px))
