# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
from dataclasses import replace
import json
from math import inf
from math import isnan
from math import nan

from bdl_perception.evaluation.drive_record import group_of
from bdl_perception.evaluation.drive_record import group_sums
from bdl_perception.evaluation.drive_record import Origin
from bdl_perception.evaluation.drive_record import record_from_dict
from bdl_perception.evaluation.drive_record import record_to_dict
from bdl_perception.evaluation.drive_record import Segment
import numpy as np
import pytest
from records import changing_record
from records import nominal_record


def test_a_record_survives_json_and_what_is_no_number_stays_none() -> None:
    record = replace(changing_record('x', [.1], [nan, inf], [.4]), sums={
        'test_changes: nominal': {'depth': {'pixels': np.array([3., 2.])}}})
    made = record_from_dict(json.loads(json.dumps(record_to_dict(record), allow_nan=False)))
    assert (made.origin, made.stamps_ns, made.groups) == (
        record.origin, record.stamps_ns, record.groups)
    assert [isnan(value) for value in made.scores['feature']] == [False, True, True, False]
    assert made.sums['test_changes: nominal']['depth']['pixels'].tolist() == [3, 2]


def test_a_drive_that_changes_has_a_group_for_each_condition_and_others_have_their_set() -> None:
    assert changing_record('x', [.1, .1], [.2], [.3]).groups == (
        'test_changes: nominal', 'test_changes: nominal', 'test_changes: dense_fog',
        'test_changes: nominal')
    assert nominal_record('y', [.1, .1]).groups == ('test', 'test')
    assert group_of(Origin('z', 'mine'), 3) == 'mine'


@pytest.mark.parametrize(('time_s', 'name'), [
    (0, 'nominal'), (.999, 'nominal'), (1 - 1e-10, 'night'), (1, 'night'), (7, 'night')])
def test_a_segment_begins_at_its_start_but_for_rounding(time_s: float, name: str) -> None:
    segments = (Segment('sun', 0, 1, False), Segment('night', 1, 2, True))
    assert group_of(Origin('x', 's', segments), time_s) == f's: {name}'


def test_scores_of_a_group_are_those_of_its_frames() -> None:
    found = changing_record('x', [.1], [.2, .3], [.4]).of_group('test_changes: nominal')
    assert found['energy'] == [.1, .4]


def test_sums_of_a_group_are_added_over_drives() -> None:
    records = [replace(nominal_record(name, [.1]), sums={'test': {'m': {'n': np.array([count])}}})
               for name, count in (('a', 2.), ('b', 3.))]
    assert group_sums(records, 'test')['m']['n'].tolist() == [5]
    assert group_sums(records, 'night') == {}
