# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""Harm of one frame, of a drive, and what the alarm does about it."""
from dataclasses import replace
from math import inf, isnan, nan
from typing import Any

from bdl_perception.drives.description import Segment
from bdl_perception.evaluation.alarm_replay import AlertStep
from bdl_perception.evaluation.drive_record import record_from_dict, record_to_dict
from bdl_perception.evaluation.harm import (
    corridor_errors,
    CorridorErrors,
    ROAD,
    wrong_since_s,
)
from bdl_perception.evaluation.harm_results import harm_results, HarmResults
from bdl_perception.evaluation.set_results import NotMeasured, to_plain
from bdl_perception.perception.data_types import CLASS_NAMES, IGNORE, SKY
from bdl_perception.report.harm import harm_section
from bdl_perception.report.markdown import to_json_values
import numpy as np
import pytest
from records import fake_record, night_record, nominal_record

CAR, BUILDING = CLASS_NAMES.index('car'), CLASS_NAMES.index('building')
SHAPE = 60, 100
LANE = np.s_[45:60, 40:60]  # (15, 20) in the corridor: 300 px
OBJECT = np.s_[50:55, 48:53]  # 25 px


class View:
    """A frame of road at 10 m that is predicted correctly, until it is changed."""

    def __init__(self) -> None:
        self.depth = np.full(SHAPE, 10., np.float32)
        self.classes = np.full(SHAPE, ROAD, np.uint8)
        self.found_depth, self.found = self.depth.copy(), self.classes.copy()

    @property
    def errors(self) -> CorridorErrors:
        errors = corridor_errors(self.labelled())
        assert errors is not None
        return errors

    def labelled(self, **changes: Any) -> Any:
        return Labelled({'depth': self.depth, 'classes': self.classes, **changes},
                        Maps(depth=self.found_depth, classes=self.found))


class Maps:

    def __init__(self, **maps: Any) -> None:
        self.__dict__.update(maps)


class Labelled(Maps):

    def __init__(self, truth: Any, prediction: Maps) -> None:
        super().__init__(**truth, prediction=prediction)


def test_a_right_frame_has_no_harm() -> None:
    errors = View().errors
    assert errors[:2] == (0., 1.) and isnan(errors.object_as_free_space) and errors.wrong == ()


@pytest.mark.parametrize(('factor', 'wrong'), [(1.25, ()), (1.26, ('depth',)), (.74, ('depth',))])
def test_depth_is_wrong_above_a_quarter(factor: float, wrong: tuple[str, ...]) -> None:
    view = View()
    view.found_depth *= factor
    assert view.errors.wrong == wrong
    assert view.errors.depth == pytest.approx(abs(factor - 1), abs=1e-6)


def test_depth_outside_the_corridor_and_without_truth_does_not_count() -> None:
    view = View()
    view.found_depth[:20] = 99.
    view.found_depth[LANE], view.depth[LANE] = nan, inf
    assert view.errors.wrong == ()


def test_missing_depth_is_wrong() -> None:
    view = View()
    view.found_depth[:] = inf
    assert view.errors.depth == inf


def test_road_is_wrong_below_an_iou_of_four_fifths() -> None:
    view = View()
    view.found[LANE] = BUILDING
    count = int((view.found != ROAD).sum())
    found = view.errors.road_iou
    assert 0 < found < 1 and view.errors.wrong == (('road',) if found < .8 else ())
    view.found[24:] = BUILDING
    assert view.errors.wrong == ('road',) and count == 300
    view.classes[:], view.found[:] = BUILDING, BUILDING
    assert isnan(view.errors.road_iou)


@pytest.mark.parametrize('found', [ROAD, SKY])
@pytest.mark.parametrize('truth', [CAR, IGNORE])
def test_an_object_that_is_taken_for_road_or_sky_is_wrong_within_braking_distance(
        truth: int, found: int) -> None:
    view = View()
    view.classes[OBJECT], view.found[OBJECT] = truth, found
    assert view.errors.wrong == ('object',) and view.errors.object_as_free_space == 1
    view.found[OBJECT] = CAR
    assert view.errors.object_as_free_space == 0
    view.found[OBJECT] = found
    view.depth[OBJECT] = view.found_depth[OBJECT] = 31.
    assert isnan(view.errors.object_as_free_space)


def test_the_worst_of_two_objects_counts_and_a_tiny_one_does_not() -> None:
    view = View()
    view.classes[OBJECT] = CAR
    view.found[OBJECT] = CAR
    view.classes[40:45, 48:51] = CAR  # 15 px, as road
    assert view.errors.object_as_free_space == 0
    view.classes[38:45, 47:52] = CAR  # 35 px
    assert view.errors.wrong == ('object',)


def test_a_frame_without_depth_or_classes_is_not_compared() -> None:
    assert corridor_errors(View().labelled(depth=None)) is None
    assert corridor_errors(View().labelled(classes=None)) is None


@pytest.mark.parametrize(('wrong', 'since_s'), [
    ('wwwww', 0.), ('wwww.', None), ('.wwwww', .25), ('ww.wwwww', .75), ('wwww', None),
    ('wwww?wwwww', 1.25), ('', None)])
def test_a_drive_is_harmful_after_a_second_without_a_right_frame(wrong: str,
                                                                 since_s: float | None) -> None:
    kinds = [{'w': ('depth',), '.': (), '?': None}[letter] for letter in wrong]
    assert wrong_since_s([index / 4 for index in range(len(wrong))], kinds) == since_s


def steps(errors: str) -> list[AlertStep]:
    return [AlertStep(0, letter == 'E', False, False, 0., None) for letter in errors]


def with_harm(record: Any, wrong: str) -> Any:
    return replace(record, wrong={index: ('depth',) if letter == 'w' else ()
                                  for index, letter in enumerate(wrong)})


def night(wrong: str, name: str = 'n') -> Any:
    return with_harm(night_record(name, [0.] * len(wrong)), wrong)


def measured(*replayed: Any) -> HarmResults:
    found = harm_results(replayed)
    assert isinstance(found, HarmResults)
    return found


@pytest.mark.parametrize(('errors', 'delay_s', 'in_time', 'missed'), [
    ('.....E' + '.' * 8, 1.25, 1, 0), ('EEE' + '.' * 11, 0., 1, 0), ('.' * 8 + 'EEEEEE', 2., 1, 0),
    ('.' * 9 + 'EEEEE', 2.25, 0, 0), ('.' * 14, inf, 0, 1)])
def test_the_delay_is_from_the_first_wrong_frame(errors: str, delay_s: float, in_time: int,
                                                 missed: int) -> None:
    found = measured((night('w' * 14), steps(errors)))
    assert found.drives[0].delay_s == delay_s
    assert found.conditions == {'night': (1, in_time, missed, 0, 0)}


def test_an_error_that_ended_before_the_harm_is_a_miss() -> None:
    found = measured((night('....wwwwww'), steps('EEE.......')))
    assert (found.drives[0].since_s, found.drives[0].delay_s) == (1., inf)


def test_harmless_drives_with_an_error_are_counted_by_condition() -> None:
    fog = with_harm(fake_record('f', 's', [0.] * 8, [Segment('sun', 0, 1, False),
                                                     Segment('dense_fog', 1, 2, True)]), '.' * 8)
    found = measured((night('.' * 8), steps('....E...')), (night('.' * 8), steps('.' * 8)),
                     (fog, steps('.' * 8)),
                     (with_harm(nominal_record('a', [0.] * 8), '.' * 8), steps('E.......')))
    assert found.conditions == {'night': (0, 0, 0, 2, 1), 'dense_fog': (0, 0, 0, 1, 0),
                                'nominal': (0, 0, 0, 1, 1)}
    assert found.total == (0, 0, 0, 4, 2) and found.compared_drives == 4


def test_drives_without_ground_truth_are_not_evaluated() -> None:
    assert isinstance(harm_results([(night_record('n', [0.] * 4), steps('....'))]), NotMeasured)


def test_what_is_wrong_survives_the_file_of_a_record() -> None:
    record = night('w.w')
    assert record_from_dict(record_to_dict(record)).wrong == {0: ('depth',), 1: (), 2: ('depth',)}


def test_the_report_lists_conditions_and_harmful_drives() -> None:
    found = measured((night('w' * 14), steps('.' * 14)), (night('.' * 14), steps('.' * 14)))
    section = harm_section({'alarm': {'harm': to_json_values(to_plain(found))}})
    _, table, drives = section.blocks
    assert table.rows == [['night', '1', '0', '1', '1', '0'], ['all', '1', '0', '1', '1', '0']]
    assert drives.rows == [['n', 'night', 'depth', '0.0', '-']]
    missing, = harm_section({'alarm': {'not_measured': 'no alarm'}}).blocks
    assert missing.reason == 'no alarm'
