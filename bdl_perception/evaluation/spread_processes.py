# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""
Work over processes of this machine.

Each process is a pool of its own, so one that dies (out of memory, a signal) takes no other job
with it. Its own job is done again, alone, and is lost only when that kills its process too.

A pool of several would not do: CPython 3.11 wakes the thread that watches its processes before it
starts one more, and nobody sees that one die until another has finished a job.
"""
from collections import deque
from concurrent.futures import FIRST_COMPLETED
from concurrent.futures import Future
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures import wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import ExitStack
import json
import multiprocessing
import os
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Thread
from typing import Generator, Iterator, Mapping, NamedTuple

from bdl_perception.evaluation.attempt import attempt
from bdl_perception.evaluation.attempt import Outcome
from bdl_perception.evaluation.attempt import outcome_of
from bdl_perception.evaluation.attempt import Work

DIED = 'its process died without a word; was the memory short, or was it killed?'


class Flight(NamedTuple):
    """A job in a process."""

    name: str
    pool: ProcessPoolExecutor
    value: Path  # the file that it is left in


def over_processes(work: Work, jobs: Mapping[str, object], processes: int) -> Iterator[Outcome]:
    """Give outcomes as they come; no job is lost with another one's process."""
    died = yield from _done(work, jobs, processes)
    for name in died:
        lost = yield from _done(work, {name: jobs[name]}, 1)
        yield from (Outcome(name, None, DIED) for name in lost)


def _done(work: Work, jobs: Mapping[str, object], processes: int,
          ) -> Generator[Outcome, None, list[str]]:
    """Give the outcomes, and at last the names of the jobs whose processes died."""
    waiting, died = deque(jobs), list[str]()
    flying: dict[Future[None], Flight] = {}
    with TemporaryDirectory(prefix='bdl_') as folder, ExitStack() as pools:
        free = [pools.enter_context(_pool()) for _ in range(min(processes, len(jobs)))]
        while waiting or flying:
            while waiting and free:
                one = Flight(waiting[0], free.pop(), Path(folder, str(len(waiting))))
                try:
                    flying[one.pool.submit(_leave, one.value, work, jobs[one.name])] = one
                    waiting.popleft()
                except BrokenProcessPool:  # it died while it had nothing to do
                    free.append(pools.enter_context(_pool()))
            for future in wait(flying, return_when=FIRST_COMPLETED).done:
                one = flying.pop(future)
                if isinstance(future.exception(), BrokenProcessPool):
                    died.append(one.name)
                    free.append(pools.enter_context(_pool()))
                else:
                    yield _landed(future, one)
                    free.append(one.pool)
    return died


def _leave(path: Path, work: Work, job: object) -> None:
    """Leave the value in a file: whoever reads a pipe waits for ever if its writer is killed."""
    path.write_text(json.dumps(attempt(work, job)), encoding='utf-8')


def _landed(future: Future[None], one: Flight) -> Outcome:
    error = future.exception()
    if error is not None:  # the job could not be sent, or its value not be left
        return Outcome(one.name, None, f'{type(error).__name__}: {error}')
    left = one.value.read_text(encoding='utf-8')
    one.value.unlink()
    return outcome_of(one.name, *json.loads(left))


def _pool() -> ProcessPoolExecutor:
    return ProcessPoolExecutor(1, multiprocessing.get_context('spawn'), _begin)


def _begin() -> None:
    """Keep to one core, and never outlive the process that hands out the work."""
    import cv2
    cv2.setNumThreads(1)
    Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
