# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""The output table against the types that carry the outputs, and the checks of ModelSpec."""
from dataclasses import fields

from bdl_perception.perception.backend import (
    count_non_finite,
    PERCEIVE_OUTPUTS,
    RawPrediction,
    SAMPLE_OUTPUTS,
)
from bdl_perception.perception.data_types import Moments, Prediction
from fake_backend import fake_spec, FakeBackend
import numpy as np
import pytest


def test_the_tables_list_the_fields_that_carry_the_outputs() -> None:
    names = tuple(output.name for output in PERCEIVE_OUTPUTS)
    assert RawPrediction._fields == (*names, 'features')
    assert ['count', *(output.name for output in SAMPLE_OUTPUTS)] == [
        field.name for field in fields(Moments)]
    assert set(names) <= {field.name for field in fields(Prediction)}


def test_the_shapes_are_those_that_a_backend_returns() -> None:
    backend = FakeBackend()
    raw = backend.perceive(np.zeros((24, 40, 3), np.uint8))
    for output in PERCEIVE_OUTPUTS:
        found = getattr(raw, output.name)
        assert found.shape == tuple(backend.spec.sizes[axis] for axis in output.shape)
        assert found.dtype == output.dtype


def test_non_finite_numbers_are_counted_in_every_float_output() -> None:
    raw = FakeBackend().perceive(np.zeros((24, 40, 3), np.uint8))
    floats = [output.name for output in PERCEIVE_OUTPUTS if output.dtype == 'float32']
    assert count_non_finite(raw, PERCEIVE_OUTPUTS) == 0
    for name in floats:
        wrong = getattr(raw, name).copy()
        wrong.flat[0] = np.nan
        assert count_non_finite(raw._replace(**{name: wrong}), PERCEIVE_OUTPUTS) == 1
    assert len(floats) == len(PERCEIVE_OUTPUTS) - 1


@pytest.mark.parametrize('change', [
    {'height': 0}, {'max_depth_m': -1.}, {'dropout_probability': 1.}, {'dropout_channels': ()},
    {'dropout_probability': (.2, 1.)}, {'dropout_probability': (.2,)}, {'format': 9}])
def test_an_impossible_spec_is_an_error_that_names_the_value(change: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=next(iter(change)).split('_')[0]):
        fake_spec(**change)
