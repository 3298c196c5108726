# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""Evaluate a model and its alarm on drives and data sets."""
from dataclasses import asdict, dataclass, field
from importlib.metadata import PackageNotFoundError, version
import logging
from pathlib import Path
import platform
from typing import Any, Iterable, Mapping, Sequence

from bdl_perception.alarm.arming import version_rejection
from bdl_perception.alarm.calibration import Calibration
from bdl_perception.datasets import DatasetSource
from bdl_perception.drives.description import OOD_CONDITIONS
from bdl_perception.evaluation.drive_record import FADING_PART, record_from_dict
from bdl_perception.evaluation.evaluator import LatencyMs
from bdl_perception.evaluation.harm import HARM_SETTINGS
from bdl_perception.evaluation.results import (
    evaluation_results,
    EvaluationContext,
    EvaluationResults,
)
from bdl_perception.metrics.registry import state_shapes
from bdl_perception.model_store import (
    CALIBRATION_FILE,
    load_calibration,
    load_model_files,
    ModelFiles,
    ModelOptions,
)
from bdl_perception.perception.camera_health import HealthPolicy
from bdl_perception.perception.scores import IMAGE_VALUES
from bdl_perception.perception.status import Identity
from bdl_perception.version import software_version
from bdl_perception.workflows.drive_jobs import (
    EvaluationJob,
    open_evaluator,
    opened_backend,
    path_fingerprint,
    portable_model,
    resolve_options,
    run_evaluation_job,
)
from bdl_perception.workflows.drive_sets import (
    dataset_drives,
    EvaluationDrive,
    find_evaluation_drives,
    select_nominal_set,
)
from bdl_perception.workflows.executor import ExecutorConfig, run_jobs
from bdl_perception.workflows.job_results import JobResult, ResultCache
from bdl_perception.workflows.labelled_frames import DatasetFrames

LOG = logging.getLogger(__name__)
CAMVID_SPLITS = {'validation': 'val'}  # of the nominal set; all others are compared with test
RESULT_FORMAT = 2  # of evaluation.json; 0.1.0 had none
LIBRARIES = ('numpy', 'opencv-python-headless', 'onnxruntime', 'scikit-learn')


@dataclass(frozen=True)
class EvaluationConfig:
    """What is compared, and with what."""

    nominal: str | None = None  # set that others are compared with; None: see select_nominal_set
    camvid: Path | None = None  # folder of CamVid, evaluated beside the drives
    calibration: Path | None = None  # of the alarm; None: of the model folder
    camera: str | None = None  # of the drives, in a calibration grouped by camera
    stride: int = 1  # of the frames of a drive; only with 1 the alarm is evaluated
    quality_every: int = 1  # every n-th of these frames is compared with the ground truth
    rate_hz: float | None = None  # frames per second of folders of images; None: 10
    cache_folder: Path | None = None  # the records of finished drives are stored there

    def __post_init__(self) -> None:
        """Check the strides."""
        for name in ('stride', 'quality_every'):
            if getattr(self, name) < 1:
                raise ValueError(f'{name} is {getattr(self, name)}, must be 1 or more')


@dataclass(frozen=True)
class EvaluationResult:
    """The results of an evaluation, and how it was run."""

    files: ModelFiles
    config: EvaluationConfig
    options: ModelOptions
    backend: str
    identity: Identity
    latency: LatencyMs
    failed: Mapping[str, str]  # drive -> error
    results: EvaluationResults = field(repr=False)
    terms: Mapping[str, str] = field(default_factory=dict)  # of the data sets, by set
    command: str = ''  # that makes it again

    def to_dict(self) -> dict[str, Any]:
        """Give evaluation.json: plain values, with NaN where a number is not defined."""
        from bdl_perception.backends.graph_contract import count_parameters
        spec, options = self.files.spec, self.options
        return {
            'format': RESULT_FORMAT, 'model': spec.name, 'model_terms': spec.terms_line,
            'software_version': software_version(),
            'perceive_sha256': spec.perceive_sha256, 'sample_sha256': spec.sample_sha256,
            'parameters': {'perceive': count_parameters(self.files.perceive),
                           'sample': count_parameters(self.files.sample)},
            'command': self.command, 'versions': library_versions(),
            'stride': self.config.stride, 'quality_every': self.config.quality_every,
            'samples': options.samples, 'seed': options.seed, 'threads': options.threads,
            'fit_mode': options.fit_mode, 'backend': self.backend,
            'input': {'width': spec.width, 'height': spec.height}, 'terms': dict(self.terms),
            'precision': self.identity.precision, 'ms': self.latency._asdict(),
            'failed': dict(self.failed), **self.results.to_dict()}


class DriveResults:
    """The records of the drives that were evaluated, and the errors of the others, by title."""

    def __init__(self, titles: Iterable[str], results: Iterable[JobResult]) -> None:
        """Sort the results; RuntimeError when every drive failed."""
        found = {one.name: one for one in results}
        ordered = [found[title] for title in titles]
        self.errors = {one.name: one.error for one in ordered if one.error}
        self.records = {one.name: record_from_dict(one.value)
                        for one in ordered if not one.error}
        if not self.records:
            raise RuntimeError(f'no drive could be evaluated: {join_errors(self.errors)}')


DEFAULT_CONFIG, DEFAULT_OPTIONS = EvaluationConfig(), ModelOptions()
DEFAULT_EXECUTOR = ExecutorConfig()


def evaluate(model: str | Path, drives: Sequence[str | Path | DatasetSource], *,
             config: EvaluationConfig = DEFAULT_CONFIG, options: ModelOptions = DEFAULT_OPTIONS,
             executor: ExecutorConfig = DEFAULT_EXECUTOR,
             calibration: Calibration | None = None) -> EvaluationResult:
    """
    Evaluate a model and its alarm.

    model: shipped name or model folder. drives: rendered drives, recordings, folders of such, an
    output folder of `bdl render`, or a data set: KIND:DIR:SPLIT, or its source. calibration: of
    the alarm, in place of the file in config.
    Returns the results; to_dict gives evaluation.json. A drive that fails is in failed.
    ValueError: a path or an option is wrong. RuntimeError: every drive failed.
    """
    resolved, model = resolve_options(options, executor), portable_model(model)
    files = load_model_files(model)
    calibration = _find_calibration(calibration, config, files)
    found = _find_drives(drives, config)
    nominal = select_nominal_set(found, config.nominal)
    outdated = calibration and version_rejection(calibration.provenance.software_version,
                                                 software_version())
    with opened_backend(model, resolved):  # an error of the model precedes any drive
        evaluator = open_evaluator(model, resolved)
        context = EvaluationContext(nominal, calibration, evaluator.identity, config.stride == 1,
                                    outdated or None, OOD_CONDITIONS)
        if context.rejection_reasons:
            LOG.warning('neither the alarm nor calibrated intervals are measured: %s',
                        '; '.join(context.rejection_reasons))
        jobs = {one.title: EvaluationJob(one, model, resolved, config.stride, config.quality_every,
                                         context.intervals) for one in found}
        cache = _result_cache(config, resolved, context, jobs)
        outcome = DriveResults(jobs, run_jobs(run_evaluation_job, jobs, executor, cache))
        first = next(job for title, job in jobs.items() if title in outcome.records)
        latency = evaluator.measure_latency(next(iter(first.drive.source.frames())).frame)
    return EvaluationResult(
        files, config, options, resolved.backend, evaluator.identity, latency, outcome.errors,
        evaluation_results(list(outcome.records.values()), context), _terms(found))


def _terms(drives: Iterable[EvaluationDrive]) -> dict[str, str]:
    return {one.set_name: one.source.source.terms for one in drives
            if isinstance(one.source, DatasetFrames)}


def join_errors(errors: Mapping[str, str]) -> str:
    """Write the errors of drives in one line."""
    return '; '.join(f'{title}: {error}' for title, error in errors.items())


def library_versions() -> dict[str, str]:
    """Return the versions of the libraries that the numbers depend on."""
    return {'bdl_perception': software_version(), 'Python': platform.python_version(),
            **{name: _library_version(name) for name in LIBRARIES}}


def _library_version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return 'unknown'  # of apt, or a wheel of another name such as onnxruntime-gpu


def _find_drives(drives: Sequence[str | Path | DatasetSource],
                 config: EvaluationConfig) -> list[EvaluationDrive]:
    found = find_evaluation_drives(drives, config.nominal, config.rate_hz)
    if config.camvid:
        split = CAMVID_SPLITS.get(config.nominal or '', 'test')
        found += dataset_drives(DatasetSource('camvid', config.camvid, split))
    return found


def _find_calibration(calibration: Calibration | None, config: EvaluationConfig,
                      files: ModelFiles) -> Calibration | None:
    """Choose the calibration, and of one grouped by camera the part of the camera."""
    own, camera = files.folder / CALIBRATION_FILE, config.camera
    path = config.calibration or (own if own.is_file() else None)
    chosen = calibration or (load_calibration(path) if path else None)
    if camera is not None and not (chosen and chosen.cameras):
        raise ValueError(f'--camera {camera}: the calibration is not grouped by camera; leave it '
                         f'out, or calibrate with --group-by camera')
    if chosen and camera is not None:
        chosen = chosen.for_camera(camera)
    if chosen and chosen.camera_rejection:
        raise ValueError(chosen.camera_rejection)
    if chosen and chosen.cameras:  # none was chosen
        LOG.warning('%s; --camera NAME chooses among %s', chosen.fallback_reason({}),
                    ', '.join(chosen.group_tests))
    return chosen


def _result_cache(config: EvaluationConfig, options: ModelOptions, context: EvaluationContext,
                  jobs: Mapping[str, EvaluationJob]) -> ResultCache | None:
    """Open a cache that is valid for these options, metrics and files only."""
    if config.cache_folder is None:
        return None
    fingerprint = {'work': 'evaluate', 'identity': asdict(context.identity),
                   'backend': options.backend, 'provider': options.provider,
                   'stride': config.stride, 'quality_every': config.quality_every,
                   'rate_hz': config.rate_hz, 'metrics': state_shapes(), 'parts': FADING_PART,
                   'intervals': context.intervals, 'health': vars(HealthPolicy()),
                   'image_values': IMAGE_VALUES, 'harm': HARM_SETTINGS,
                   'software_version': software_version()}
    return ResultCache(config.cache_folder, fingerprint, {
        title: [str(job.drive.source.path), path_fingerprint(job.drive.source.path)]
        for title, job in jobs.items()})
