# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""The scores of one drive as a job that any process can do; each opens the model once."""
from functools import lru_cache
import os
from pathlib import Path
from typing import Any, NamedTuple, TYPE_CHECKING

from bdl_perception.commands.scaling_job import scaling_sums

if TYPE_CHECKING:
    from bdl_perception.perception.perceiver import Perceiver


class ModelSettings(NamedTuple):
    """How a model is opened and sampled."""

    model: str  # a shipped name, or an absolute path
    samples: int
    seed: int
    backend: str
    threads: int
    provider: str
    precision: str
    regions: str  # as alarm.regions reads them
    fit_mode: str = 'crop'  # of what is scored; CamVid is stretched whatever this is


class ScoringJob(NamedTuple):
    """One drive, and what looks at it."""

    drive: str  # absolute, as drives.open_drive takes it
    settings: ModelSettings
    step_s: float
    rate_hz: float | None = None  # of a folder of pictures that says none


def score(job: ScoringJob) -> dict[str, Any]:
    """
    Look at a drive.

    Gives seen, [stamp_ns, {score: value}] about every step_s, and scaling, what its truth says of
    the intervals of depth, None without any.
    """
    from bdl_perception.alarm.regions import parse_regions
    from bdl_perception.drives import open_drive
    from bdl_perception.evaluation.score_drive import healthy
    from bdl_perception.evaluation.score_drive import score_drive
    perceiver = opened(job.settings)
    perceiver.forget()
    seen = score_drive(perceiver, healthy(open_drive(job.drive, job.rate_hz)), job.step_s,
                       parse_regions(job.settings.regions))
    return {'seen': [[one.stamp_ns, dict(one.values)] for one in seen],
            'scaling': scaling_sums(perceiver, job.drive)}


@lru_cache(maxsize=1)
def opened(settings: ModelSettings) -> 'Perceiver':
    """Open the model, or take the one that this process has open."""
    from bdl_perception.backends.registry import open_backend
    from bdl_perception.perception.perceiver import Perceiver
    backend = open_backend(settings.backend, settings.model, settings.threads, settings.provider,
                           settings.precision)
    try:
        return Perceiver(backend, settings.samples, settings.seed, settings.fit_mode)
    except ValueError:
        backend.close()
        raise


def mark_of(drive: str) -> list[int]:
    """Tell a drive that was made again: how many files, bytes, and the newest change in ns."""
    path = Path(drive if Path(drive).exists() else drive.rpartition(':/')[0])
    files = [path, *path.rglob('*')] if path.is_dir() else [path]
    found = [os.stat(file) for file in files]
    return [len(found), sum(one.st_size for one in found),
            max(one.st_mtime_ns for one in found)]
