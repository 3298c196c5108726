# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""What several commands can be told of where drives are worked on."""
import argparse
from collections import Counter
import os
from pathlib import Path
from typing import Any, Iterable, Mapping, NamedTuple, Sequence, TYPE_CHECKING

from bdl_perception.alarm.regions import parse_regions
from bdl_perception.alarm.regions import regions_text
from bdl_perception.commands.scaling_job import fitted
from bdl_perception.commands.scoring_job import mark_of
from bdl_perception.commands.scoring_job import ModelSettings
from bdl_perception.commands.scoring_job import opened
from bdl_perception.commands.scoring_job import score
from bdl_perception.commands.scoring_job import ScoringJob
from bdl_perception.evaluation.attempt import Outcome
from bdl_perception.evaluation.attempt import Work
from bdl_perception.evaluation.kept import Kept
from bdl_perception.evaluation.spread import spread
from bdl_perception.evaluation.spread import Spreading

if TYPE_CHECKING:
    from bdl_perception.alarm.scored_drives import ScoredDrive
    from bdl_perception.alarm.status import Identity
    from bdl_perception.drives import Drive


class Scored(NamedTuple):
    """What a model said of all drives, which model, and what the truth says of its intervals."""

    drives: list['ScoredDrive']
    identity: 'Identity'
    intervals: dict[str, Any] | None  # of depth; None: no drive has a truth


def add_spreading_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare processes, Ray, and where finished drives are kept."""
    parser.add_argument('--processes', type=int, default=1,
                        help='work on that many drives at a time (default: %(default)s)')
    parser.add_argument('--ray', default='', metavar='ADDRESS',
                        help='spread drives over the Ray cluster at HOST:PORT; local: start one '
                             'on this machine (default: without Ray)')
    parser.add_argument('--keep', type=Path, metavar='FOLDER',
                        help='keep what is finished, and go on from there after a kill '
                             '(default: nothing is kept)')


def spreading_of(arguments: argparse.Namespace) -> Spreading:
    """Read what was declared above; ValueError when it cannot be meant."""
    how = Spreading(arguments.processes, arguments.ray)
    how.check()
    return how


def settings_of(arguments: argparse.Namespace, how: Spreading) -> ModelSettings:
    """Say how any process opens the model; beside others each has one thread if not told."""
    from bdl_perception.backends.model_files import find_model
    from bdl_perception.backends.registry import choose_backend
    folder = find_model(arguments.model)
    threads = arguments.threads or (1 if how.elsewhere else 0)
    return ModelSettings(
        arguments.model if folder.name == arguments.model else str(folder), arguments.samples,
        arguments.seed, choose_backend(arguments.backend).name, threads, arguments.provider,
        arguments.precision, regions_text(parse_regions(arguments.regions)))


def score_all(arguments: argparse.Namespace, how: Spreading, drives: Mapping[Path, 'Drive'],
              step_s: float) -> Scored:
    """Score every drive, and say what with; RuntimeError names all that failed."""
    from bdl_perception.alarm.evidence import Observation
    from bdl_perception.alarm.scored_drives import ScoredDrive
    from bdl_perception.alarm.status import identity_of
    names = distinct({os.path.abspath(path): drive.name for path, drive in drives.items()})
    settings = settings_of(arguments, how)._replace(fit_mode=arguments.fit_mode)
    backend = opened(settings).backend  # what is wrong with the model is wrong before any drive
    try:
        identity = identity_of(backend.spec, settings.samples, settings.seed, backend.precision,
                               parse_regions(settings.regions), settings.fit_mode)
        jobs = {path: ScoringJob(path, settings, step_s, arguments.rate_hz) for path in names}
        outcomes = _done(score, jobs, how, _kept(arguments, jobs, vars(identity)))
    finally:
        backend.close()
        opened.cache_clear()
    refuse_failures([outcome._replace(name=names[outcome.name]) for outcome in outcomes.values()])
    scored = [ScoredDrive(name, tuple(Observation(*seen) for seen in outcomes[path].value['seen']))
              for path, name in names.items()]
    return Scored(scored, identity, fitted(one.value['scaling'] for one in outcomes.values()))


def distinct(names: Mapping[str, str]) -> dict[str, str]:
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


def refuse_twice(drives: Iterable[Path]) -> None:
    """Refuse a drive that is there by two paths: it would count for more than it is."""
    counts = Counter(map(_real, map(str, drives)))
    twice = sorted(path for path, count in counts.items() if count > 1)
    if twice:
        raise ValueError(f'{", ".join(twice)} is given twice; give each drive once, or it counts '
                         f'for more than it is')


def _real(drive: str) -> str:
    """Follow links; of a bag PATH:TOPIC those of its path."""
    from bdl_perception.drives import split_topic
    path, topic = split_topic(drive)
    return f'{os.path.realpath(path)}:{topic}' if topic else os.path.realpath(path)


def refuse_failures(outcomes: Sequence[Outcome]) -> None:
    """Name every drive that failed, each on a line of its own."""
    failed = [f'drive {one.name} failed, nothing is written: {one.error}'
              for one in outcomes if one.error]
    if failed:
        rest = f'\n{len(failed)} of {len(outcomes)} drives failed' if len(failed) > 1 else ''
        raise RuntimeError('\n'.join(failed) + rest)


def _done(work: Work, jobs: Mapping[str, object], how: Spreading,
          kept: Kept | None) -> dict[str, Outcome]:
    """Do all; in the order of the jobs, whatever came first."""
    found = {outcome.name: outcome for outcome in spread(work, jobs, how, kept)}
    return {name: found[name] for name in jobs}


def _kept(arguments: argparse.Namespace, jobs: Mapping[str, ScoringJob],
          identity: Mapping[str, Any]) -> Kept | None:
    if arguments.keep is None:
        return None
    from bdl_perception.alarm.health import HealthPolicy
    from bdl_perception.version import software_version
    job = next(iter(jobs.values()))
    fingerprint = {'work': 'score', 'identity': dict(identity), 'step_s': job.step_s,
                   'rate_hz': job.rate_hz,
                   'backend': job.settings.backend, 'provider': job.settings.provider,
                   'software_version': software_version(), 'health': vars(HealthPolicy())}
    return Kept(arguments.keep, fingerprint, {name: mark_of(name) for name in jobs})
