# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""Measuring looks at every picture once and compares it with its own truth."""
from bdl_perception.alarm.scores import SCORE_NAMES
from bdl_perception.evaluation.measure import Averaging
from bdl_perception.evaluation.measure import Meter
from bdl_perception.evaluation.measure import view_scores
from bdl_perception.evaluation.view import Labelled
from bdl_perception.evaluation.view import look
from bdl_perception.perception.perceiver import Perceiver
from bdl_perception.perception.values import CameraFrame
from fake_backend import FakeBackend
import numpy as np
import pytest


def picture(seed: int) -> CameraFrame:
    rgb = np.random.default_rng(seed).integers(0, 256, (48, 80, 3), np.uint8)
    return CameraFrame(rgb, seed, 'camera')


def test_the_scores_are_those_of_the_alarm() -> None:
    found = Meter(FakeBackend(), 8, 0).measure(Labelled('a', picture(i)) for i in range(3))
    assert found.frames == 3 and found.depth is found.classes is found.averaged is None
    alone = view_scores(look(Perceiver(FakeBackend(), 8, 0), Labelled('a', picture(2))))
    assert {name: values[2] for name, values in found.scores.items()} == {
        name: alone[name] for name in SCORE_NAMES}
    assert set(alone) == {*SCORE_NAMES, 'brightness'}


def test_a_stretched_picture_is_judged_at_its_own_size() -> None:
    prediction = Perceiver(FakeBackend(), 8, 0, 'stretch').perceive(picture(0))
    seen = prediction.classes.repeat(2, 0).repeat(2, 1)  # (48, 80)
    truth = seen.copy()
    truth[1::2, 1::2] = 7  # a quarter of the pixels; at the network's size all or none
    found = Meter(FakeBackend(), 8, 0).measure([Labelled('a', picture(0), classes=truth)],
                                               'stretch')
    hits, union = (truth == 3) & (seen == 3), (truth == 3) | (seen == 3)
    assert found.classes is not None
    assert found.classes.iou['road'] == pytest.approx(hits.sum() / union.sum())
    assert found.classes.iou['road'] == pytest.approx(.75)


def test_the_moments_of_all_samples_are_kept_until_the_next_picture() -> None:
    backend = Averaging(FakeBackend())
    look(Perceiver(backend, 8, 0), Labelled('a', picture(0)))
    assert backend.moments is not None and backend.moments.count == 8
    backend.perceive(np.zeros((backend.spec.height, backend.spec.width, 3), np.uint8))
    assert backend.moments is None


def test_no_picture_is_an_error() -> None:
    with pytest.raises(ValueError, match='no picture to measure on'):
        Meter(FakeBackend(), 8, 0).measure([])


def test_times_are_of_whole_calls() -> None:
    backend = FakeBackend()
    found = Meter(backend, 8, 0).time(picture(0), repetitions=5)
    assert found.perceive > 0 and found.samples > 0
    assert backend.perceived == 5
