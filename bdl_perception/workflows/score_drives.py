# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""The scores of one drive as a job that any process can do; each opens the model once."""
from functools import lru_cache
import os
from pathlib import Path
from typing import Any, Iterable, Mapping, NamedTuple, TYPE_CHECKING

from bdl_perception.drives.description import DESCRIPTION_FILE
from bdl_perception.workflows.labelled_frames import evenly_spaced, read_frames_at

if TYPE_CHECKING:
    from bdl_perception.perception.perceiver import Perceiver


FRAMES_PER_DRIVE = 6  # of a drive: its pictures are alike, and drives are what counts


def variance_scaling_state(perceiver: 'Perceiver', drive: str) -> dict[str, list[Any]] | None:
    """Add up errors of depth in units of sigma over a rendered drive; None without truth."""
    from bdl_perception.drives import open_drive
    from bdl_perception.evaluation.evaluator import AveragingBackend
    from bdl_perception.evaluation.inference import predict
    from bdl_perception.metrics.recalibration import RecalibrationState
    from bdl_perception.perception.perceiver import Perceiver
    folder = Path(drive)
    if not ((folder / DESCRIPTION_FILE).is_file() and (folder / 'depth').is_dir()):
        return None
    averaging = AveragingBackend(perceiver.backend)
    own = Perceiver(averaging, perceiver.samples, perceiver.seed, perceiver.fit_mode)
    tally = RecalibrationState()
    for labelled in read_frames_at(folder, evenly_spaced(len(open_drive(drive)), FRAMES_PER_DRIVE)):
        tally.update(predict(own, labelled)._replace(probability=averaging.probability))
    return {name: values.tolist() for name, values in tally.state().items()}


def fit_depth_intervals(states: Iterable[Mapping[str, Any] | None]) -> dict[str, Any] | None:
    """Fit the intervals of depth to all drives that have a truth; None: none has."""
    from bdl_perception.metrics.pixels import merge_states
    from bdl_perception.metrics.recalibration import fit_intervals
    import numpy as np
    known = [{name: np.asarray(values, np.float64) for name, values in one.items()}
             for one in states if one]
    if not known:
        return None
    total = known[0]
    for one in known[1:]:
        total = merge_states(total, one)
    return fit_intervals(total, len(known)).to_dict() if total['z'].any() else None


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


def run_scoring_job(job: ScoringJob) -> dict[str, Any]:
    """
    Look at a drive.

    Gives seen, [stamp_ns, {score: value}] about every step_s, and scaling, what its truth says of
    the intervals of depth, None without any.
    """
    from bdl_perception.drives import open_drive
    from bdl_perception.evaluation.inference import check_camera_health, score_drive
    from bdl_perception.perception.regions import parse_regions
    perceiver = open_perceiver(job.settings)
    perceiver.discard_frame()
    seen = score_drive(perceiver, check_camera_health(open_drive(job.drive, job.rate_hz)), job.step_s,
                       parse_regions(job.settings.regions))
    return {'seen': [[one.stamp_ns, dict(one.values)] for one in seen],
            'scaling': variance_scaling_state(perceiver, job.drive)}


@lru_cache(maxsize=1)
def open_perceiver(settings: ModelSettings) -> 'Perceiver':
    """Open the model, or take the one that this process has open."""
    from bdl_perception import backends
    from bdl_perception.model_store import ModelOptions
    from bdl_perception.perception.regions import parse_regions
    return backends.open_perceiver(settings.model, ModelOptions(
        settings.backend, settings.threads, settings.provider, settings.precision,
        settings.samples, settings.seed, parse_regions(settings.regions), settings.fit_mode))


def drive_fingerprint(drive: str) -> list[int]:
    """Tell a drive that was made again: how many files, bytes, and the newest change in ns."""
    path = Path(drive if Path(drive).exists() else drive.rpartition(':/')[0])
    files = [path, *path.rglob('*')] if path.is_dir() else [path]
    found = [os.stat(file) for file in files]
    return [len(found), sum(one.st_size for one in found),
            max(one.st_mtime_ns for one in found)]
