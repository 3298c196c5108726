# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""A thread that works on the newest message, so that the executor never waits for a network."""
import math
from threading import Condition, Thread
from typing import Callable, Generic, TypeVar

T = TypeVar('T')

STOP_TIMEOUT_S = 10.0  # longer than the slowest step on a loaded machine


class Mailbox(Generic[T]):
    """Room for one message; the newest wins."""

    def __init__(self) -> None:
        """Begin empty and open."""
        self._changed = Condition()
        self._message: T | None = None
        self._closed = False

    @property
    def has_message(self) -> bool:
        """Tell whether a message is there."""
        return self._message is not None

    def put(self, message: T) -> bool:
        """Leave a message; True when it took the place of one that nobody had read."""
        with self._changed:
            replaced = self._message is not None
            self._message = message
            self._changed.notify()
            return replaced

    def take(self) -> T | None:
        """Take the message, None when there is none."""
        with self._changed:
            message, self._message = self._message, None
            return message

    def wait(self, timeout_s: float) -> None:
        """Wait for a message or the end, but no longer than this; inf: as long as it takes."""
        timeout = None if math.isinf(timeout_s) else timeout_s
        with self._changed:
            self._changed.wait_for(lambda: self._closed or self._message is not None, timeout)

    def close(self) -> None:
        """Wake whoever waits, for good."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    @property
    def closed(self) -> bool:
        """Tell whether the mailbox was closed."""
        return self._closed


class Worker(Generic[T]):
    """
    Runs step(mailbox) again and again; what it returns is how long to wait for a message first.

    An exception in step goes to on_fault and the work goes on: the next frame could be good.
    """

    def __init__(self, step: Callable[[Mailbox[T]], float],
                 on_fault: Callable[[Exception], None]) -> None:
        """Start the thread; step returns s: 0, go on at once; inf, until a message comes."""
        self._step = step
        self._on_fault = on_fault
        self._mailbox: Mailbox[T] = Mailbox()
        self._thread = Thread(target=self._run, name='worker', daemon=True)
        self._thread.start()

    def put(self, message: T) -> bool:
        """Hand over a message; True when an unread one was dropped for it."""
        return self._mailbox.put(message)

    def stop(self) -> None:
        """Let the step at hand end, then the thread; TimeoutError when it hangs."""
        self._mailbox.close()
        self._thread.join(STOP_TIMEOUT_S)
        if self._thread.is_alive():
            raise TimeoutError(f'the worker did not end its step within {STOP_TIMEOUT_S:.0f} s')

    def _run(self) -> None:
        while not self._mailbox.closed:
            try:
                wait_s = self._step(self._mailbox)
            except Exception as error:  # noqa: BLE001  # whatever it is, it must reach the alert
                self._on_fault(error)
                continue
            if wait_s > 0:
                self._mailbox.wait(wait_s)
