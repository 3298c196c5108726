# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""Measuring looks at every picture once and compares it with its own truth."""
from bdl_perception.alarm.scores import SCORE_NAMES
from bdl_perception.alarm.status import identity_of
from bdl_perception.evaluation.depth_intervals import DepthIntervals
from bdl_perception.evaluation.depth_intervals import EDGES_M
from bdl_perception.evaluation.depth_intervals import LEVELS
from bdl_perception.evaluation.drive_record import Origin
from bdl_perception.evaluation.drive_record import Segment
from bdl_perception.evaluation.measure import Averaging
from bdl_perception.evaluation.measure import Meter
from bdl_perception.evaluation.measure import view_scores
from bdl_perception.evaluation.measures import qualities
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
    found = Meter(FakeBackend(), 8, 0).record(
        Origin('x', 'mine'), (Labelled('a', picture(i)) for i in range(3)))
    assert found.stamps_ns == (0, 1, 2) and found.groups == ('mine',) * 3
    assert qualities(found.sums['mine']) == {}
    alone = view_scores(look(Perceiver(FakeBackend(), 8, 0), Labelled('a', picture(2))))
    assert found.values(2) == alone
    assert set(alone) == {*SCORE_NAMES, 'brightness'}


def test_a_picture_of_the_sky_takes_no_score_from_the_rest_of_its_drive() -> None:
    sky = CameraFrame(np.full((48, 80, 3), (0, 0, 255), np.uint8), 1, 'camera')
    found = Meter(FakeBackend(), 8, 0).record(
        Origin('x', 'mine'), [Labelled('a', one) for one in (picture(0), sky, picture(2))])
    assert set(found.scores) == {*SCORE_NAMES, 'brightness'}
    finite = np.isfinite(found.scores['epistemic_depth_corridor'])
    assert finite.tolist() == [True, False, True]
    assert np.isfinite(found.scores['mutual_information_corridor']).all()


def test_the_faults_of_a_camera_are_kept_with_their_frames() -> None:
    blank = CameraFrame(np.zeros((48, 80, 3), np.uint8), 1, 'camera')
    frozen = [CameraFrame(picture(0).rgb, stamp, 'camera') for stamp in range(2, 8)]
    found = Meter(FakeBackend(), 8, 0).record(
        Origin('x', 'mine'), [Labelled('a', one) for one in (picture(0), blank, *frozen)])
    assert {index: one[0][:30] for index, one in found.faults.items()} == {
        1: 'the picture is blank: is the l', 6: 'the last 5 pictures are identi',
        7: 'the last 6 pictures are identi'}


def test_a_frame_is_summed_up_in_the_group_of_its_time_alone() -> None:
    origin = Origin('x', 's', (Segment('sun', 0, 1, False), Segment('night', 1, 2, True)))
    truth = np.full((24, 40), 5., np.float32)
    frames = [Labelled('a', CameraFrame(picture(0).rgb[::2, ::2], stamp, 'camera'), truth)
              for stamp in (7_000_000_000, 7_500_000_000, 8_000_000_000)]
    found = Meter(FakeBackend(), 8, 0).record(origin, frames)
    assert found.groups == ('s: nominal', 's: nominal', 's: night')
    pixels = {group: sums['depth']['pixels'][0] for group, sums in found.sums.items()}
    assert pixels == {'s: nominal': 2 * 24 * 40, 's: night': 24 * 40}


def test_a_stretched_picture_is_judged_at_its_own_size() -> None:
    prediction = Perceiver(FakeBackend(), 8, 0, 'stretch').perceive(picture(0))
    seen = prediction.classes.repeat(2, 0).repeat(2, 1)  # (48, 80)
    truth = seen.copy()
    truth[1::2, 1::2] = 7  # a quarter of the pixels; at the network's size all or none
    found = Meter(FakeBackend(), 8, 0).record(
        Origin('x', 'mine'), [Labelled('a', picture(0), classes=truth)], 'stretch')
    hits, union = (truth == 3) & (seen == 3), (truth == 3) | (seen == 3)
    iou = qualities(found.sums['mine'])['classes']['iou']
    assert iou['road'] == pytest.approx(hits.sum() / union.sum())
    assert iou['road'] == pytest.approx(.75)


def test_a_meter_that_stretches_scores_stretched_pictures() -> None:
    wide = CameraFrame(np.ascontiguousarray(picture(0).rgb[:24]), 0, 'camera')
    found = Meter(FakeBackend(), 8, 0, fit_mode='stretch').record(
        Origin('x', 'mine'), [Labelled('a', wide)])
    for mode in ('stretch', 'crop'):
        alone = view_scores(look(Perceiver(FakeBackend(), 8, 0, mode), Labelled('a', wide)))
        assert (found.values(0) == alone) == (mode == 'stretch')


def test_the_moments_of_all_samples_are_kept_until_the_next_picture() -> None:
    backend = Averaging(FakeBackend())
    look(Perceiver(backend, 8, 0), Labelled('a', picture(0)))
    assert backend.moments is not None and backend.moments.count == 8
    backend.perceive(np.zeros((backend.spec.height, backend.spec.width, 3), np.uint8))
    assert backend.moments is None


def test_no_picture_is_an_error() -> None:
    with pytest.raises(ValueError, match='x: there is no picture to measure on'):
        Meter(FakeBackend(), 8, 0).record(Origin('x', 'mine'), [])


@pytest.mark.parametrize('again', [1, 0])
def test_stamps_that_do_not_rise_are_one_clear_error(again: int) -> None:
    frames = [Labelled('a', picture(stamp)) for stamp in (0, 1, again)]
    with pytest.raises(ValueError, match=f'drive_7, frame 2: stamp {again} follows 1, they must'):
        Meter(FakeBackend(), 8, 0).record(Origin('drive_7', 'mine'), frames)


def test_a_meter_is_of_the_model_as_it_is_run() -> None:
    meter = Meter(FakeBackend(), 8, 3)
    assert meter.identity == identity_of(FakeBackend().spec, 8, 3)
    assert meter.backend_name == 'fake'
    stretching = Meter(FakeBackend(), 8, 3, fit_mode='stretch')
    assert stretching.identity == identity_of(FakeBackend().spec, 8, 3, fit_mode='stretch')


def test_times_are_of_whole_calls() -> None:
    backend = FakeBackend()
    found = Meter(backend, 8, 0).time(picture(0), repetitions=5)
    assert found.perceive > 0 and found.samples > 0
    assert backend.perceived == 5


def test_intervals_of_a_calibration_are_judged_beside_the_stated_ones() -> None:
    intervals = DepthIntervals(2., 2., .5, EDGES_M, LEVELS, ((1., 1.5, 2., 2.5),) * 5,
                               (False,) * 5, (99,) * 5, 3)
    truth = np.full((24, 40), 12., np.float32)
    labels = np.full((24, 40), 3, np.uint8)
    frames = [Labelled('a', CameraFrame(picture(0).rgb[::2, ::2], 0, 'camera'), truth, labels)]
    plain, scaled = (qualities(Meter(FakeBackend(), 8, 0).record(
        Origin('x', 'mine'), frames, intervals=known).sums['mine']) for known in (None, intervals))
    assert plain['intervals']['scaled'] is None and 'tempered' not in plain
    stated = plain['intervals']['total']['coverage']
    assert scaled['intervals']['total']['coverage'] == stated
    assert scaled['intervals']['scaled']['coverage'] != stated
    assert scaled['tempered']['nll'] != scaled['reliability']['nll']


def test_quality_is_measured_on_every_second_picture_and_scores_on_all() -> None:
    truth = np.full((24, 40), 5., np.float32)
    frames = [Labelled('a', CameraFrame(picture(0).rgb[::2, ::2], stamp, 'camera'), truth)
              for stamp in range(5)]
    found = Meter(FakeBackend(), 8, 0).record(Origin('x', 'mine'), frames, every=2)
    assert len(found.stamps_ns) == len(found.scores['feature']) == 5
    assert found.sums['mine']['depth']['pixels'][0] == 3 * 24 * 40
