# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
from math import inf, nan

from bdl_perception.report.markdown import (
    calibration_notes,
    false_error_note,
    format_number,
    missed_drive_notes,
    to_json_values,
)
import pytest


def test_what_is_no_number_is_null_in_json() -> None:
    assert to_json_values({'a': nan, 'b': {'c': inf, 'd': 1.5}, 'e': 'text', 'f': [1., (nan, 2)]}) == {
        'a': None, 'b': {'c': None, 'd': 1.5}, 'e': 'text', 'f': [1., [None, 2]]}


def test_drives_with_a_false_error_and_missed_ones_are_named() -> None:
    assert false_error_note({'drives': 3, 'drives_with_error': ['a', 'b']}) == (
        '2 of 3 nominal drives raise an ERROR: a, b.')
    assert false_error_note({'drives': 3, 'drives_with_error': []}) == (
        '0 of 3 nominal drives raise an ERROR.')
    found = {'night': [('c', 1., 1.), ('d', None, 1.), ('f', None, .064)], 'fog': [('e', .5, .3)]}
    assert missed_drive_notes({name: {'found': [{'drive': drive, 'delay_s': delay, 'there': there}
                                         for drive, delay, there in drives]}
                        for name, drives in found.items()}) == [
        'Missed of night: d, f (cut short with 6% of it there).']


def test_how_soon_the_alarm_can_speak_is_told_with_what_its_calibration_warns_of() -> None:
    known = {'soonest_s': .5, 'soonest_slow_s': 22., 'warnings': ['few drives']}
    soonest, warning = calibration_notes(known)
    assert 'fast evidence takes .500 s and slow evidence takes 22.000 s' in soonest
    assert warning == 'The calibration warns: few drives.'
    only, = calibration_notes({'soonest_s': .5, 'soonest_slow_s': None, 'warnings': []})
    assert 'slow' not in only


@pytest.mark.parametrize(('value', 'text'), [
    (None, '-'), (.5, '.500'), (1., '1.000'), (10.25, '10.250'), (-10.5, '-10.500'),
    (-.25, '-.250'), (0., '.000')])
def test_numbers_have_three_digits(value: float | None, text: str) -> None:
    assert format_number(value) == text
