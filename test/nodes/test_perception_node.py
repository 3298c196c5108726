# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""The executor's part of perception_node: it hands pictures over, and counts what was lost."""
from threading import Event, get_ident
from types import SimpleNamespace

from bdl_perception.nodes.perception_node import PerceptionNode
from bdl_perception.nodes.status import StatusTracker
from bdl_perception.nodes.worker import Worker
import pytest

WAIT_S = 30.0


@pytest.fixture
def busy():
    """Make a node whose network hangs on its first picture until it is let go."""
    begun, let_go, threads, seen = Event(), Event(), [], []

    def step(mailbox):
        arrival = mailbox.take()
        if arrival is None:
            return float('inf')
        threads.append(get_ident())
        seen.append(arrival.message)
        begun.set()
        assert let_go.wait(WAIT_S)
        return 0.0

    node = SimpleNamespace(_status_tracker=StatusTracker(), _worker=Worker(step, lambda error: None),
                           begun=begun, let_go=let_go, threads=threads, seen=seen)
    yield node
    let_go.set()
    node._worker.stop()


def test_pictures_come_in_while_the_network_runs_and_the_older_ones_are_counted_as_dropped(busy):
    PerceptionNode._on_image(busy, 'first')
    assert busy.begun.wait(WAIT_S)
    for name in ('second', 'third', 'fourth'):
        PerceptionNode._on_image(busy, name)  # would hang if the executor ran the network
    now = busy._status_tracker.take_snapshot()
    assert (now.frames_in, now.frames_dropped) == (4, 2)
    busy.begun.clear()
    busy.let_go.set()
    assert busy.begun.wait(WAIT_S)
    assert busy.seen == ['first', 'fourth']
    assert get_ident() not in busy.threads


def test_a_picture_that_comes_while_the_node_is_inactive_is_not_counted():
    node = SimpleNamespace(_status_tracker=StatusTracker(), _worker=None)
    PerceptionNode._on_image(node, 'late')
    assert node._status_tracker.take_snapshot().frames_in == 0
