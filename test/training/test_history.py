# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
from bdl_perception.training.history import (
    PANELS,
    plot_curves,
    select_columns,
    TensorBoardLog,
    write_curves,
)
import cv2
import numpy as np
import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.summary.writer import event_file_writer

ROW = {'epoch': 1, 'loss': 3., 'regression': 2., 'classification': 1., 'learning_rate': .01,
       'log_variance_depth': .1, 'log_variance_classes': .2, 'validation_abs_rel': .4}


def _history(**changes):
    return [{**ROW, 'epoch': epoch, **{name: value * epoch for name, value in changes.items()}}
            for epoch in (1, 2, 3)]


def _plot(path, history):
    plot_curves(path, history)
    return cv2.imread(str(path))


def test_later_epochs_may_add_a_column(tmp_path):
    write_curves(tmp_path / 'c.csv', [{'epoch': 1}, {'epoch': 2, 'validation_abs_rel': .5}])
    assert (tmp_path / 'c.csv').read_text().split() == ['epoch,validation_abs_rel', '1,', '2,0.5']


@pytest.mark.parametrize(('name', 'row', 'column'), [
    ('loss', 0, 0), ('classification', 0, 0), ('validation_abs_rel', 0, 1),
    ('learning_rate', 1, 0), ('log_variance_depth', 1, 1), ('log_variance_classes', 1, 1)])
def test_each_curve_is_drawn_in_its_panel_only(tmp_path, name, row, column):
    before, after = (_plot(tmp_path / 'c.png', history)
                     for history in (_history(), _history(**{name: 3.})))
    changed = (before != after).any(2)
    height, width = changed.shape[0] // 2, changed.shape[1] // 2
    counts = [[np.count_nonzero(changed[i * height:(i + 1) * height, j * width:(j + 1) * width])
               for j in (0, 1)] for i in (0, 1)]
    assert counts[row][column] > 100


def test_missing_validation_values_can_be_plotted(tmp_path):
    without = [{name: value for name, value in row.items() if not name.startswith('validation')}
               for row in _history()]
    assert _plot(tmp_path / 'c.png', without).size > 0
    assert _plot(tmp_path / 'c.png', [without[0], *_history()[1:]]).size > 0
    assert _plot(tmp_path / 'c.png', [{**ROW, 'validation_abs_rel': float('nan')}]).size > 0


def test_plotting_leaves_one_file(tmp_path):
    plot_curves(tmp_path / 'c.png', _history())
    assert [path.name for path in tmp_path.iterdir()] == ['c.png']


def test_no_column_is_drawn_in_two_panels():
    drawn = [name for prefixes in PANELS.values() for name in select_columns([ROW], prefixes)]
    assert len(drawn) == len(set(drawn)) and {*ROW} - {*drawn} == {'epoch'}


def _rows(last, loss=1.):
    return [{'epoch': epoch, 'loss': loss / epoch, 'validation_abs_rel': .5 * loss}
            for epoch in range(1, last + 1)]


def _write(folder, known, new):
    with TensorBoardLog(folder, known) as log:
        for row in new:
            log.write(row)


def _read(folder, tag):
    return [(event.step, event.value)
            for event in EventAccumulator(str(folder)).Reload().Scalars(tag)]


def test_tensorboard_reads_the_written_values(tmp_path):
    _write(tmp_path, [], _rows(3))
    assert _read(tmp_path, 'train/loss') == [
        (1, 1.), (2, .5), (3, pytest.approx(1 / 3))]
    assert _read(tmp_path, 'validation/abs_rel') == [(1, .5), (2, .5), (3, .5)]


def test_epochs_after_the_checkpoint_are_replaced(tmp_path):
    _write(tmp_path, [], _rows(3))
    _write(tmp_path, _rows(1), _rows(3, loss=8.)[1:])
    assert _read(tmp_path, 'train/loss') == [(1, 1.), (2, 4.), (3, pytest.approx(8 / 3))]


def test_a_resume_writes_the_events_that_a_kill_has_lost(tmp_path):
    _write(tmp_path, [], _rows(1))
    _write(tmp_path, _rows(2), [])
    assert [step for step, _ in _read(tmp_path, 'train/loss')] == [1, 2]


def test_a_new_run_in_an_old_folder_hides_the_old_one(tmp_path):
    _write(tmp_path, [], _rows(3))
    _write(tmp_path, [], _rows(1, loss=2.))
    assert _read(tmp_path, 'train/loss') == [(1, 2.)]


@pytest.mark.parametrize('earlier', range(8, 12))
def test_a_new_run_in_the_same_second_hides_the_old_one(
        earlier, monkeypatch, tmp_path):
    monkeypatch.setattr(event_file_writer, '_global_uid',
                        event_file_writer.AtomicCounter(earlier))
    _write(tmp_path, [], _rows(3))
    _write(tmp_path, [], _rows(1, loss=2.))
    assert _read(tmp_path, 'train/loss') == [(1, 2.)]


def test_an_epoch_is_on_disk_before_the_log_is_closed(tmp_path):
    with TensorBoardLog(tmp_path, []) as log:
        log.write(_rows(1)[0])
        assert _read(tmp_path, 'train/loss') == [(1, 1.)]
