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
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import ExitStack
import json
import multiprocessing
import os
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Thread
from typing import Generator, Iterator, Mapping, NamedTuple

from bdl_perception.workflows.job_results import JobResult, parse_job_result, run_job, Work

PROCESS_DIED = 'its process died without a word; was the memory short, or was it killed?'


class RunningJob(NamedTuple):
    """A job in a process."""

    name: str
    pool: ProcessPoolExecutor
    result_path: Path  # the file that it is left in


def run_in_processes(work: Work, jobs: Mapping[str, object], processes: int) -> Iterator[JobResult]:
    """Give outcomes as they come; no job is lost with another one's process."""
    died = yield from _run_round(work, jobs, processes)
    for name in died:
        lost = yield from _run_round(work, {name: jobs[name]}, 1)
        yield from (JobResult(name, None, PROCESS_DIED) for name in lost)


def _run_round(work: Work, jobs: Mapping[str, object], processes: int,
          ) -> Generator[JobResult, None, list[str]]:
    """Give the outcomes, and at last the names of the jobs whose processes died."""
    waiting, died = deque(jobs), list[str]()
    flying: dict[Future[None], RunningJob] = {}
    with TemporaryDirectory(prefix='bdl_') as folder, ExitStack() as pools:
        free = [pools.enter_context(_create_pool()) for _ in range(min(processes, len(jobs)))]
        while waiting or flying:
            while waiting and free:
                one = RunningJob(waiting[0], free.pop(), Path(folder, str(len(waiting))))
                try:
                    flying[one.pool.submit(_write_result, one.result_path, work, jobs[one.name])] = one
                    waiting.popleft()
                except BrokenProcessPool:  # it died while it had nothing to do
                    free.append(pools.enter_context(_create_pool()))
            for future in wait(flying, return_when=FIRST_COMPLETED).done:
                one = flying.pop(future)
                if isinstance(future.exception(), BrokenProcessPool):
                    died.append(one.name)
                    free.append(pools.enter_context(_create_pool()))
                else:
                    yield _read_result(future, one)
                    free.append(one.pool)
    return died


def _write_result(path: Path, work: Work, job: object) -> None:
    """Leave the value in a file: whoever reads a pipe waits for ever if its writer is killed."""
    path.write_text(json.dumps(run_job(work, job)), encoding='utf-8')


def _read_result(future: Future[None], one: RunningJob) -> JobResult:
    error = future.exception()
    if error is not None:  # the job could not be sent, or its value not be left
        return JobResult(one.name, None, f'{type(error).__name__}: {error}')
    left = one.result_path.read_text(encoding='utf-8')
    one.result_path.unlink()
    return parse_job_result(one.name, *json.loads(left))


def _create_pool() -> ProcessPoolExecutor:
    return ProcessPoolExecutor(1, multiprocessing.get_context('spawn'), _init_process)


def _init_process() -> None:
    """Keep to one core, and never outlive the process that hands out the work."""
    import cv2
    cv2.setNumThreads(1)
    Thread(target=_exit_with_parent, daemon=True).start()


def _exit_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
