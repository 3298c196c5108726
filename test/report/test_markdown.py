# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""Notes and numbers of the Markdown tables."""
from math import inf, nan

from bdl_perception.report.markdown import (
    calibration_notes,
    events_cell,
    false_error_note,
    format_number,
    missed_cell,
    missed_drive_notes,
    pause_notes,
    to_json_values,
)
import pytest


def test_nan_and_infinity_are_null_in_json() -> None:
    values = {'a': nan, 'b': {'c': inf, 'd': 1.5}, 'e': 'text', 'f': [1., (nan, 2)]}
    assert to_json_values(values) == {
        'a': None, 'b': {'c': None, 'd': 1.5}, 'e': 'text', 'f': [1., [None, 2]]}


def test_drives_with_a_false_error_and_missed_drives_are_listed() -> None:
    assert false_error_note({'drives': 3, 'drives_with_error': ['a', 'b']}) == (
        '2 of 3 nominal drives raise an ERROR: a, b.')
    assert false_error_note({'drives': 3, 'drives_with_error': []}) == (
        '0 of 3 nominal drives raise an ERROR.')
    found = {'night': [('c', 1., 1.), ('d', None, 1.), ('f', None, .064)], 'fog': [('e', .5, .3)]}
    conditions = {name: {'detections': [
        {'drive': drive, 'delay_s': delay, 'final_strength': strength}
        for drive, delay, strength in drives]} for name, drives in found.items()}
    assert missed_drive_notes(conditions) == [
        'Missed of night: d, f (cut short at a strength of 6%).']


def test_cells_count_drives() -> None:
    assert missed_cell({'missed': 2, 'cut_short': 1}) == '2 (1 cut short)'
    assert missed_cell({'missed': 2, 'cut_short': 0}) == '2'
    rate = {'events': 1, 'in_drives': 1}
    assert events_cell({'separate': rate, 'drives': 2}, 'separate') == '1 in 1 of 2 drives'


def test_a_note_gives_the_hours_of_pauses() -> None:
    note, = pause_notes({'paused_hours': 944444.})
    assert note.endswith('(9.44e+05 h).')
    assert pause_notes({'paused_hours': 0.}) == []


def test_notes_have_the_minimum_detection_delays_and_warnings() -> None:
    known = {'min_delay_s': .5, 'min_slow_delay_s': 22., 'warnings': ['few drives']}
    delays, warning = calibration_notes(known)
    assert 'fast evidence takes .500 s and slow evidence takes 22.000 s' in delays
    assert warning == 'Warning of the calibration: few drives.'
    only, = calibration_notes({'min_delay_s': .5, 'min_slow_delay_s': None, 'warnings': []})
    assert 'slow' not in only


@pytest.mark.parametrize(('value', 'text'), [
    (None, '-'), (.5, '.500'), (1., '1.000'), (10.25, '10.250'), (-10.5, '-10.500'),
    (-.25, '-.250'), (0., '.000')])
def test_numbers_have_three_decimals(value: float | None, text: str) -> None:
    assert format_number(value) == text
