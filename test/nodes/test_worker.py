# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""No test waits for a fixed time: every wait is for an event, with a time-out."""
import math
from threading import Event

from bdl_perception.nodes.worker import call_while_waiting, hanging_threads, Mailbox, Worker
from hypothesis import given
from hypothesis import strategies as st
import pytest
from waiting import wait_for

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


@pytest.fixture
def hanging(faults):
    """Make a worker that hangs in its first step, with a clock that the test sets."""
    step, now = FakeStep(), [100.0]
    step.release.clear()
    work = Worker(step, faults.append, hang_after_s=1.0, clock=lambda: now[0])
    work.put('bad')
    assert step.started.wait(TIMEOUT_S)
    yield work, step, now
    step.release.set()
    work._thread.join(TIMEOUT_S)


def test_a_step_hangs_after_the_limit_and_its_duration_is_named(hanging):
    work, step, now = hanging
    now[0] = 101.0
    assert (work.hangs, work.fault()) == (False, None)
    now[0] = 101.01
    assert work.fault() == 'the network has not answered for 1 s'
    now[0] = 107.4
    assert (work.hangs, work.has_ended) == (True, False)
    assert work.fault() == 'the network has not answered for 7 s'
    step.idle.clear()
    step.release.set()
    assert step.idle.wait(TIMEOUT_S)  # it is set within the step
    assert wait_for(lambda: work._step_began_s is None)
    now[0] += 100
    assert (work.fault(), work.step_s) == (None, 0)
    assert work.stop()


def test_stop_leaves_a_step_that_hangs_alone_and_its_later_error_is_not_reported(hanging, faults):
    work, step, now = hanging
    waits = []

    def wait():
        waits.append(work.fault())
        now[0] += .4

    assert not work.stop(wait)
    assert waits == [None] * 3, 'stop waits until the step hangs, not longer'
    assert not work.stop(wait) and len(waits) == 3
    assert work._thread in hanging_threads() and not work.has_ended
    step.release.set()
    work._thread.join(TIMEOUT_S)
    assert work.stop() and not faults
    assert work._thread not in hanging_threads()


@pytest.mark.parametrize('error', [SystemExit(3), KeyboardInterrupt(), GeneratorExit()])
def test_a_thread_that_ended_by_itself_is_named(faults, error):
    def step(mailbox):
        raise error

    work = Worker(step, faults.append)
    work._thread.join(TIMEOUT_S)
    assert work.has_ended and not work.hangs and not faults
    assert work.fault() == f'the worker thread was ended by {error!r}'
    assert work.stop() and work.fault() is None


def test_a_call_returns_its_result_or_raises_its_error_and_waits_actively():
    waits, release = [], Event()

    def wait():
        waits.append(1)
        release.set()

    assert call_while_waiting(lambda: release.wait(TIMEOUT_S), wait, TIMEOUT_S) is True
    assert waits
    assert call_while_waiting(lambda: None, wait, TIMEOUT_S) is None
    for error in (ValueError('no such model'), SystemExit(3)):
        with pytest.raises(type(error)) as raised:
            call_while_waiting(lambda error=error: raise_(error), wait, TIMEOUT_S)
        assert raised.value is error


def raise_(error):
    raise error


def test_a_call_that_hangs_is_left_to_its_thread():
    release = Event()
    with pytest.raises(TimeoutError, match='has not answered for 0.05 s'):
        call_while_waiting(lambda: release.wait(TIMEOUT_S), lambda: None, .05)
    thread, = hanging_threads()
    release.set()
    thread.join(TIMEOUT_S)
    assert not hanging_threads()
