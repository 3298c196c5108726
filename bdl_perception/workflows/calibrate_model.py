# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""Calibrate the alarm of a model: score nominal drives, then fit thresholds and limits."""
from collections import Counter
from dataclasses import asdict, replace
import os
from pathlib import Path
from typing import Any, Iterable, Mapping, NamedTuple, Sequence

from bdl_perception.alarm.arming import version_rejection
from bdl_perception.alarm.calibrate import calibrate as calibrate_alarm
from bdl_perception.alarm.calibrate_cameras import calibrate_cameras, check_cameras
from bdl_perception.alarm.calibration import Calibration
from bdl_perception.alarm.calibration_config import (
    CalibrationConfig,
    check_calibration_config,
    count_recordings,
)
from bdl_perception.alarm.observations import Observation, ScoredDrive
from bdl_perception.drives import Drive, open_drives
from bdl_perception.drives.base import split_topic
from bdl_perception.drives.catalog import CameraDrive, list_camera_drives
from bdl_perception.drives.description import check_nominal
from bdl_perception.metrics.pixels import merge_states
from bdl_perception.metrics.recalibration import fit_intervals
from bdl_perception.model_store import load_model_files, ModelOptions
from bdl_perception.perception.camera_health import HealthPolicy
from bdl_perception.perception.regions import Regions
from bdl_perception.perception.scores import check_watched, IMAGE_VALUES, score_descriptions
from bdl_perception.perception.status import build_identity, Identity
from bdl_perception.version import software_version
from bdl_perception.workflows.drive_jobs import (
    opened_backend,
    path_fingerprint,
    portable_model,
    resolve_options,
    run_scoring_job,
    ScoringJob,
)
from bdl_perception.workflows.executor import ExecutorConfig, run_jobs
from bdl_perception.workflows.job_results import JobResult, ResultCache
import numpy as np

DEFAULT_CONFIG, DEFAULT_OPTIONS = CalibrationConfig(), ModelOptions()
DEFAULT_EXECUTOR = ExecutorConfig()


class ScoringResult(NamedTuple):
    """The scores of all drives, the model that they are of, and the intervals of depth."""

    drives: list[ScoredDrive]
    identity: Identity
    intervals: dict[str, Any] | None  # None: no drive has a true depth


def calibrate(model: str | Path, drives: Sequence[str | Path | CameraDrive], *,
              config: CalibrationConfig = DEFAULT_CONFIG, options: ModelOptions = DEFAULT_OPTIONS,
              executor: ExecutorConfig = DEFAULT_EXECUTOR, rate_hz: float | None = None,
              cache_folder: Path | None = None) -> Calibration:
    """
    Calibrate the alarm of a model on nominal drives that were not used for training.

    model: shipped name or model folder. drives: at least eight folders of images, videos or bags,
    or folders of such; with config.group_by 'camera', CameraDrive. rate_hz: frames per second of
    folders of images, default 10. cache_folder: the scores of finished drives are stored there.
    Returns the calibration; model_store.save_calibration writes it.
    ValueError: the drives cannot give this calibration. RuntimeError names all drives that failed.
    """
    resolved, model = resolve_options(options, executor), portable_model(model)
    load_model_files(model).spec.check_samples(resolved.samples)
    check_watched(config.watched, score_descriptions(resolved.regions))
    known = list_camera_drives(drives, config.group_by)
    opened = open_drives([one.path for one in known], rate_hz)
    check_unique_drives(one.path for one in known)
    check_nominal(one.path for one in known)
    _check_config(config, known, resolved.regions)
    scored = score_drives(model, known, opened, config.step_s, resolved, executor, cache_folder)
    fit = calibrate_cameras if config.group_by == 'camera' else calibrate_alarm
    return replace(fit(scored.drives, scored.identity, config, software_version()),
                   intervals=scored.intervals)


def score_drives(model: str, drives: Sequence[CameraDrive], opened: Sequence[Drive], step_s: float,
                 options: ModelOptions, executor: ExecutorConfig = DEFAULT_EXECUTOR,
                 cache_folder: Path | None = None) -> ScoringResult:
    """Score every drive about every step_s; RuntimeError names all that failed."""
    jobs = {os.path.abspath(known.path): ScoringJob(known.path, drive, model, options, step_s)
            for known, drive in zip(drives, opened, strict=True)}
    names = unique_names({path: job.drive.name for path, job in jobs.items()})
    with opened_backend(model, options) as backend:  # an error of the model precedes any drive
        identity = build_identity(backend.spec, options.samples, options.seed, backend.precision,
                                  options.regions, options.fit_mode)
        cache = _result_cache(cache_folder, identity, jobs) if cache_folder else None
        found = {one.name: one for one in run_jobs(run_scoring_job, jobs, executor, cache)}
    results = [found[path] for path in jobs]  # in the order of the drives
    check_no_failures([one._replace(name=names[one.name]) for one in results])
    return ScoringResult(
        [ScoredDrive(names[one.name],
                     tuple(Observation(*row) for row in one.value['observations']),
                     known.camera, known.recording)
         for known, one in zip(drives, results, strict=True)],
        identity, fit_depth_intervals(one.value['depth_errors'] for one in results))


def fit_depth_intervals(states: Iterable[Mapping[str, Any] | None]) -> dict[str, Any] | None:
    """Fit the intervals of depth to all drives with ground truth; None when there is none."""
    known = [{name: np.asarray(values, np.float64) for name, values in one.items()}
             for one in states if one]
    if not known:
        return None
    total = known[0]
    for one in known[1:]:
        total = merge_states(total, one)
    return fit_intervals(total, len(known)).to_dict() if total['z'].any() else None


def unique_names(names: Mapping[str, str]) -> dict[str, str]:
    """Prefix the name of each path with parent folders until all names differ."""
    unique = dict(names)
    folders = {path: split_topic(path)[0].parent.parts for path in names}
    for count in range(1, max(map(len, folders.values()), default=0) + 1):
        if len(set(unique.values())) == len(names):
            break
        unique = {path: '/'.join((*folders[path][-count:], name)) for path, name in names.items()}
    return unique


def check_unique_drives(drives: Iterable[Path]) -> None:
    """Raise ValueError for a drive that is given by two paths: it would count twice."""
    counts = Counter(map(_resolved_path, drives))
    twice = sorted(path for path, count in counts.items() if count > 1)
    if twice:
        raise ValueError(f'{", ".join(twice)} is given twice; give each drive once')


def check_no_failures(results: Sequence[JobResult]) -> None:
    """Raise RuntimeError with a line for each drive that failed."""
    failed = [f'drive {one.name} failed, nothing is written: {one.error}'
              for one in results if one.error]
    if failed:
        rest = f'\n{len(failed)} of {len(results)} drives failed' if len(failed) > 1 else ''
        raise RuntimeError('\n'.join(failed) + rest)


def _check_config(config: CalibrationConfig, drives: Sequence[CameraDrive],
                  regions: Regions) -> None:
    """Raise ValueError when the drives cannot give the calibration, before any is scored."""
    if config.group_by == 'camera':
        check_cameras([(one.camera, one.recording) for one in drives])
    check_calibration_config(config, count_recordings(one.recording for one in drives), regions)
    if rejection := version_rejection(software_version(), software_version()):
        raise ValueError(rejection)  # no version: alert_node would reject the calibration


def _resolved_path(drive: Path) -> str:
    path, topic = split_topic(drive)
    return f'{os.path.realpath(path)}:{topic}' if topic else os.path.realpath(path)


def _result_cache(folder: Path, identity: Identity, jobs: Mapping[str, ScoringJob]) -> ResultCache:
    """Open a cache that is valid for these options and files only."""
    job = next(iter(jobs.values()))
    fingerprint = {'work': 'score', 'identity': asdict(identity), 'step_s': job.step_s,
                   'backend': job.options.backend, 'provider': job.options.provider,
                   'software_version': software_version(), 'health': vars(HealthPolicy()),
                   'image_values': IMAGE_VALUES}
    return ResultCache(folder, fingerprint, {
        path: [one.drive.rate_hz, path_fingerprint(Path(path))] for path, one in jobs.items()})
