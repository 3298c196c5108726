# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""score_drive chooses the frames and computes the scores as the nodes do."""
from dataclasses import replace
from typing import Iterator

from bdl_perception.evaluation import inference as module
from bdl_perception.evaluation.inference import check_camera_health, score_drive
from bdl_perception.perception.data_types import CameraFrame, Epistemic
from bdl_perception.perception.perceiver import Perceiver
from bdl_perception.perception.scores import (
    cycle_scores,
    frame_scores,
    IMAGE_VALUES,
    SCORE_NAMES,
)
from fake_backend import FakeBackend
import numpy as np
import pytest


def frames(count: int, rate_hz: float) -> Iterator[CameraFrame]:
    for index in range(count):
        rgb = np.random.default_rng(index).integers(0, 256, (24, 40, 3), np.uint8)
        yield CameraFrame(rgb, round(index * 1e9 / rate_hz), 'camera')


@pytest.mark.parametrize(('rate_hz', 'chosen'), [
    (10, [0, 2, 5, 7, 10]), (4, [0, 1, 2, 3, 4]), (25, [0, 5, 11, 18, 24]), (2, [0, 1, 2, 3, 4])])
def test_scored_frames_are_about_a_step_apart(rate_hz: float, chosen: list[int]) -> None:
    backend = FakeBackend()
    found = list(score_drive(Perceiver(backend, 8, 0), frames(chosen[-1] + 1, rate_hz), .25))
    assert [one.stamp_ns for one in found] == [round(k * 1e9 / rate_hz) for k in chosen]
    assert backend.perceive_calls == len(found)  # no other frame is evaluated
    assert backend.sample_calls == 4 * len(found)


def test_the_scores_are_those_of_the_perceiver() -> None:
    found = next(score_drive(Perceiver(FakeBackend(), 8, 0), frames(1, 10), .25))
    perceiver = Perceiver(FakeBackend(), 8, 0)
    prediction = perceiver.perceive(next(frames(1, 10)))
    results = [perceiver.sample() for _ in range(4)]
    assert isinstance(results[-1], Epistemic)
    assert found.values == {**frame_scores(prediction).values,
                            **cycle_scores(results[-1], 1).values}
    assert set(found.values) == {*SCORE_NAMES, *IMAGE_VALUES}


def test_decreasing_stamps_raise() -> None:
    first, second = frames(2, 10)
    with pytest.raises(ValueError, match='must increase'):
        list(score_drive(Perceiver(FakeBackend(), 8, 0), [first, second, second], .25))


def test_a_frame_with_a_camera_fault_raises() -> None:
    good = list(frames(6, 10))
    assert list(check_camera_health(good)) == good
    blank = replace(good[1], rgb=np.zeros((24, 40, 3), np.uint8))
    with pytest.raises(ValueError, match='frame 1: the frame is blank.*leave the drive out'):
        list(check_camera_health([good[0], blank]))
    with pytest.raises(ValueError, match='frame 4: the last 5 frames are identical'):
        list(check_camera_health(good[:1] * 6))


def test_a_perceiver_that_holds_another_frame_raises() -> None:
    perceiver = Perceiver(FakeBackend(), 8, 0)
    first, second = frames(2, 10)
    perceiver.perceive(first)
    with pytest.raises(RuntimeError, match='another frame'):
        list(score_drive(perceiver, [second], .25))


def test_an_endless_cycle_raises(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, 'MAX_CHUNKS', 3)
    with pytest.raises(RuntimeError, match='after 3 chunks'):
        list(score_drive(Perceiver(FakeBackend(), 8, 0), frames(1, 10), .25))
