# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""The identity of a pipeline, and faults that it reports before it publishes scores."""
from unittest.mock import MagicMock

from bdl_perception.nodes.messages import make_header, uint8_image
from bdl_perception.nodes.pipeline import Pipeline, ReceivedImage
from bdl_perception.nodes.worker import Mailbox
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
