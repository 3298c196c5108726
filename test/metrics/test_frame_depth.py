# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
from bdl_perception.metrics.frame_depth import frame_depth_quality, FrameDepthMetricState
from bdl_perception.metrics.pixels import merge_states
from made_predictions import labelled_prediction, random_prediction
import numpy as np
import pytest

EXACT = .0025  # the width of a bin


def quality_of(*frames):
    state = FrameDepthMetricState()
    for frame in frames:
        state.update(frame)
    return frame_depth_quality(state.state())


def scaled(factor):
    truth = np.linspace(2, 50, 20)[None]
    return labelled_prediction(depth=truth * factor, truth=truth)


def test_the_numbers_worked_by_hand():
    found = quality_of(labelled_prediction(depth=[[11, 24, 60]], truth=[[10, 20, 30]]))
    assert found.frames == 1
    assert found.abs_rel_median == pytest.approx(1.3 / 3, rel=EXACT)
    assert found.scale_median == pytest.approx(1.2, rel=EXACT)


def test_one_bad_frame_does_not_move_the_median_but_is_the_worst():
    found = quality_of(*map(scaled, (1.02, .97, 1.05, 1.1, 9)))
    assert found.scale_median == pytest.approx(1.05, rel=EXACT)
    assert found.abs_rel_median == pytest.approx(.05, rel=EXACT)
    assert found.abs_rel_worst == pytest.approx(8, rel=EXACT)
    assert found.scale_right == pytest.approx(4 / 5)


def test_a_tenth_of_the_frames_is_beyond_each_limit():
    found = quality_of(*(scaled(.5 + .1 * step) for step in range(10)))
    assert found.scale_low == pytest.approx(.5, rel=EXACT)
    assert found.scale_high == pytest.approx(1.3, rel=EXACT)


def test_invalid_pixels_do_not_count():
    frame = labelled_prediction(depth=[[11, 1e30, np.inf, 5]], truth=[[10, np.nan, 20, 90]])
    assert quality_of(frame).abs_rel_median == pytest.approx(.1, rel=EXACT)


def test_a_frame_without_depth_is_no_frame():
    assert quality_of(labelled_prediction(depth=[[5]])) is None
    assert quality_of(labelled_prediction(depth=[[np.inf]], truth=[[5]])) is None
    assert quality_of(scaled(1), labelled_prediction(depth=[[np.inf]], truth=[[5]])).frames == 1


def test_the_medians_are_those_of_numpy_and_halves_merge():
    frames = [random_prediction(seed) for seed in range(7)]
    states = [FrameDepthMetricState(), FrameDepthMetricState()]
    errors = []
    for index, frame in enumerate(frames):
        states[index % 2].update(frame)
        valid = (frame.depth > 0) & (frame.depth <= 80) & np.isfinite(frame.prediction.depth)
        ratio = frame.prediction.depth[valid].astype(float) / frame.depth[valid]
        errors.append(np.abs(ratio - 1).mean())
    found = frame_depth_quality(merge_states(states[0].state(), states[1].state()))
    assert found == quality_of(*frames)
    assert found.abs_rel_median == pytest.approx(np.median(errors), rel=EXACT)
