# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""What several commands can be told of where drives are worked on."""
import argparse
from collections import Counter
import os
from pathlib import Path
from typing import Any, Iterable, Mapping, NamedTuple, Sequence, TYPE_CHECKING

from bdl_perception.perception.regions import format_regions, parse_regions
from bdl_perception.workflows.executor import ExecutorConfig, run_jobs
from bdl_perception.workflows.job_results import JobResult, ResultCache, Work
from bdl_perception.workflows.score_drives import (
    drive_fingerprint,
    fit_depth_intervals,
    ModelSettings,
    open_perceiver,
    run_scoring_job,
    ScoringJob,
)

if TYPE_CHECKING:
    from bdl_perception.alarm.observations import ScoredDrive
    from bdl_perception.drives.base import Drive
    from bdl_perception.perception.status import Identity


class ScoringResult(NamedTuple):
    """What a model said of all drives, which model, and what the truth says of its intervals."""

    drives: list['ScoredDrive']
    identity: 'Identity'
    intervals: dict[str, Any] | None  # of depth; None: no drive has a truth


def model_settings_from_arguments(arguments: argparse.Namespace, execution: ExecutorConfig) -> ModelSettings:
    """Say how any process opens the model; beside others each has one thread if not told."""
    from bdl_perception.backends import choose_backend
    from bdl_perception.model_store import find_model
    folder = find_model(arguments.model)
    threads = arguments.threads or (1 if execution.is_parallel else 0)
    return ModelSettings(
        arguments.model if folder.name == arguments.model else str(folder), arguments.samples,
        arguments.seed, choose_backend(arguments.backend).name, threads, arguments.provider,
        arguments.precision, format_regions(parse_regions(arguments.regions)))


def score_drives(arguments: argparse.Namespace, execution: ExecutorConfig, drives: Mapping[Path, 'Drive'],
              step_s: float) -> ScoringResult:
    """Score every drive, and say what with; RuntimeError names all that failed."""
    from bdl_perception.alarm.observations import Observation, ScoredDrive
    from bdl_perception.perception.status import build_identity
    names = unique_names({os.path.abspath(path): drive.name for path, drive in drives.items()})
    settings = model_settings_from_arguments(arguments, execution)._replace(fit_mode=arguments.fit_mode)
    backend = open_perceiver(settings).backend  # what is wrong with the model is wrong before any drive
    try:
        identity = build_identity(backend.spec, settings.samples, settings.seed, backend.precision,
                               parse_regions(settings.regions), settings.fit_mode)
        jobs = {path: ScoringJob(path, settings, step_s, arguments.rate_hz) for path in names}
        outcomes = _run_in_order(run_scoring_job, jobs, execution, _result_cache(arguments, jobs, vars(identity)))
    finally:
        backend.close()
        open_perceiver.cache_clear()
    check_no_failures([outcome._replace(name=names[outcome.name]) for outcome in outcomes.values()])
    scored = [ScoredDrive(name, tuple(Observation(*seen) for seen in outcomes[path].value['seen']))
              for path, name in names.items()]
    return ScoringResult(scored, identity, fit_depth_intervals(one.value['scaling'] for one in outcomes.values()))


def unique_names(names: Mapping[str, str]) -> dict[str, str]:
    """Put as many folders before the name of each path as it takes to tell all of them apart."""
    from bdl_perception.drives import split_topic
    made = dict(names)
    folders = {path: split_topic(path)[0].parent.parts for path in names}
    most = max(map(len, folders.values()), default=0)
    for count in range(1, most + 1):
        if len(set(made.values())) == len(names):
            break
        made = {path: '/'.join((*folders[path][-count:], name)) for path, name in names.items()}
    return made


def check_unique_drives(drives: Iterable[Path]) -> None:
    """Refuse a drive that is there by two paths: it would count for more than it is."""
    counts = Counter(map(_resolved_path, map(str, drives)))
    twice = sorted(path for path, count in counts.items() if count > 1)
    if twice:
        raise ValueError(f'{", ".join(twice)} is given twice; give each drive once, or it counts '
                         f'for more than it is')


def _resolved_path(drive: str) -> str:
    """Follow links; of a bag PATH:TOPIC those of its path."""
    from bdl_perception.drives import split_topic
    path, topic = split_topic(drive)
    return f'{os.path.realpath(path)}:{topic}' if topic else os.path.realpath(path)


def check_no_failures(results: Sequence[JobResult]) -> None:
    """Name every drive that failed, each on a line of its own."""
    failed = [f'drive {one.name} failed, nothing is written: {one.error}'
              for one in results if one.error]
    if failed:
        rest = f'\n{len(failed)} of {len(results)} drives failed' if len(failed) > 1 else ''
        raise RuntimeError('\n'.join(failed) + rest)


def _run_in_order(work: Work, jobs: Mapping[str, object], how: ExecutorConfig,
          kept: ResultCache | None) -> dict[str, JobResult]:
    """Do all; in the order of the jobs, whatever came first."""
    found = {outcome.name: outcome for outcome in run_jobs(work, jobs, how, kept)}
    return {name: found[name] for name in jobs}


def _result_cache(arguments: argparse.Namespace, jobs: Mapping[str, ScoringJob],
          identity: Mapping[str, Any]) -> ResultCache | None:
    if arguments.keep is None:
        return None
    from bdl_perception.perception.camera_health import HealthPolicy
    from bdl_perception.version import software_version
    job = next(iter(jobs.values()))
    fingerprint = {'work': 'score', 'identity': dict(identity), 'step_s': job.step_s,
                   'rate_hz': job.rate_hz,
                   'backend': job.settings.backend, 'provider': job.settings.provider,
                   'software_version': software_version(), 'health': vars(HealthPolicy())}
    return ResultCache(arguments.keep, fingerprint, {name: drive_fingerprint(name) for name in jobs})
