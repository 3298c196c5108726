# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""Goals, and numbers as text."""
import math

from bdl_perception.bench.row import format_number, Row
from bdl_perception.bench.timing import Quartiles
import pytest


@pytest.mark.parametrize(('value', 'at_least', 'met'), [
    (5.0, False, True), (5.01, False, False), (5.0, True, True), (4.99, True, False)])
def test_a_goal_is_met_when_it_is_just_reached(value, at_least, met):
    assert Row('x', value, 'ms', 5.0, at_least).met is met


def test_nan_meets_no_goal_and_a_row_may_have_no_goal():
    assert Row('x', math.nan, 'ms', 5.0).met is False
    assert Row('x', math.nan, 'ms', 5.0, at_least=True).met is False
    assert Row('x', 1.0).met is None and Row('x', 1.0).goal_text == 'none'


def test_zero_is_a_goal():
    assert Row('lost', 0, '', 0).met is True and Row('lost', 1, '', 0).met is False


@pytest.mark.parametrize(('value', 'text'), [
    (0, '0'), (1.2345, '1.23'), (12.345, '12.3'), (123.45, '123'), (1234.5, '1234'),
    (0.03333, '0.0333'), (100, '100'), (2.0, '2'), (-0.5, '-0.5'), (math.nan, 'not measured'),
    (math.inf, 'not measured')])
def test_a_number_has_three_significant_digits(value, text):
    assert format_number(value) == text


def test_the_text_has_value_quartiles_and_note():
    row = Row('x', 2.0, 'ms', 3.0, quartiles=Quartiles(2.0, 1.5, 2.5), note='of 9')
    assert row.value_text == '2 ms (1.5 to 2.5); of 9'
    assert row.goal_text == '<= 3 ms'


def test_nan_becomes_null_in_json():
    assert Row('x', math.nan, goal=1.0).as_dict()['value'] is None
