# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""
Does the same work on many jobs: one by one, over processes, or over a Ray cluster.

The numbers do not depend on which: every value goes through JSON, whose floats come back as they
were. A job that fails gives an outcome that says why, and the others go on.
"""
from typing import Callable, Iterator, Mapping, NamedTuple

from bdl_perception.workflows.job_results import (
    JobResult,
    parse_job_result,
    ResultCache,
    run_job,
    Work,
)
from bdl_perception.workflows.ray_cluster import ADDRESS, AUTO, LOCAL


class ExecutorConfig(NamedTuple):
    """Where work is done."""

    processes: int = 1
    ray: str = ''  # address of a cluster; 'local' starts one on this machine; '' is without Ray

    def check(self) -> None:
        """Refuse, with a ValueError, what cannot be meant."""
        if self.processes < 1:
            raise ValueError(f'processes {self.processes} must be at least 1')
        if self.ray not in ('', LOCAL, AUTO) and not ADDRESS.fullmatch(self.ray):
            raise ValueError(f'--ray {self.ray} is no address of a cluster; give its HOST:PORT, '
                             f'such as 10.0.0.1:6379, or {LOCAL}, which starts one here')
        if self.processes > 1 and self.ray not in ('', LOCAL):
            raise ValueError(f'{self.processes} processes on the Ray cluster {self.ray}: it knows '
                             f'its own cores; leave --processes out')

    @property
    def is_parallel(self) -> bool:
        """Tell whether other processes than this one do the work."""
        return self.processes > 1 or bool(self.ray)


def run_jobs(work: Work, jobs: Mapping[str, object], config: ExecutorConfig,
           cache: ResultCache | None = None) -> Iterator[JobResult]:
    """
    Give the outcome of each job as it comes, with a progress bar; callers sort by name.

    work is a function of a module and takes a job that can be pickled; what it returns is
    JSON. What `kept` has is not done again, and what is done is kept before it is given.
    """
    from tqdm import tqdm
    config.check()
    found = {name: cache.get(name) for name in jobs} if cache else {}
    missing = {name: job for name, job in jobs.items() if found.get(name) is None}
    with tqdm(total=len(jobs), initial=len(jobs) - len(missing), unit='drive',
              disable=None) as bar:
        for name, text in found.items():
            if text is not None:
                yield parse_job_result(name, text, '')
        for outcome in _select_executor(config)(work, missing) if missing else ():
            if cache and not outcome.error:
                cache.put(outcome.name, outcome.value)
            bar.update()
            yield outcome


def _select_executor(how: ExecutorConfig) -> Callable[[Work, Mapping[str, object]], Iterator[JobResult]]:
    from functools import partial
    if how.ray:
        from bdl_perception.workflows.ray_cluster import run_on_ray
        cores = how.processes if how.processes > 1 else None
        return partial(run_on_ray, address=how.ray, cores=cores)
    if how.processes > 1:
        from bdl_perception.workflows.processes import run_in_processes
        return partial(run_in_processes, processes=how.processes)
    return _run_serially


def _run_serially(work: Work, jobs: Mapping[str, object]) -> Iterator[JobResult]:
    for name, job in jobs.items():
        yield parse_job_result(name, *run_job(work, job))
