# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""
Run jobs in processes of this machine.

Each process is a pool of its own, so a process that dies (out of memory, a signal) loses no other
job. Its own job runs again, alone, and fails only when its process dies once more.

One pool of several processes does not work: in CPython 3.11 the thread that watches the processes
does not notice the death of the newest one until another has finished a job.
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

PROCESS_DIED = 'its process died; was memory short, or was it killed?'


class RunningJob(NamedTuple):
    """A job that a process works on."""

    name: str
    pool: ProcessPoolExecutor
    result_path: Path  # file for its result


def run_in_processes(work: Work, jobs: Mapping[str, object],
                     processes: int) -> Iterator[JobResult]:
    """Yield results as jobs finish; a process that dies fails its own job only."""
    died = yield from _run_round(work, jobs, processes)
    for name in died:
        failed = yield from _run_round(work, {name: jobs[name]}, 1)
        yield from (JobResult(name, None, PROCESS_DIED) for name in failed)


def _run_round(work: Work, jobs: Mapping[str, object],
               processes: int) -> Generator[JobResult, None, list[str]]:
    """Yield the results; returns the names of the jobs whose processes died."""
    waiting, died = deque(jobs), list[str]()
    running: dict[Future[None], RunningJob] = {}
    with TemporaryDirectory(prefix='bdl_') as folder, ExitStack() as pools:
        free = [pools.enter_context(_create_pool()) for _ in range(min(processes, len(jobs)))]
        while waiting or running:
            while waiting and free:
                one = RunningJob(waiting[0], free.pop(), Path(folder, str(len(waiting))))
                try:
                    future = one.pool.submit(_write_result, one.result_path, work, jobs[one.name])
                    running[future] = one
                    waiting.popleft()
                except BrokenProcessPool:  # it died between two jobs
                    free.append(pools.enter_context(_create_pool()))
            for future in wait(running, return_when=FIRST_COMPLETED).done:
                one = running.pop(future)
                if isinstance(future.exception(), BrokenProcessPool):
                    died.append(one.name)
                    free.append(pools.enter_context(_create_pool()))
                else:
                    yield _read_result(future, one)
                    free.append(one.pool)
    return died


def _write_result(path: Path, work: Work, job: object) -> None:
    """Write the result to a file: reading a pipe blocks forever when its writer is killed."""
    path.write_text(json.dumps(run_job(work, job)), encoding='utf-8')


def _read_result(future: Future[None], one: RunningJob) -> JobResult:
    error = future.exception()
    if error is not None:  # the job could not be pickled, or its result not be written
        return JobResult(one.name, None, f'{type(error).__name__}: {error}')
    text = one.result_path.read_text(encoding='utf-8')
    one.result_path.unlink()
    return parse_job_result(one.name, *json.loads(text))


def _create_pool() -> ProcessPoolExecutor:
    return ProcessPoolExecutor(1, multiprocessing.get_context('spawn'), _init_process)


def _init_process() -> None:
    """Use one core, and end with the parent process."""
    import cv2
    cv2.setNumThreads(1)
    Thread(target=_exit_with_parent, daemon=True).start()


def _exit_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
