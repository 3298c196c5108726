# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""
Jobs on one drive, for any process: its scores for a calibration, or its record for an evaluation.

A job is plain values that can be pickled, and its result is JSON. A process opens the model once.
"""
from contextlib import contextmanager
from dataclasses import replace
from functools import lru_cache
import os
from pathlib import Path
from typing import Any, Iterator, Mapping, NamedTuple

from bdl_perception.drives import Drive
from bdl_perception.drives.base import DESCRIPTION_FILE
from bdl_perception.evaluation.drive_record import Origin, record_to_dict
from bdl_perception.evaluation.evaluator import Evaluator
from bdl_perception.evaluation.inference import check_camera_health, predict, score_drive
from bdl_perception.metrics.depth_intervals import DepthIntervals
from bdl_perception.metrics.recalibration import RecalibrationState
from bdl_perception.model_store import find_model, ModelOptions
from bdl_perception.perception.backend import Backend
from bdl_perception.perception.perceiver import Perceiver
from bdl_perception.workflows.drive_sets import EvaluationDrive
from bdl_perception.workflows.executor import ExecutorConfig
from bdl_perception.workflows.labelled_frames import evenly_spaced, RenderedFrames

DEPTH_FRAMES_PER_DRIVE = 6  # for depth intervals: frames of a drive are alike, drives count


class ScoringJob(NamedTuple):
    """A drive to be scored about every step_s."""

    path: Path
    drive: Drive
    model: str  # a shipped name or an absolute path
    options: ModelOptions
    step_s: float


class EvaluationJob(NamedTuple):
    """A drive to be evaluated."""

    drive: EvaluationDrive
    model: str  # a shipped name or an absolute path
    options: ModelOptions
    stride: int  # of the frames
    quality_every: int  # every n-th of these frames is compared with the ground truth
    intervals: Mapping[str, Any] | None  # of depth, as DepthIntervals.to_dict; None: unknown


def run_scoring_job(job: ScoringJob) -> dict[str, Any]:
    """
    Score a drive.

    Returns observations, rows of [stamp_ns, {score: value}] about every step_s, and depth_errors,
    the state of the recalibration of depth intervals, None without ground truth.
    """
    backend, options = open_backend_once(job.model, job.options), job.options
    perceiver = Perceiver(backend, options.samples, options.seed, options.fit_mode)
    observations = [[one.stamp_ns, dict(one.values)] for one in score_drive(
        perceiver, check_camera_health(job.drive), job.step_s, options.regions)]
    return {'observations': observations, 'depth_errors': _depth_error_state(perceiver, job.path)}


def run_evaluation_job(job: EvaluationJob) -> dict[str, Any]:
    """Evaluate a drive; returns record_to_dict of its DriveRecord."""
    drive = job.drive
    origin = Origin(drive.name, drive.set_name, drive.segments, drive.timed)
    intervals = DepthIntervals.from_dict(job.intervals) if job.intervals else None
    evaluator = open_evaluator(job.model, job.options)
    return record_to_dict(evaluator.evaluate_drive(
        origin, drive.source.frames(job.stride), drive.source.fit_mode, intervals,
        job.quality_every))


def open_evaluator(model: str, options: ModelOptions) -> Evaluator:
    """Make an evaluator with the backend that this process has open."""
    return Evaluator(open_backend_once(model, options), options.samples, options.seed,
                     options.regions, options.fit_mode)


@lru_cache(maxsize=1)
def open_backend_once(model: str, options: ModelOptions) -> Backend:
    """Open a model, or return the backend that this process has open."""
    from bdl_perception.backends import open_backend  # its libraries are slow to import
    return open_backend(model, options)


@contextmanager
def opened_backend(model: str, options: ModelOptions) -> Iterator[Backend]:
    """Open a model for the jobs of this process, and close it after them."""
    backend = open_backend_once(model, options)
    try:
        yield backend
    finally:
        open_backend_once.cache_clear()
        backend.close()


def portable_model(model: str | Path) -> str:
    """Name a model for other processes: by its shipped name, or by its absolute path."""
    folder = find_model(model)
    return folder.name if folder.name == str(model) else str(folder)


def resolve_options(options: ModelOptions, executor: ExecutorConfig) -> ModelOptions:
    """Name the backend that auto selects; of several processes, each has one thread by default."""
    from bdl_perception.backends import choose_backend
    threads = options.threads or (1 if executor.is_parallel else 0)
    return replace(options, backend=choose_backend(options.backend).name, threads=threads)


def path_fingerprint(path: Path) -> list[int]:
    """Give the number of files, their bytes and the newest change, ns; it changes with a drive."""
    path = path if path.exists() else Path(str(path).rpartition(':/')[0])
    found = [os.stat(file) for file in ([path, *path.rglob('*')] if path.is_dir() else [path])]
    return [len(found), sum(one.st_size for one in found), max(one.st_mtime_ns for one in found)]


def _depth_error_state(perceiver: Perceiver, path: Path) -> dict[str, list[Any]] | None:
    """Sum the errors of depth in units of sigma over a rendered drive; None for other drives."""
    if not ((path / DESCRIPTION_FILE).is_file() and (path / 'depth').is_dir()):
        return None
    frames, state = RenderedFrames(path), RecalibrationState()
    for labelled in frames.frames_at(evenly_spaced(len(frames), DEPTH_FRAMES_PER_DRIVE)):
        state.update(predict(perceiver, labelled))
    return {name: values.tolist() for name, values in state.state().items()}
