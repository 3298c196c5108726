# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""
Work over processes of this machine.

A process that dies (out of memory, a signal) breaks its pool, and with it every job in flight.
Those are done again, each alone, so that only the one that kills its process is lost.
"""
from collections import deque
from concurrent.futures import FIRST_COMPLETED
from concurrent.futures import Future
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures import wait
from concurrent.futures.process import BrokenProcessPool
import multiprocessing
import os
from threading import Thread
from typing import Generator, Iterator, Mapping

from bdl_perception.evaluation.attempt import attempt
from bdl_perception.evaluation.attempt import Outcome
from bdl_perception.evaluation.attempt import outcome_of
from bdl_perception.evaluation.attempt import Work

Named = tuple[str, object]  # a job and its name
DIED = 'its process died without a word; was the memory short, or was it killed?'


def over_processes(work: Work, jobs: Mapping[str, object], processes: int) -> Iterator[Outcome]:
    """Give outcomes as they come; no job is lost with another one's process."""
    waiting = deque(jobs.items())
    while waiting:
        suspects = yield from _until_broken(work, waiting, processes)
        for suspect in suspects:
            lost = yield from _until_broken(work, deque([suspect]), 1)
            yield from (Outcome(name, None, DIED) for name, _ in lost)


def _until_broken(work: Work, waiting: deque[Named], processes: int,
                  ) -> Generator[Outcome, None, list[Named]]:
    """Work until nothing waits, or the pool breaks: then give what was in flight."""
    flying: dict[Future[tuple[str, str]], Named] = {}
    suspects: list[Named] = []
    with _pool(min(processes, len(waiting))) as pool:
        while (waiting or flying) and not suspects:
            while waiting and len(flying) < processes:  # no more: all in flight are suspects
                try:
                    flying[pool.submit(attempt, work, waiting[0][1])] = waiting[0]
                except BrokenProcessPool:
                    break
                waiting.popleft()
            if not flying:  # it broke while it had nothing to do
                break
            done, _ = wait(flying, return_when=FIRST_COMPLETED)
            yield from _landed(done, flying, suspects)
        wait(flying)
        yield from _landed(set(flying), flying, suspects)
    return suspects


def _landed(done: set[Future[tuple[str, str]]], flying: dict[Future[tuple[str, str]], Named],
            suspects: list[Named]) -> Iterator[Outcome]:
    for future in done:
        name, job = flying.pop(future)
        error = future.exception()
        if isinstance(error, BrokenProcessPool):
            suspects.append((name, job))
        elif error is not None:  # it could not be sent to the process
            yield Outcome(name, None, f'{type(error).__name__}: {error}')
        else:
            yield outcome_of(name, *future.result())


def _pool(processes: int) -> ProcessPoolExecutor:
    return ProcessPoolExecutor(processes, multiprocessing.get_context('spawn'), _begin)


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
