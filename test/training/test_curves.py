# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
from bdl_perception.training.curves import columns_of
from bdl_perception.training.curves import draw_curves
from bdl_perception.training.curves import PANELS
from bdl_perception.training.curves import write_curves
import cv2
import numpy as np
import pytest

ROW = {'epoch': 1, 'loss': 3., 'regression': 2., 'classification': 1., 'learning_rate': .01,
       'log_variance_depth': .1, 'log_variance_classes': .2, 'validation_abs_rel': .4}


def _history(**changes):
    return [{**ROW, 'epoch': epoch, **{name: value * epoch for name, value in changes.items()}}
            for epoch in (1, 2, 3)]


def _picture(path, history):
    draw_curves(path, history)
    return cv2.imread(str(path))


def test_curves_may_gain_a_column_on_the_way(tmp_path):
    write_curves(tmp_path / 'c.csv', [{'epoch': 1}, {'epoch': 2, 'validation_abs_rel': .5}])
    assert (tmp_path / 'c.csv').read_text().split() == ['epoch,validation_abs_rel', '1,', '2,0.5']


@pytest.mark.parametrize(('name', 'row', 'column'), [
    ('loss', 0, 0), ('classification', 0, 0), ('validation_abs_rel', 0, 1),
    ('learning_rate', 1, 0), ('log_variance_depth', 1, 1), ('log_variance_classes', 1, 1)])
def test_each_curve_is_drawn_in_its_panel_and_nowhere_else(tmp_path, name, row, column):
    before, after = (_picture(tmp_path / 'c.png', history)
                     for history in (_history(), _history(**{name: 3.})))
    changed = (before != after).any(2)
    height, width = changed.shape[0] // 2, changed.shape[1] // 2
    counts = [[np.count_nonzero(changed[i * height:(i + 1) * height, j * width:(j + 1) * width])
               for j in (0, 1)] for i in (0, 1)]
    assert counts[row][column] > 100


def test_a_run_without_validation_or_with_a_gap_can_be_drawn(tmp_path):
    without = [{name: value for name, value in row.items() if not name.startswith('validation')}
               for row in _history()]
    assert _picture(tmp_path / 'c.png', without).size > 0
    assert _picture(tmp_path / 'c.png', [without[0], *_history()[1:]]).size > 0
    assert _picture(tmp_path / 'c.png', [{**ROW, 'validation_abs_rel': float('nan')}]).size > 0


def test_drawing_leaves_one_whole_file(tmp_path):
    draw_curves(tmp_path / 'c.png', _history())
    assert [path.name for path in tmp_path.iterdir()] == ['c.png']


def test_no_column_is_drawn_in_two_panels():
    drawn = [name for beginnings in PANELS.values() for name in columns_of([ROW], beginnings)]
    assert len(drawn) == len(set(drawn)) and {*ROW} - {*drawn} == {'epoch'}
