# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""The image callback of perception_node passes images on and counts dropped frames."""
from threading import Event, get_ident
from types import SimpleNamespace

from bdl_perception.nodes.perception_node import PerceptionNode
from bdl_perception.nodes.status import StatusTracker
from bdl_perception.nodes.worker import Worker
import pytest

WAIT_S = 30.0


@pytest.fixture
def busy():
    """Make a node whose step blocks on its first image until it is released."""
    started, release, threads, images = Event(), Event(), [], []

    def step(mailbox):
        received = mailbox.take()
        if received is None:
            return float('inf')
        threads.append(get_ident())
        images.append(received.message)
        started.set()
        assert release.wait(WAIT_S)
        return 0.0

    node = SimpleNamespace(_status_tracker=StatusTracker(), started=started, release=release,
                           _worker=Worker(step, lambda error: None), threads=threads,
                           images=images)
    yield node
    release.set()
    node._worker.stop()


def test_replaced_images_are_counted_as_dropped(busy):
    PerceptionNode._on_image(busy, 'first')
    assert busy.started.wait(WAIT_S)
    for name in ('second', 'third', 'fourth'):
        PerceptionNode._on_image(busy, name)  # would block if the executor ran the step
    status = busy._status_tracker.take_snapshot()
    assert (status.frames_in, status.frames_dropped) == (4, 2)
    busy.started.clear()
    busy.release.set()
    assert busy.started.wait(WAIT_S)
    assert busy.images == ['first', 'fourth']
    assert get_ident() not in busy.threads


def test_an_image_of_an_inactive_node_is_not_counted():
    node = SimpleNamespace(_status_tracker=StatusTracker(), _worker=None)
    PerceptionNode._on_image(node, 'late')
    assert node._status_tracker.take_snapshot().frames_in == 0
