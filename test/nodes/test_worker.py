# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""No test waits for a fixed time: every wait is for an event, with a time-out."""
import math
from threading import Event

from bdl_perception.nodes import worker
from bdl_perception.nodes.worker import Mailbox, Worker
from hypothesis import given
from hypothesis import strategies as st
import pytest

TIMEOUT_S = 60.0  # for machines under load


@given(st.lists(st.integers() | st.none(), max_size=20))
def test_a_new_message_replaces_an_unread_one(actions):
    mailbox, replaced, taken, put = Mailbox(), 0, [], []
    for action in actions:
        if action is None:
            message = mailbox.take()
            assert message == (put[-1] if put and put[-1] not in taken else None)
            taken += [] if message is None else [message]
        else:
            put.append((len(put), action))
            replaced += mailbox.put(put[-1])
        assert mailbox.has_message == (bool(put) and put[-1] not in taken)
    assert replaced + len(taken) + mailbox.has_message == len(put)


class FakeStep:
    """A step that records its messages and can be blocked."""

    def __init__(self, idle_limit=0, idle_wait_s=math.inf):
        self.idle_wait_s = idle_wait_s
        self.messages, self.idle_step, self.idle_limit = [], 0, idle_limit
        self.started, self.release, self.idle = Event(), Event(), Event()
        self.release.set()

    def __call__(self, mailbox):
        message = mailbox.take()
        if message is None:
            self.idle_step += 1
            if self.idle_step >= self.idle_limit:
                self.idle.set()
            return 0. if self.idle_step < self.idle_limit else self.idle_wait_s
        self.messages.append(message)
        self.started.set()
        assert self.release.wait(TIMEOUT_S)
        if message == 'bad':
            raise ValueError('bad frame')
        return 0.


@pytest.fixture
def faults():
    return []


def test_during_a_step_only_the_newest_message_is_stored(faults):
    step = FakeStep()
    step.release.clear()
    work = Worker(step, faults.append)
    assert not work.put('first')
    assert step.started.wait(TIMEOUT_S)
    assert [work.put(name) for name in ('second', 'third', 'fourth')] == [False, True, True]
    step.idle.clear()
    step.release.set()
    assert step.idle.wait(TIMEOUT_S)
    work.stop()
    assert step.messages == ['first', 'fourth']
    assert not faults


def test_an_exception_is_reported_and_the_next_step_runs(faults):
    step = FakeStep()
    reported = Event()
    work = Worker(step, lambda error: (faults.append(error), reported.set()))
    work.put('bad')
    assert reported.wait(TIMEOUT_S)
    step.started.clear()
    work.put('good')
    assert step.started.wait(TIMEOUT_S)
    work.stop()
    assert step.messages == ['bad', 'good']
    assert [str(fault) for fault in faults] == ['bad frame']


def test_steps_without_messages_run_until_the_step_waits(faults):
    step = FakeStep(idle_limit=7)
    work = Worker(step, faults.append)
    assert step.idle.wait(TIMEOUT_S)
    work.stop()
    assert step.idle_step == 7, 'too many idle steps, or too few'


def test_a_step_can_be_repeated_after_a_time_without_a_message(faults):
    step = FakeStep(idle_limit=3, idle_wait_s=.01)
    repeated = Event()
    work = Worker(lambda mailbox: (step.idle_step > 5 and repeated.set()) or step(mailbox),
                  faults.append)
    assert repeated.wait(TIMEOUT_S)
    work.stop()
    assert not faults


def test_stop_ends_a_waiting_worker_and_drops_later_messages(faults):
    step = FakeStep()
    work = Worker(step, faults.append)
    assert step.idle.wait(TIMEOUT_S)
    work.stop()
    work.put('late')
    assert not work._thread.is_alive()
    assert not step.messages


def test_stop_raises_for_a_step_that_hangs(faults, monkeypatch):
    monkeypatch.setattr(worker, 'STOP_TIMEOUT_S', 0.05)
    step = FakeStep()
    step.release.clear()
    work = Worker(step, faults.append)
    work.put('slow')
    assert step.started.wait(TIMEOUT_S)
    with pytest.raises(TimeoutError, match='did not end its step'):
        work.stop()
    step.release.set()
    work._thread.join(TIMEOUT_S)
    assert not work._thread.is_alive()
