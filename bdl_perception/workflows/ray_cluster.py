# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""
Run jobs on a Ray cluster; each machine must have this package, the model and the drives.

This process must have the token of a cluster that requires one. A cluster that is started here
('local') listens on the loopback only, sends no usage statistics, has no dashboard, and is removed
with its files after the work.
"""
from contextlib import contextmanager
import os
import re
import socket
from tempfile import TemporaryDirectory
from typing import Any, Iterator, Mapping

from bdl_perception.workflows.job_results import JobResult, parse_job_result, run_job, Work

LOCAL, AUTO = 'local', 'auto'  # auto: a cluster that Ray finds on this machine
ADDRESS = re.compile(r'(?:ray://)?(?P<host>[^:/]+|\[[^\]]+\]):(?P<port>\d+)')
CONNECT_TIMEOUT_S = 5.  # Ray itself tries for minutes
LOCAL_OPTIONS: dict[str, Any] = {'include_dashboard': False, 'logging_level': 'error'}


def run_on_ray(work: Work, jobs: Mapping[str, object], address: str,
               cores: int | None) -> Iterator[JobResult]:
    """Yield results as jobs finish; ConnectionError when no cluster answers."""
    with _cluster(address, cores) as ray:
        remote = ray.remote(num_cpus=1, max_retries=1)(run_job)
        names = {remote.remote(work, job): name for name, job in jobs.items()}
        while names:
            done, _ = ray.wait(list(names), num_returns=1)
            for reference in done:
                yield _job_result(ray, names.pop(reference), reference)


def _job_result(ray: Any, name: str, reference: Any) -> JobResult:
    try:
        return parse_job_result(name, *ray.get(reference))
    except ray.exceptions.RayError as error:  # its process or machine died, or has no module
        last = str(error).strip().splitlines()[-1:]  # the lines before are a traceback
        return JobResult(name, None, ': '.join((type(error).__name__, *last)))


@contextmanager
def _cluster(address: str, cores: int | None) -> Iterator[Any]:
    ray = _import_ray(address == LOCAL)
    if ray.is_initialized():
        raise RuntimeError('Ray is already in use in this process; call ray.shutdown() first')
    with TemporaryDirectory(prefix='bdl_ray_') as folder:
        try:
            if address == LOCAL:
                ray.init(LOCAL, num_cpus=cores, _temp_dir=folder, **LOCAL_OPTIONS)
            else:
                _connect(ray, address)
            yield ray
        finally:
            ray.shutdown()  # disconnects from a cluster that was not started here


def _import_ray(local: bool) -> Any:
    os.environ.setdefault('RAY_USAGE_STATS_ENABLED', '0')
    if local:  # binds Ray to the loopback, on Linux too; it is read at the import
        os.environ.setdefault('RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER', '0')
    try:
        import ray
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(f'{error.name} is not installed; '
                                  '`pip install "bdl_perception[ray]"`',
                                  name=error.name) from error
    return ray


def _connect(ray: Any, address: str) -> None:
    problem = f'no Ray cluster answers at {address}'
    remedy = 'start one with `ray start --head` and give its HOST:PORT'
    try:
        found = ADDRESS.fullmatch(address)
        if found:
            end = found['host'].strip('[]'), int(found['port'])
            socket.create_connection(end, CONNECT_TIMEOUT_S).close()
            problem = f'the server at {address} refuses the connection'
            remedy = ('set the token of the cluster (RAY_AUTH_TOKEN_PATH), and use its versions '
                      'of Ray and Python')
        ray.init(address, logging_level='error')
    except (OSError, ValueError, OverflowError, RuntimeError) as error:
        raise ConnectionError(f'{problem} ({error}); {remedy}') from error
