# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
from dataclasses import dataclass
import math

from bdl_perception.parameter_spec import (
    parameter,
    parameter_of,
    parameter_specs,
    Parameters,
    ParameterSpec,
)
import pytest


@dataclass(frozen=True)
class Limits(Parameters):
    speed_m_s: float = parameter(2., 'maximum speed', 'm/s', 0, 100)
    mode: str = parameter('crop', 'fit mode', choices=('crop', 'stretch'))
    loop: bool = parameter(False, 'start again at the end')


@dataclass(frozen=True)
class Settings(Parameters):
    name: str = parameter('camera', 'name of the camera')
    speed_m_s: float = parameter_of(Limits, 'speed_m_s')


def test_a_declaration_has_all_properties_of_the_field():
    speed, mode, loop = parameter_specs(Limits)
    assert speed == ParameterSpec(
        'speed_m_s', float, 2., 'm/s', 0, 100, (), 'maximum speed')
    assert [spec.bounds for spec in (speed, mode, loop)] == ['0 to 100', "'crop' or 'stretch'", '']


def test_a_reused_declaration_is_the_same():
    assert parameter_specs(Settings)[1] == parameter_specs(Limits)[0]
    with pytest.raises(ValueError, match='speed_m_s is -1, must lie in 0 to 100 m/s'):
        Settings(speed_m_s=-1)


@pytest.mark.parametrize('change, message', [
    ({'speed_m_s': math.nan}, 'speed_m_s is nan, must lie in 0 to 100 m/s'),
    ({'speed_m_s': True}, 'speed_m_s is True, must be a float'),
    ({'mode': 'fill'}, "mode is 'fill', must be 'crop' or 'stretch'"),
    ({'loop': 1}, 'loop is 1, must be a bool')])
def test_an_invalid_value_is_rejected_with_the_allowed_ones(change, message):
    with pytest.raises(ValueError, match=message):
        Limits(**change)


def test_a_number_without_bounds_cannot_be_declared():
    with pytest.raises(TypeError, match='without bounds'):
        parameter(1.0, 'speed', low=0)
