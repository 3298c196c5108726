# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
from bdl_perception.training.tensorboard_log import TensorBoardLog
import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.summary.writer import event_file_writer


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


def test_what_was_written_is_what_tensorboard_reads(tmp_path):
    _write(tmp_path, [], _rows(3))
    assert _read(tmp_path, 'train/loss') == [
        (1, 1.), (2, .5), (3, pytest.approx(1 / 3))]
    assert _read(tmp_path, 'validation/abs_rel') == [(1, .5), (2, .5), (3, .5)]


def test_epochs_after_the_checkpoint_are_replaced_and_not_shown_twice(tmp_path):
    _write(tmp_path, [], _rows(3))
    _write(tmp_path, _rows(1), _rows(3, loss=8.)[1:])
    assert _read(tmp_path, 'train/loss') == [(1, 1.), (2, 4.), (3, pytest.approx(8 / 3))]


def test_an_epoch_whose_events_a_kill_has_lost_is_written_on_resume(tmp_path):
    _write(tmp_path, [], _rows(1))
    _write(tmp_path, _rows(2), [])
    assert [step for step, _ in _read(tmp_path, 'train/loss')] == [1, 2]


def test_a_new_run_in_an_old_folder_hides_the_old_one(tmp_path):
    _write(tmp_path, [], _rows(3))
    _write(tmp_path, [], _rows(1, loss=2.))
    assert _read(tmp_path, 'train/loss') == [(1, 2.)]


@pytest.mark.parametrize('earlier', range(8, 12))
def test_a_run_of_the_same_second_hides_the_old_one_whatever_the_writers_number(
        earlier, monkeypatch, tmp_path):
    monkeypatch.setattr(event_file_writer, '_global_uid',
                        event_file_writer.AtomicCounter(earlier))
    _write(tmp_path, [], _rows(3))
    _write(tmp_path, [], _rows(1, loss=2.))
    assert _read(tmp_path, 'train/loss') == [(1, 2.)]


def test_an_epoch_is_on_the_disk_before_the_log_is_closed(tmp_path):
    with TensorBoardLog(tmp_path, []) as log:
        log.write(_rows(1)[0])
        assert _read(tmp_path, 'train/loss') == [(1, 1.)]
