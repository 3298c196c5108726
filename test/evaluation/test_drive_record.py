# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
from dataclasses import replace
import json
from math import inf, isnan, nan

from bdl_perception.drives.description import Segment
from bdl_perception.evaluation.drive_record import (
    frame_group,
    merge_group_states,
    Origin,
    record_from_dict,
    record_to_dict,
)
import numpy as np
import pytest
from records import changing_record, nominal_record


def test_a_record_survives_json_with_null_for_nan() -> None:
    record = replace(changing_record('x', [.1], [nan, inf], [.4]), metric_states={
        'test_changes: nominal': {'depth': {'pixels': np.array([3., 2.])}}},
        faults={2: ('blank', 'frozen')})
    made = record_from_dict(json.loads(json.dumps(record_to_dict(record), allow_nan=False)))
    assert (made.origin, made.stamps_ns, made.groups) == (
        record.origin, record.stamps_ns, record.groups)
    assert [isnan(value) for value in made.scores['feature']] == [False, True, True, False]
    assert made.faults == record.faults
    assert made.metric_states['test_changes: nominal']['depth']['pixels'].tolist() == [3, 2]


def test_a_changing_drive_has_a_group_for_each_condition() -> None:
    assert changing_record('x', [.1, .1], [.2], [.3]).groups == (
        'test_changes: nominal', 'test_changes: nominal', 'test_changes: dense_fog',
        'test_changes: nominal')
    assert nominal_record('y', [.1, .1]).groups == ('test', 'test')
    assert frame_group(Origin('z', 'mine'), 3) == 'mine'


@pytest.mark.parametrize(('time_s', 'name'), [
    (0, 'nominal'), (.999, 'nominal'), (1 - 1e-10, 'night'), (1, 'night'), (7, 'night')])
def test_a_segment_begins_at_its_start_within_rounding(time_s: float, name: str) -> None:
    segments = (Segment('sun', 0, 1, False), Segment('night', 1, 2, True))
    assert frame_group(Origin('x', 's', segments), time_s) == f's: {name}'


PARTS = (Segment('sun', 0, 1, False), Segment('fog', 1, 3, True, 1.5),
         Segment('night', 3, 4, True, .5), Segment('dusk', 4, 5, False, .75),
         Segment('sun', 5, 6, False, .5))


@pytest.mark.parametrize('eighth', range(50))
def test_a_frame_within_a_fade_is_neither_nominal_nor_ood(eighth: int) -> None:
    before, name = None, 's: nominal'
    for part in PARTS:  # the slow definition: part by part, eighth by eighth
        if eighth < 8 * part.start_s:
            break
        half = before is not None and before.held_out != part.held_out
        within = any(eighth == 8 * part.start_s + n for n in range(round(8 * part.fade_s)))
        plain = part.name if part.held_out else 'nominal'
        name = f's: {"fading" if half and within else plain}'
        before = part
    assert frame_group(Origin('x', 's', PARTS), eighth / 8) == name


@pytest.mark.parametrize('rate_hz', [10., 29.97, 30.])
def test_a_fade_ends_at_the_first_frame_of_full_strength(
        rate_hz: float) -> None:
    parts = (Segment('sun', 0, 20 / rate_hz, False),
             Segment('fog', 20 / rate_hz, 99, True, 30 / rate_hz))
    seconds = [round(1e9 * frame / rate_hz) / 1e9 for frame in range(60)]
    names = [frame_group(Origin('x', 's', parts), time_s) for time_s in seconds]
    assert names == ['s: nominal'] * 20 + ['s: fading'] * 30 + ['s: fog'] * 10


def test_a_record_without_fades_has_fades_of_zero() -> None:
    values = record_to_dict(changing_record('x', [.1], [.2]))
    for part in values['origin']['segments']:
        del part['fade_s']
    assert [part.fade_s for part in record_from_dict(values).origin.segments] == [0, 0]


def test_group_scores_are_those_of_its_frames() -> None:
    found = changing_record('x', [.1], [.2, .3], [.4]).group_scores('test_changes: nominal')
    assert found['energy'] == [.1, .4]


def test_states_of_a_group_are_merged_over_drives() -> None:
    records = [replace(nominal_record(name, [.1]),
                       metric_states={'test': {'m': {'n': np.array([count])}}})
               for name, count in (('a', 2.), ('b', 3.))]
    assert merge_group_states(records, 'test')['m']['n'].tolist() == [5]
    assert merge_group_states(records, 'night') == {}
