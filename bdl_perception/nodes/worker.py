# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""A thread that processes the newest message; the executor never waits for the network."""
import math
from threading import Condition, Thread
from typing import Callable, Generic, TypeVar

STOP_TIMEOUT_S = 10.0  # longer than the slowest step on a loaded machine

T = TypeVar('T')


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
    """

    def __init__(self, step: Callable[[Mailbox[T]], float],
                 on_fault: Callable[[Exception], None]) -> None:
        """Start the thread; step returns for how long to wait for a message, s; inf: no limit."""
        self._step = step
        self._on_fault = on_fault
        self._mailbox: Mailbox[T] = Mailbox()
        self._thread = Thread(target=self._run, name='worker', daemon=True)
        self._thread.start()

    def put(self, message: T) -> bool:
        """Pass a message to the step; True if it replaced an unread one."""
        return self._mailbox.put(message)

    def stop(self) -> None:
        """End the thread after the current step; TimeoutError when the step hangs."""
        self._mailbox.close()
        self._thread.join(STOP_TIMEOUT_S)
        if self._thread.is_alive():
            raise TimeoutError(f'the worker did not end its step within {STOP_TIMEOUT_S:.0f} s')

    def _run(self) -> None:
        while not self._mailbox.closed:
            try:
                wait_s = self._step(self._mailbox)
            except Exception as error:  # noqa: BLE001  # every error must reach the alert
                self._on_fault(error)
                continue
            if wait_s > 0:
                self._mailbox.wait(wait_s)
