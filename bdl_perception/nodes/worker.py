# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""A thread that processes the newest message; the executor never waits for the network."""
import math
from threading import Condition, Thread
from threading import enumerate as all_threads
import time
from typing import Callable, Generic, TypeVar

MIN_HANG_S = 1.0  # longer than the slowest step of a network that keeps up with a camera
JOIN_PERIOD_S = 0.1  # between two calls of while_waiting
THREAD_NAME = 'perception_worker'

T = TypeVar('T')
R = TypeVar('R')


class Mailbox(Generic[T]):
    """A queue of one message: a new message replaces an unread one."""

    def __init__(self) -> None:
        """Start empty and open."""
        self._changed = Condition()
        self._message: T | None = None
        self._closed = False

    def put(self, message: T) -> bool:
        """Put a message; True if it replaced an unread one."""
        with self._changed:
            replaced = self._message is not None
            self._message = message
            self._changed.notify()
            return replaced

    def take(self) -> T | None:
        """Take the unread message; None if there is none."""
        with self._changed:
            message, self._message = self._message, None
            return message

    def wait(self, timeout_s: float) -> None:
        """Wait for a message or for close(), at most timeout_s; inf: without limit."""
        timeout = None if math.isinf(timeout_s) else timeout_s
        with self._changed:
            self._changed.wait_for(lambda: self._closed or self._message is not None, timeout)

    def close(self) -> None:
        """Close the mailbox and end every wait()."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    @property
    def has_message(self) -> bool:
        """Whether there is an unread message."""
        return self._message is not None

    @property
    def closed(self) -> bool:
        """Whether the mailbox was closed."""
        return self._closed


class Worker(Generic[T]):
    """
    Runs step(mailbox) in a loop until stop().

    An exception in step is passed to on_fault and the loop continues: the next frame may be good.
    fault() says whether a step hangs, or the thread ended by itself.
    """

    def __init__(self, step: Callable[[Mailbox[T]], float],
                 on_fault: Callable[[Exception], None], hang_after_s: float = MIN_HANG_S,
                 clock: Callable[[], float] = time.monotonic) -> None:
        """Start the thread; step returns for how long to wait for a message, s; inf: no limit."""
        self._step = step
        self._on_fault = on_fault
        self._hang_after_s = hang_after_s
        self._clock = clock
        self._step_began_s: float | None = None  # None: between two steps
        self._ended_by: BaseException | None = None
        self._mailbox: Mailbox[T] = Mailbox()
        self._thread = Thread(target=self._run, name=THREAD_NAME, daemon=True)
        self._thread.start()

    def put(self, message: T) -> bool:
        """Pass a message to the step; True if it replaced an unread one."""
        return self._mailbox.put(message)

    @property
    def step_s(self) -> float:
        """Duration of the present step, s; 0 between two steps."""
        began_s = self._step_began_s
        return 0.0 if began_s is None else self._clock() - began_s

    @property
    def hangs(self) -> bool:
        """Whether the present step takes longer than hang_after_s."""
        return self._thread.is_alive() and self.step_s > self._hang_after_s

    @property
    def has_ended(self) -> bool:
        """Whether the thread ended without stop()."""
        return not self._thread.is_alive() and not self._mailbox.closed

    def fault(self) -> str | None:
        """Describe why there are no results: a step hangs, or the thread ended."""
        if self.has_ended:
            return f'the worker thread was ended by {self._ended_by!r}'
        return f'the network has not answered for {self.step_s:.0f} s' if self.hangs else None

    def stop(self, while_waiting: Callable[[], None] = lambda: None) -> bool:
        """
        End the thread after the present step; False if that step hangs and must be left alone.

        while_waiting is called every JOIN_PERIOD_S. Later errors of the step are not reported.
        """
        self._mailbox.close()
        while self._thread.is_alive() and not self.hangs:
            self._thread.join(JOIN_PERIOD_S)
            while_waiting()
        return not self._thread.is_alive()

    def _run(self) -> None:
        try:
            while not self._mailbox.closed:
                self._run_step()
        except BaseException as error:  # noqa: BLE001  # SystemExit ends a thread in silence
            self._ended_by = error

    def _run_step(self) -> None:
        self._step_began_s = self._clock()
        try:
            wait_s = self._step(self._mailbox)
        except Exception as error:  # noqa: BLE001  # every error must reach the alert
            if not self._mailbox.closed:
                self._on_fault(error)
            return
        finally:
            self._step_began_s = None
        if wait_s > 0:
            self._mailbox.wait(wait_s)


def call_while_waiting(function: Callable[[], R], while_waiting: Callable[[], None],
                       timeout_s: float) -> R:
    """
    Call a function of a library in a thread of its own, and while_waiting every JOIN_PERIOD_S.

    TimeoutError: the function hangs; it is left to its thread.
    """
    results: list[R] = []
    errors: list[BaseException] = []

    def run() -> None:
        try:
            results.append(function())
        except BaseException as error:  # noqa: BLE001  # raised again below
            errors.append(error)

    thread = Thread(target=run, name=THREAD_NAME, daemon=True)
    thread.start()
    end_s = time.monotonic() + timeout_s
    while thread.is_alive() and time.monotonic() < end_s:
        thread.join(JOIN_PERIOD_S)
        while_waiting()
    if errors:
        raise errors[0]
    if not results:
        raise TimeoutError(f'the backend has not answered for {timeout_s:g} s')
    return results[0]


def hanging_threads() -> list[Thread]:
    """List the threads of workers that could not be stopped."""
    return [thread for thread in all_threads() if thread.name == THREAD_NAME]
