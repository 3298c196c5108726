# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
from math import inf
from math import nan

from bdl_perception.evaluation.tables import number
from bdl_perception.evaluation.tables import plain
import pytest


def test_what_is_no_number_is_null_in_json() -> None:
    assert plain({'a': nan, 'b': {'c': inf, 'd': 1.5}, 'e': 'text', 'f': [1., (nan, 2)]}) == {
        'a': None, 'b': {'c': None, 'd': 1.5}, 'e': 'text', 'f': [1., [None, 2]]}


@pytest.mark.parametrize(('value', 'text'), [
    (None, '-'), (.5, '.500'), (1., '1.000'), (10.25, '10.250'), (-10.5, '-10.500'),
    (-.25, '-.250'), (0., '.000')])
def test_numbers_have_three_digits(value: float | None, text: str) -> None:
    assert number(value) == text
