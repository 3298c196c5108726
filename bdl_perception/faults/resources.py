# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""
Memory, threads and file handles of processes over time, and the rule that they stay flat.

The first quarter of a series is warm-up. The median of the last quarter is compared with that of
the second one, so that a single high sample changes nothing. A process that was started again
begins a new series. Example: 100, 100, 104, 108 MB as medians of the quarters of an hour are a
rise of 8 MB within half an hour, 16 MB/h; 4 + 8 MB/h x .5 h = 8 MB is the highest rise that is
flat.
"""
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
import os
from statistics import median
from threading import Event, Thread
import time
from typing import Any, Callable, Iterator, Mapping, NamedTuple, Sequence

from bdl_perception.faults.load import Wait, WaitSampler
from bdl_perception.faults.oracle import Violation
import psutil

BYTES_PER_MB = 2**20
WAIT_PERIOD_S, RESOURCE_PERIOD_S = .25, 5.
TICKS = 10  # in a period: a thread that is held for more than a tick is late for the next one
SAMPLER_FAILED = 'test failed'
QUARTERS_APART = .5  # of the length of a series, between the centres of the two quarters


class ResourceSample(NamedTuple):
    """Resources of a process at one time."""

    at_s: float  # monotonic
    rss_mb: float
    threads: int
    handles: int


@dataclass(frozen=True)
class FlatnessPolicy:
    """The highest rise from the second quarter of a series to the last one."""

    min_duration_s: float = 60.  # shorter series are not evaluated
    min_samples: int = 12
    max_rise_mb: float = 4.  # allocators keep a little more over time
    max_slope_mb_per_h: float = 8.  # added for the time between the quarters
    max_rise_threads: float = 0.
    max_rise_handles: float = 0.


@dataclass(frozen=True)
class Flatness:
    """Summary of a series; the rises are differences of medians."""

    process: str
    pid: int
    duration_s: float
    samples: int
    first_mb: float  # median of the second quarter
    last_mb: float  # median of the last quarter
    max_mb: float
    slope_mb_per_h: float  # between the two quarters
    rise_threads: float
    rise_handles: float
    evaluated: bool  # long enough
    problems: tuple[str, ...]  # empty: flat, or not evaluated

    def as_dict(self) -> dict[str, Any]:
        """Give values for JSON."""
        return asdict(self)


@dataclass
class ResourceSeries:
    """The samples of one process, from its start to its end."""

    process: str
    pid: int
    samples: list[ResourceSample] = field(default_factory=list)


class ResourceSampler:
    """Appends samples of running processes to their series."""

    def __init__(self) -> None:
        """Start without a series."""
        self.series: list[ResourceSeries] = []

    def sample(self, now_s: float, processes: Mapping[str, psutil.Process]) -> None:
        """Sample each process; one that has ended is left out."""
        for name, process in processes.items():
            sample = read_resources(now_s, process)
            if sample is not None:
                self._series_of(name, process.pid).samples.append(sample)

    def _series_of(self, name: str, pid: int) -> ResourceSeries:
        """Find the newest series of a process; a new process id begins a new one."""
        own = [series for series in self.series if series.process == name]
        if not own or own[-1].pid != pid:
            own.append(ResourceSeries(name, pid))
            self.series.append(own[-1])
        return own[-1]


def read_resources(now_s: float, process: psutil.Process) -> ResourceSample | None:
    """Read the resources of a process; None: it has ended."""
    try:
        with process.oneshot():
            if process.status() == psutil.STATUS_ZOMBIE:
                return None
            rss_mb = process.memory_info().rss / BYTES_PER_MB
            sample = ResourceSample(now_s, rss_mb, process.num_threads(), process.num_fds())
            return sample if rss_mb else None  # it is about to end
    except psutil.Error:
        return None


class BackgroundSampler:
    """Samples resources and waiting times in a thread until the context ends."""

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
        tick_s = WAIT_PERIOD_S / TICKS
        planned_s = sample_s = time.monotonic()
        held_s = 0.
        while not self._ended.wait(max(0., planned_s - time.monotonic())):
            now_s = time.monotonic()
            if now_s - planned_s > tick_s:  # less is the turn of another thread
                held_s += now_s - planned_s
            if now_s >= sample_s:
                try:
                    self._sample(now_s, held_s)
                except Exception as error:  # noqa: BLE001  # the soak test must go on
                    self.problems.append(Violation(SAMPLER_FAILED, now_s, now_s, 1,
                                                   f'no sample of the resources: {error!r}'))
                sample_s, held_s = max(sample_s + WAIT_PERIOD_S, now_s), 0.
            planned_s = max(planned_s + tick_s, time.monotonic())  # after the sample

    def _sample(self, now_s: float, late_s: float) -> None:
        processes = self._processes()
        pids = [process.pid for process in processes.values()]
        self._waits.sample(now_s, [*pids, os.getpid()], late_s)
        if now_s >= self._next_resources_s:
            self._next_resources_s = now_s + RESOURCE_PERIOD_S
            self._resources.sample(now_s, processes)


def evaluate_flatness(series: ResourceSeries, policy: FlatnessPolicy) -> Flatness:
    """Compare the last quarter of a series with the second one."""
    samples = series.samples
    duration_s = samples[-1].at_s - samples[0].at_s if samples else 0.
    evaluated = duration_s >= policy.min_duration_s and len(samples) >= policy.min_samples
    second, last = _quarters(samples)
    hours = QUARTERS_APART * duration_s / 3600
    first_mb, last_mb = _median(second, 'rss_mb'), _median(last, 'rss_mb')
    rises = {name: _median(last, name) - _median(second, name) for name in ('threads', 'handles')}
    limits = (('resident memory, MB', last_mb - first_mb,
               policy.max_rise_mb + policy.max_slope_mb_per_h * hours),
              ('threads', rises['threads'], policy.max_rise_threads),
              ('file handles', rises['handles'], policy.max_rise_handles))
    problems = tuple(f'{series.process}: {what} rose by {rise:.1f}, at most {limit:.1f} is flat'
                     for what, rise, limit in limits if evaluated and rise > limit)
    return Flatness(
        series.process, series.pid, duration_s, len(samples), first_mb, last_mb,
        max((sample.rss_mb for sample in samples), default=0.),
        (last_mb - first_mb) / hours if hours else 0., rises['threads'], rises['handles'],
        evaluated, problems)


def _quarters(samples: Sequence[ResourceSample]
              ) -> tuple[Sequence[ResourceSample], Sequence[ResourceSample]]:
    """Select the second and the last quarter by time."""
    if not samples:
        return (), ()
    start_s, duration_s = samples[0].at_s, samples[-1].at_s - samples[0].at_s
    second = [sample for sample in samples
              if .25 * duration_s <= sample.at_s - start_s < .5 * duration_s]
    last = [sample for sample in samples if sample.at_s - start_s >= .75 * duration_s]
    return second, last


def _median(samples: Sequence[ResourceSample], name: str) -> float:
    return float(median(getattr(sample, name) for sample in samples)) if samples else 0.
