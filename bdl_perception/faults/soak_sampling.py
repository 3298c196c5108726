# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""A thread that samples resources and waiting times of the nodes during a soak test."""
from contextlib import contextmanager
import os
from threading import Event, Thread
import time
from typing import Callable, Iterator, Mapping

from bdl_perception.faults.oracle import Violation
from bdl_perception.faults.resources import ResourceSampler, ResourceSeries
from bdl_perception.faults.waits import Wait, WaitSampler
import psutil

WAIT_PERIOD_S, RESOURCE_PERIOD_S = .25, 5.
SAMPLER_FAILED = 'test failed'


class BackgroundSampler:
    """Samples until the context ends; the lists grow meanwhile."""

    def __init__(self, processes: Callable[[], Mapping[str, psutil.Process]]) -> None:
        """Prepare; processes: gives the present process of each node."""
        self.problems: list[Violation] = []
        self._processes = processes
        self._resources, self._waits = ResourceSampler(), WaitSampler()
        self._ended = Event()
        self._next_resources_s = 0.

    @property
    def waits(self) -> list[Wait]:
        """Give the waiting times so far."""
        return self._waits.waits

    @property
    def series(self) -> list[ResourceSeries]:
        """Give the series of resources so far."""
        return self._resources.series

    @contextmanager
    def running(self) -> Iterator[None]:
        """Sample in a thread."""
        thread = Thread(target=self._run, name='soak_sampler', daemon=True)
        thread.start()
        try:
            yield
        finally:
            self._ended.set()
            thread.join()

    def _run(self) -> None:
        planned_s = time.monotonic()
        while not self._ended.wait(max(0., planned_s - time.monotonic())):
            now_s = time.monotonic()
            try:
                self._sample(now_s, now_s - planned_s)
            except Exception as error:  # noqa: BLE001  # the soak test must go on
                self.problems.append(Violation(SAMPLER_FAILED, now_s, now_s, 1,
                                               f'no sample of the resources: {error!r}'))
            planned_s = max(planned_s + WAIT_PERIOD_S, now_s)

    def _sample(self, now_s: float, late_s: float) -> None:
        processes = self._processes()
        pids = [process.pid for process in processes.values()]
        self._waits.sample(now_s, [*pids, os.getpid()], late_s)
        if now_s >= self._next_resources_s:
            self._next_resources_s = now_s + RESOURCE_PERIOD_S
            self._resources.sample(now_s, processes)
