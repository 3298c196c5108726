# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""Nothing here waits for a fixed time: every wait is for an event, with a time-out."""
import math
from threading import Event

from bdl_perception.nodes import worker
from bdl_perception.nodes.worker import Mailbox, Worker
from hypothesis import given
from hypothesis import strategies as st
import pytest

SOON_S = 60.0  # a ceiling for machines under load


@given(st.lists(st.integers() | st.none(), max_size=20))
def test_the_newest_message_wins_and_each_loss_is_told(actions):
    mailbox, lost, taken, put = Mailbox(), 0, [], []
    for action in actions:
        if action is None:
            message = mailbox.take()
            assert message == (put[-1] if put and put[-1] not in taken else None)
            taken += [] if message is None else [message]
        else:
            put.append((len(put), action))
            lost += mailbox.put(put[-1])
        assert mailbox.has_message == (bool(put) and put[-1] not in taken)
    assert lost + len(taken) + mailbox.has_message == len(put)


class Steps:
    """A step that notes what it got and can be held up."""

    def __init__(self, busy_for=0, idle_wait_s=math.inf):
        self.idle_wait_s = idle_wait_s
        self.got, self.idle_steps, self.busy_for = [], 0, busy_for
        self.entered, self.go_on, self.idle = Event(), Event(), Event()
        self.go_on.set()

    def __call__(self, mailbox):
        message = mailbox.take()
        if message is None:
            self.idle_steps += 1
            if self.idle_steps >= self.busy_for:
                self.idle.set()
            return 0. if self.idle_steps < self.busy_for else self.idle_wait_s
        self.got.append(message)
        self.entered.set()
        assert self.go_on.wait(SOON_S)
        if message == 'bad':
            raise ValueError('bad frame')
        return 0.


@pytest.fixture
def faults():
    return []


def test_while_a_step_runs_only_the_newest_message_is_kept(faults):
    steps = Steps()
    steps.go_on.clear()
    work = Worker(steps, faults.append)
    assert not work.put('first')
    assert steps.entered.wait(SOON_S)
    assert [work.put(name) for name in ('second', 'third', 'fourth')] == [False, True, True]
    steps.idle.clear()
    steps.go_on.set()
    assert steps.idle.wait(SOON_S)
    work.stop()
    assert steps.got == ['first', 'fourth']
    assert not faults


def test_an_exception_is_told_and_the_next_message_is_still_tried(faults):
    steps = Steps()
    told = Event()
    work = Worker(steps, lambda error: (faults.append(error), told.set()))
    work.put('bad')
    assert told.wait(SOON_S)
    steps.entered.clear()
    work.put('good')
    assert steps.entered.wait(SOON_S)
    work.stop()
    assert steps.got == ['bad', 'good']
    assert [str(fault) for fault in faults] == ['bad frame']


def test_work_goes_on_without_messages_while_there_is_some(faults):
    steps = Steps(busy_for=7)
    work = Worker(steps, faults.append)
    assert steps.idle.wait(SOON_S)
    work.stop()
    assert steps.idle_steps == 7, 'it span after the work was done, or stopped before'


def test_a_step_may_ask_to_be_run_again_soon_though_no_message_came(faults):
    steps = Steps(busy_for=3, idle_wait_s=.01)
    again = Event()
    work = Worker(lambda mailbox: (steps.idle_steps > 5 and again.set()) or steps(mailbox),
                  faults.append)
    assert again.wait(SOON_S)
    work.stop()
    assert not faults


def test_stop_ends_a_waiting_worker_and_drops_what_nobody_will_do(faults):
    steps = Steps()
    work = Worker(steps, faults.append)
    assert steps.idle.wait(SOON_S)
    work.stop()
    work.put('late')
    assert not work._thread.is_alive()
    assert not steps.got


def test_a_step_that_hangs_is_said_and_not_waited_for(faults, monkeypatch):
    monkeypatch.setattr(worker, 'STOP_TIMEOUT_S', 0.05)
    steps = Steps()
    steps.go_on.clear()
    work = Worker(steps, faults.append)
    work.put('slow')
    assert steps.entered.wait(SOON_S)
    with pytest.raises(TimeoutError, match='did not end its step'):
        work.stop()
    steps.go_on.set()
    work._thread.join(SOON_S)
    assert not work._thread.is_alive()
