# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
from dataclasses import replace
import json

from bdl_perception.metrics.depth_intervals import DepthIntervals, range_bin
import numpy as np
import pytest

GIVEN = DepthIntervals(
    factor=1.5, aleatoric_factor=1.6, temperature=1.1, edges_m=(5., 10., 20., 40.),
    levels=(.5, .8, .9, .95), pooled=(False,) * 4 + (True,), pixels=(9, 9, 9, 9, 0), drives=3,
    multipliers=((.5, 1., 2., 3.),) * 5)


def test_a_half_width_is_that_computed_by_hand() -> None:
    half = GIVEN.half_widths(np.array([10.]), np.array([.1]))  # m = 2 at level .9
    assert half.shape == (1, 4)
    assert 10 * np.exp([-half[0, 2], half[0, 2]]) == pytest.approx([7.408, 13.499], abs=1e-3)


def test_a_bin_begins_at_its_edge_and_the_last_one_is_open() -> None:
    depth = np.array([1, 4.99, 5, 10, 20, 39.9, 40, 500])
    np.testing.assert_array_equal(range_bin(depth), [0, 0, 1, 2, 3, 3, 4, 4])


def test_intervals_survive_json() -> None:
    assert DepthIntervals.from_dict(json.loads(json.dumps(GIVEN.to_dict()))) == GIVEN


@pytest.mark.parametrize(('change', 'message'), [
    ({'factor': 0.}, 'factor is 0.0'), ({'factor': np.nan}, 'factor is nan'),
    ({'aleatoric_factor': np.inf}, 'aleatoric_factor is inf'),
    ({'temperature': -1.}, 'temperature is -1'), ({'drives': 0}, 'drives is 0'),
    ({'edges_m': (5.,)}, 'range bins'), ({'levels': (.5,)}, 'levels'),
    ({'pixels': (1,)}, '5 range bins'),
    ({'multipliers': ((.5, 1., 2., np.inf),) * 5}, 'multipliers of 0-5 m'),
    ({'multipliers': ((.5, 1., 2.),) * 5}, 'multipliers of 0-5 m'),
    ({'multipliers': ((2., 1., 2., 3.),) * 5}, 'ascending')])
def test_invalid_parameters_raise(change: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        replace(GIVEN, **change)


def test_a_dict_of_other_fields_raises() -> None:
    with pytest.raises(ValueError, match=r"missing \['drives'\], unknown \['x'\]"):
        DepthIntervals.from_dict({**{name: value for name, value in GIVEN.to_dict().items()
                                     if name != 'drives'}, 'x': 1})
    with pytest.raises(ValueError, match='wrong types'):
        DepthIntervals.from_dict({**GIVEN.to_dict(), 'levels': 3})
