# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""
Work over a Ray cluster; this package, the model and the drives must be there on each machine.

A cluster that wants a token, as those of newer Ray do, wants it of this process too.

A cluster that is started here ('local') listens on the loopback only, tells nobody that it is
used, has no dashboard, and is gone with its files when the work is done.
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


CONNECT_TIMEOUT_S = 5.  # Ray itself would try for minutes
LOCAL_OPTIONS: dict[str, Any] = {'include_dashboard': False, 'logging_level': 'error'}


def run_on_ray(work: Work, jobs: Mapping[str, object], address: str,
             cores: int | None) -> Iterator[JobResult]:
    """Give outcomes as they come; ConnectionError when nothing answers at the address."""
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
    except ray.exceptions.RayError as error:  # its process or machine died, or lacks a module
        last = str(error).strip().splitlines()[-1:]  # before it comes a whole traceback
        return JobResult(name, None, ': '.join((type(error).__name__, *last)))


@contextmanager
def _cluster(address: str, cores: int | None) -> Iterator[Any]:
    ray = _import_ray(address == LOCAL)
    if ray.is_initialized():
        raise RuntimeError('Ray is in use in this process already; call ray.shutdown() first')
    with TemporaryDirectory(prefix='bdl_ray_') as folder:
        try:
            if address == LOCAL:
                ray.init(LOCAL, num_cpus=cores, _temp_dir=folder, **LOCAL_OPTIONS)
            else:
                _connect(ray, address)
            yield ray
        finally:
            ray.shutdown()  # of another's cluster it only takes leave


def _import_ray(local: bool) -> Any:
    os.environ.setdefault('RAY_USAGE_STATS_ENABLED', '0')
    if local:  # on Linux too it makes Ray keep to the loopback; it is read at the import
        os.environ.setdefault('RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER', '0')
    try:
        import ray
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(f'{error.name} is not installed; '
                                  '`pip install "bdl_perception[ray]"`',
                                  name=error.name) from error
    return ray


def _connect(ray: Any, address: str) -> None:
    what = f'no Ray cluster answers at {address}'
    remedy = 'start one with `ray start --head` and give its HOST:PORT'
    try:
        found = ADDRESS.fullmatch(address)
        if found:
            end = found['host'].strip('[]'), int(found['port'])
            socket.create_connection(end, CONNECT_TIMEOUT_S).close()
            what = f'what answers at {address} lets nobody in'
            remedy = ('give the token of the cluster here too (RAY_AUTH_TOKEN_PATH), and take '
                      'the same versions of Ray and Python')
        ray.init(address, logging_level='error')
    except (OSError, ValueError, OverflowError, RuntimeError) as error:
        raise ConnectionError(f'{what} ({error}); {remedy}') from error
