# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""An evaluator runs every frame once and compares it with its own ground truth."""
from bdl_perception.datasets.base import LabelledFrame
from bdl_perception.drives.description import Segment
from bdl_perception.evaluation.drive_record import Origin
from bdl_perception.evaluation.evaluator import Evaluator, prediction_scores
from bdl_perception.evaluation.inference import predict
from bdl_perception.metrics.depth_intervals import DepthIntervals, EDGES_M, LEVELS
from bdl_perception.metrics.registry import compute_metrics, MetricResults
from bdl_perception.perception.data_types import CameraFrame
from bdl_perception.perception.perceiver import Perceiver
from bdl_perception.perception.scores import IMAGE_VALUES, SCORE_NAMES
from bdl_perception.perception.status import build_identity
from fake_backend import FakeBackend
import numpy as np
import pytest


def camera_frame(seed: int) -> CameraFrame:
    rgb = np.random.default_rng(seed).integers(0, 256, (48, 80, 3), np.uint8)
    return CameraFrame(rgb, seed, 'camera')


def small_frame(stamp_ns: int) -> CameraFrame:
    """Make a frame of the network's input size."""
    return CameraFrame(camera_frame(0).rgb[::2, ::2], stamp_ns, 'camera')


def test_the_scores_are_those_of_the_alarm() -> None:
    found = Evaluator(FakeBackend(), 8, 0).evaluate_drive(
        Origin('x', 'mine'), (LabelledFrame('a', camera_frame(i)) for i in range(3)))
    assert found.stamps_ns == (0, 1, 2) and found.groups == ('mine',) * 3
    assert compute_metrics(found.metric_states['mine']) == MetricResults()
    alone = prediction_scores(predict(Perceiver(FakeBackend(), 8, 0),
                                      LabelledFrame('a', camera_frame(2))))
    assert found.values(2) == alone
    assert set(alone) == {*SCORE_NAMES, *IMAGE_VALUES}


def test_a_frame_of_sky_leaves_the_scores_of_other_frames() -> None:
    sky = CameraFrame(np.full((48, 80, 3), (0, 0, 255), np.uint8), 1, 'camera')
    found = Evaluator(FakeBackend(), 8, 0).evaluate_drive(
        Origin('x', 'mine'),
        [LabelledFrame('a', one) for one in (camera_frame(0), sky, camera_frame(2))])
    assert set(found.scores) == {*SCORE_NAMES, *IMAGE_VALUES}
    finite = np.isfinite(found.scores['epistemic_depth_corridor'])
    assert finite.tolist() == [True, False, True]
    assert np.isfinite(found.scores['mutual_information_corridor']).all()


def test_camera_faults_are_recorded_with_their_frames() -> None:
    blank = CameraFrame(np.zeros((48, 80, 3), np.uint8), 1, 'camera')
    frozen = [CameraFrame(camera_frame(0).rgb, stamp, 'camera') for stamp in range(2, 8)]
    found = Evaluator(FakeBackend(), 8, 0).evaluate_drive(
        Origin('x', 'mine'),
        [LabelledFrame('a', one) for one in (camera_frame(0), blank, *frozen)])
    assert {index: one[0][:30] for index, one in found.faults.items()} == {
        1: 'the frame is blank: is the len', 6: 'the last 5 frames are identica',
        7: 'the last 6 frames are identica'}


def test_a_frame_counts_only_in_the_group_of_its_time() -> None:
    origin = Origin('x', 's', (Segment('sun', 0, 1, False), Segment('night', 1, 2, True)))
    truth = np.full((24, 40), 5., np.float32)
    frames = [LabelledFrame('a', small_frame(stamp), truth)
              for stamp in (7_000_000_000, 7_500_000_000, 8_000_000_000)]
    found = Evaluator(FakeBackend(), 8, 0).evaluate_drive(origin, frames)
    assert found.groups == ('s: nominal', 's: nominal', 's: night')
    pixels = {group: sums['depth']['pixels'][0] for group, sums in found.metric_states.items()}
    assert pixels == {'s: nominal': 2 * 24 * 40, 's: night': 24 * 40}


def test_stretched_frames_are_compared_at_their_own_size() -> None:
    prediction = Perceiver(FakeBackend(), 8, 0, 'stretch').perceive(camera_frame(0))
    enlarged = prediction.classes.repeat(2, 0).repeat(2, 1)  # (48, 80)
    truth = enlarged.copy()
    truth[1::2, 1::2] = 7  # a quarter of the pixels; at the network's size all or none
    found = Evaluator(FakeBackend(), 8, 0).evaluate_drive(
        Origin('x', 'mine'), [LabelledFrame('a', camera_frame(0), classes=truth)], 'stretch')
    hits, union = (truth == 3) & (enlarged == 3), (truth == 3) | (enlarged == 3)
    iou = compute_metrics(found.metric_states['mine']).classes.iou
    assert iou['road'] == pytest.approx(hits.sum() / union.sum())
    assert iou['road'] == pytest.approx(.75)


def test_a_stretching_evaluator_scores_stretched_frames() -> None:
    wide = CameraFrame(np.ascontiguousarray(camera_frame(0).rgb[:24]), 0, 'camera')
    found = Evaluator(FakeBackend(), 8, 0, fit_mode='stretch').evaluate_drive(
        Origin('x', 'mine'), [LabelledFrame('a', wide)])
    for mode in ('stretch', 'crop'):
        alone = prediction_scores(predict(Perceiver(FakeBackend(), 8, 0, mode),
                                          LabelledFrame('a', wide)))
        assert (found.values(0) == alone) == (mode == 'stretch')


def test_a_drive_without_frames_raises() -> None:
    with pytest.raises(ValueError, match='x: there is no frame to evaluate'):
        Evaluator(FakeBackend(), 8, 0).evaluate_drive(Origin('x', 'mine'), [])


@pytest.mark.parametrize('again', [1, 0])
def test_decreasing_stamps_raise(again: int) -> None:
    frames = [LabelledFrame('a', camera_frame(stamp)) for stamp in (0, 1, again)]
    message = f'drive_7, frame 2: stamp {again} follows 1, stamps must increase'
    with pytest.raises(ValueError, match=message):
        Evaluator(FakeBackend(), 8, 0).evaluate_drive(Origin('drive_7', 'mine'), frames)


def test_the_identity_is_that_of_the_model_as_run() -> None:
    evaluator = Evaluator(FakeBackend(), 8, 3)
    assert evaluator.identity == build_identity(FakeBackend().spec, 8, 3)
    assert evaluator.backend_name == 'fake'
    stretching = Evaluator(FakeBackend(), 8, 3, fit_mode='stretch')
    assert stretching.identity == build_identity(FakeBackend().spec, 8, 3, fit_mode='stretch')


def test_latency_covers_whole_calls() -> None:
    backend = FakeBackend()
    found = Evaluator(backend, 8, 0).measure_latency(camera_frame(0), repetitions=5)
    assert found.perceive > 0 and found.samples > 0
    assert backend.perceive_calls == 5


def test_calibrated_intervals_are_evaluated_beside_predicted_ones() -> None:
    intervals = DepthIntervals(2., 2., .5, EDGES_M, LEVELS, ((1., 1.5, 2., 2.5),) * 5,
                               (False,) * 5, (99,) * 5, 3)
    truth = np.full((24, 40), 12., np.float32)
    labels = np.full((24, 40), 3, np.uint8)
    frames = [LabelledFrame('a', small_frame(0), truth, labels)]
    plain, scaled = (compute_metrics(Evaluator(FakeBackend(), 8, 0).evaluate_drive(
        Origin('x', 'mine'), frames, intervals=known).metric_states['mine'])
        for known in (None, intervals))
    assert plain.intervals.scaled is None and plain.tempered is None
    predicted = plain.intervals.total.coverage
    assert scaled.intervals.total.coverage == predicted
    assert scaled.intervals.scaled.coverage != predicted
    assert scaled.tempered.nll != scaled.reliability.nll


def test_the_metric_stride_applies_to_metrics_only() -> None:
    truth = np.full((24, 40), 5., np.float32)
    frames = [LabelledFrame('a', small_frame(stamp), truth)
              for stamp in range(5)]
    found = Evaluator(FakeBackend(), 8, 0).evaluate_drive(
        Origin('x', 'mine'), frames, metric_stride=2)
    assert len(found.stamps_ns) == len(found.scores['feature']) == 5
    assert found.metric_states['mine']['depth']['pixels'][0] == 3 * 24 * 40
