# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
from bdl_perception.metrics.coarse_classes import (
    COARSE_NAME_OF,
    COARSE_NAMES,
    coarse_quality,
    CoarseMetricState,
)
from bdl_perception.metrics.pixels import merge_states
from bdl_perception.perception.data_types import CLASS_NAMES, IGNORE
from made_predictions import labelled_prediction
import numpy as np
import pytest


def state_of(classes, coarse):
    state = CoarseMetricState()
    state.update(labelled_prediction(classes=classes)._replace(
        coarse=np.asarray(coarse, np.uint8)))
    return state.state()


def test_every_class_belongs_to_one_coarse_class():
    assert set(COARSE_NAME_OF) == set(CLASS_NAMES)
    assert set(COARSE_NAME_OF.values()) == set(COARSE_NAMES)


def test_the_iou_is_that_of_a_plain_loop():
    draw = np.random.default_rng(0)
    classes = draw.integers(0, len(CLASS_NAMES), (9, 11))
    coarse = draw.choice([0, 1, 2, 3, 4, 5, 6, IGNORE], (9, 11))
    found = coarse_quality(state_of(classes, coarse))
    ious = []
    for name in COARSE_NAMES:
        both = either = 0
        for predicted, true in zip(classes.ravel(), coarse.ravel(), strict=True):
            if true == IGNORE:
                continue
            pair = (COARSE_NAME_OF[CLASS_NAMES[predicted]] == name, COARSE_NAMES[true] == name)
            both, either = both + all(pair), either + any(pair)
        ious.append(both / either)
        assert found.iou[name] == pytest.approx(both / either)
    assert found.mean_iou == pytest.approx(np.mean(ious))


def test_people_and_bicyclists_are_living_things():
    people = [CLASS_NAMES.index(name) for name in ('pedestrian', 'bicyclist')]
    found = coarse_quality(state_of([people], [[2, 2]]))
    assert found.iou['living_things'] == found.pixel_accuracy == 1
    assert np.isnan(found.iou['sky'])


def test_void_pixels_and_frames_without_labels_do_not_count():
    assert coarse_quality(state_of([[0, 1]], [[IGNORE, IGNORE]])) is None
    state = CoarseMetricState()
    state.update(labelled_prediction(classes=np.zeros((2, 2))))
    assert coarse_quality(state.state()) is None


def test_labels_may_be_larger_than_the_prediction_and_states_merge():
    first = state_of([[0, 1]], [[6, 6, 5, 5], [6, 6, 5, 5]])
    assert coarse_quality(first).mean_iou == 1
    both = merge_states(first, state_of([[0]], [[5]]))
    assert coarse_quality(both).iou['sky'] == pytest.approx(4 / 5)
