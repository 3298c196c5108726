# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""The identity of a pipeline, and faults that it reports before it publishes scores."""
from unittest.mock import call, MagicMock

from bdl_perception.nodes.messages import camera_info_message, make_header, uint8_image
from bdl_perception.nodes.pipeline import Pipeline, ReceivedImage
from bdl_perception.nodes.worker import Mailbox
from bdl_perception.perception.data_types import PinholeCamera
from bdl_perception.perception.perceiver import Perceiver
from bdl_perception.perception.regions import parse_regions
from bdl_perception.perception.scheduler import TimeBudget
from bdl_perception.perception.status import build_identity
from fake_backend import FakeBackend
import numpy as np
import pytest


@pytest.mark.parametrize('fit_mode', ['crop', 'stretch'])
def test_the_identity_has_all_settings_of_the_perceiver(fit_mode):
    backend, regions = FakeBackend(), parse_regions('left=0,0 .5,0 .5,1 0,1')
    perceiver = Perceiver(backend, 8, 3, fit_mode)
    pipeline = Pipeline(perceiver, TimeBudget(.1, .2, 4), None, None, print, regions)
    identity = pipeline.identity()
    assert identity == build_identity(backend.spec, 8, 3, backend.precision, regions, fit_mode)
    assert identity.fit_mode == fit_mode


def test_impossible_depth_is_reported_before_its_scores():
    backend, events = FakeBackend(), MagicMock()
    backend.poison = -5.
    pipeline = Pipeline(Perceiver(backend, 8, 0), TimeBudget(.1, .2, 4), events.publishers,
                        events.status_tracker, events.on_fault)
    rgb = np.random.default_rng(0).integers(0, 256, (24, 40, 3), np.uint8)
    mailbox = Mailbox()
    mailbox.put(ReceivedImage(uint8_image(rgb, make_header(1, 'camera')), 0.))
    pipeline.step(mailbox)
    order = [call[0] for call in events.mock_calls]
    faults = [str(call) for call in events.on_fault.mock_calls]
    assert any('depth of the network is -5, must lie between 0' in fault for fault in faults)
    assert order.index('on_fault') < order.index('publishers.publish_scores')


class Camera:
    """Sends images; `warnings` and `faults` of the geometry are those of the last one."""

    def __init__(self):
        self._events, self._mailbox = MagicMock(), Mailbox()
        self.pipeline = Pipeline(
            Perceiver(FakeBackend(), 8, 0), TimeBudget(.1, .2, 4), self._events.publishers,
            self._events.status_tracker, self._events.on_fault)

    def send(self, width=40, height=24):
        self._events.reset_mock()
        rgb = np.random.default_rng(0).integers(0, 256, (height, width, 3), np.uint8)
        self._mailbox.put(ReceivedImage(uint8_image(rgb, make_header(1, 'camera')), 0.))
        while self._mailbox.has_message:  # on a slow machine samples are due before the frame
            self.pipeline.step(self._mailbox)
        self.warnings = self._events.status_tracker.set_warnings.call_args
        texts = [one.args[0] for one in self._events.on_fault.call_args_list]
        self.faults = [text for text in texts if 'camera_info' in text or 'image size' in text]

    def send_info(self, focal_px, width=40, height=24):
        self.pipeline.camera_info = camera_info_message(
            PinholeCamera(width, height, focal_px, focal_px, 20, 12), make_header(1, 'camera'))


UNKNOWN = call(('no camera_info was received: the scale of depth is unknown',))


def test_an_unknown_scale_is_a_warning_until_there_is_a_camera_info():
    camera = Camera()
    for _ in range(2):
        camera.send()
        assert (camera.warnings, camera.faults) == (UNKNOWN, [])
    camera.send_info(32.)
    camera.send()
    assert (camera.warnings, camera.faults) == (call(()), [])


@pytest.mark.parametrize('info, reported', [
    ((1e-6,), 'focal length of 1e-06 px'), ((1e6,), 'focal length of 1e+06 px'),
    ((32., 41), 'camera_info is for 41x24 px')])
def test_a_camera_info_that_cannot_be_right_is_a_fault(info, reported):
    camera = Camera()
    camera.send_info(*info)
    camera.send()
    assert len(camera.faults) == 1 and reported in camera.faults[0]
    assert 'the scale of depth is unknown' in camera.faults[0]


@pytest.mark.parametrize('value', [float('nan'), float('inf'), -32.])
def test_a_camera_info_without_a_possible_number_costs_no_frame(value):
    camera = Camera()
    camera.send_info(32.)
    camera.pipeline.camera_info.k[0] = camera.pipeline.camera_info.p[0] = value
    camera.pipeline.camera_info.d = [.1]
    camera.send()
    assert [text.partition(',')[0] for text in camera.faults] == ['camera_info cannot be used']
    assert camera._events.publishers.publish_scores.call_count == 1
    prediction = camera._events.publishers.publish_prediction.call_args.args[0]
    assert prediction.camera is None


def test_a_size_that_changes_is_a_fault_of_the_first_image_of_that_size():
    camera = Camera()
    sizes = [(40, 24), (40, 24), (50, 30), (50, 30), (40, 24)]
    changed = []
    for size in sizes:
        camera.send(*size)
        changed.append(any('image size changed' in fault for fault in camera.faults))
    assert changed == [False, False, True, False, True]
    assert 'from 50x30 to 40x24 px' in camera.faults[0]
