# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""
Run the same work on many jobs: one by one, in processes, or on a Ray cluster.

The numbers do not depend on the choice: every value passes through JSON, which restores floats
exactly. A job that fails gives a result with its error, and the others go on.
"""
from dataclasses import dataclass
from functools import partial
from typing import Callable, Iterator, Mapping

from bdl_perception.workflows.job_results import (
    JobResult,
    parse_job_result,
    ResultCache,
    run_job,
    Work,
)
from bdl_perception.workflows.processes import run_in_processes
from bdl_perception.workflows.ray_cluster import ADDRESS, AUTO, LOCAL, run_on_ray


@dataclass(frozen=True)
class ExecutorConfig:
    """Where jobs run."""

    processes: int = 1
    ray: str = ''  # address of a cluster; 'local' starts one on this machine; '': without Ray

    def __post_init__(self) -> None:
        """Check the values; ValueError names the one that is wrong."""
        if self.processes < 1:
            raise ValueError(f'processes is {self.processes}, must be at least 1')
        if self.ray not in ('', LOCAL, AUTO) and not ADDRESS.fullmatch(self.ray):
            raise ValueError(f'--ray {self.ray} is not the address of a cluster; give HOST:PORT, '
                             f'such as 10.0.0.1:6379, or {LOCAL} to start one here')
        if self.processes > 1 and self.ray not in ('', LOCAL):
            raise ValueError(f'{self.processes} processes on the Ray cluster {self.ray}: it '
                             f'schedules its own cores; leave --processes out')

    @property
    def is_parallel(self) -> bool:
        """Return whether other processes do the work."""
        return self.processes > 1 or bool(self.ray)


def run_jobs(work: Work, jobs: Mapping[str, object], config: ExecutorConfig,
             cache: ResultCache | None = None) -> Iterator[JobResult]:
    """
    Yield the result of each job as it finishes, with a progress bar; callers sort by name.

    work: a function of a module; it takes a job that can be pickled and returns JSON values.
    cache: its results are not computed again, and new ones are stored before they are yielded.
    """
    from tqdm import tqdm
    found = {name: cache.get(name) for name in jobs} if cache else {}
    missing = {name: job for name, job in jobs.items() if found.get(name) is None}
    with tqdm(total=len(jobs), initial=len(jobs) - len(missing), unit='drive',
              disable=None) as bar:
        for name, text in found.items():
            if text is not None:
                yield parse_job_result(name, text, '')
        for result in _select_executor(config)(work, missing) if missing else ():
            if cache and not result.error:
                cache.put(result.name, result.value)
            bar.update()
            yield result


def _select_executor(
        config: ExecutorConfig) -> Callable[[Work, Mapping[str, object]], Iterator[JobResult]]:
    if config.ray:
        cores = config.processes if config.processes > 1 else None
        return partial(run_on_ray, address=config.ray, cores=cores)
    if config.processes > 1:
        return partial(run_in_processes, processes=config.processes)
    return _run_serially


def _run_serially(work: Work, jobs: Mapping[str, object]) -> Iterator[JobResult]:
    for name, job in jobs.items():
        yield parse_job_result(name, *run_job(work, job))
