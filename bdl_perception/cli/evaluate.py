# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""`bdl evaluate`: measure a model on drives and CamVid; a page, the tables of its card, JSON."""
import argparse
import json
from pathlib import Path
import sys
from typing import Any, Mapping, NamedTuple, Sequence, TYPE_CHECKING

from bdl_perception.cli.arguments import (
    add_executor_arguments,
    add_fit_mode_argument,
    add_rate_argument,
    add_regions_argument,
    add_sampling_arguments,
    executor_from_arguments,
)
from bdl_perception.cli.shown_words import shown_words
from bdl_perception.drives.catalog import check_rate
from bdl_perception.files import write_atomic
from bdl_perception.model_store import (
    CALIBRATION_FILE,
    calibration_rejection,
    load_calibration,
    select_camera_calibration,
)
from bdl_perception.version import software_version
from bdl_perception.workflows.calibrate_model import model_settings_from_arguments
from bdl_perception.workflows.drive_sets import camvid_jobs, find_jobs, select_nominal_set
from bdl_perception.workflows.evaluate_drives import (
    DriveJob,
    evaluate_drive,
    open_evaluator,
    read_labelled_frames,
    RECORDING,
)
from bdl_perception.workflows.executor import ExecutorConfig, run_jobs
from bdl_perception.workflows.score_drives import drive_fingerprint

if TYPE_CHECKING:
    from bdl_perception.evaluation.evaluator import Evaluator
    from bdl_perception.model_store import ModelFiles
    from bdl_perception.workflows.job_results import ResultCache


CAMVID_SPLITS = {'validation': 'val'}  # what is chosen on never meets test, as all others do
RESULTS_FILE, TABLES_FILE, REPORT_FILE = 'evaluation.json', 'evaluation.md', 'report.html'


class DriveResults(NamedTuple):
    """What came of the drives, by title."""

    records: dict[str, Any]
    errors: dict[str, str]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what an evaluation can be told."""
    parser.add_argument('model', metavar='MODEL', help='name of a shipped model, or model folder')
    parser.add_argument('drives', nargs='+', metavar='DRIVES',
                        help='rendered drives, folders of such, an OUT of `bdl render` (of which '
                             'SPLIT and each SPLIT_CONDITION are taken), or recordings without '
                             'truth: folders of pictures, videos, bags')
    parser.add_argument('--camvid', type=Path, metavar='DIR',
                        help='CamVid as SegNet has it; its val with --nominal validation, else '
                             'its test (default: no CamVid)')
    parser.add_argument('--calibration', type=Path, metavar='FILE',
                        help=f'of the alarm that is judged (default: {CALIBRATION_FILE} of the model)')
    parser.add_argument('--camera', metavar='NAME',
                        help='that the drives are of, in a calibration grouped by camera '
                             '(default: judged by all drives)')
    parser.add_argument('--nominal', metavar='SPLIT',
                        help='set that all others are compared with; it also decides which '
                             'splits of an OUT of `bdl render` are read: SPLIT and each '
                             'SPLIT_CONDITION (default: test, and where no drive is of it the '
                             'first set that holds nominal drives only; camvid_test: how other '
                             'cameras differ from CamVid)')
    parser.add_argument('--out', type=Path, required=True, metavar='DIR',
                        help=f'folder for {REPORT_FILE}, {TABLES_FILE} and {RESULTS_FILE}')
    parser.add_argument('--stride', type=int, default=1,
                        help='take every n-th frame of a drive (default: %(default)s)')
    parser.add_argument('--quality-every', type=int, default=1, metavar='N',
                        help='compare with the truth on every n-th of these; the alarm sees all '
                             '(default: %(default)s)')
    add_rate_argument(parser)
    add_sampling_arguments(parser)
    add_regions_argument(parser)
    add_fit_mode_argument(parser)
    add_executor_arguments(parser)


def run(arguments: argparse.Namespace) -> int:
    """Measure every drive, then write all files; 1 when a drive could not be measured."""
    from bdl_perception.evaluation.drive_record import record_from_dict
    from bdl_perception.evaluation.results import evaluation_results, EvaluationContext
    from bdl_perception.world.conditions import OOD_CONDITIONS
    import jinja2  # noqa: F401  # if they are missing, better now than after the last drive
    import matplotlib  # noqa: F401
    import onnx  # noqa: F401
    for name in ('stride', 'quality_every'):
        if getattr(arguments, name) < 1:
            raise ValueError(f'{name} is {getattr(arguments, name)}, must be 1 or more')
    files = _load_model_files(arguments.model)
    calibration = select_camera_calibration(load_calibration(arguments.calibration, files), arguments.camera)
    how = executor_from_arguments(arguments)
    jobs = _list_jobs(arguments, how)
    nominal = select_nominal_set(jobs, arguments.nominal)
    check_rate('evaluate', (job.path for job in jobs if job.kind == RECORDING), arguments.rate_hz)
    meter = open_evaluator(jobs[0].settings)  # fails now, for a wrong number of samples too
    setting = EvaluationContext(nominal, calibration, meter.identity, arguments.stride == 1,
                      calibration_rejection(calibration), OOD_CONDITIONS)
    jobs = [job._replace(intervals=setting.intervals, quality_every=arguments.quality_every,
                         rate_hz=arguments.rate_hz) for job in jobs]
    arguments.out.mkdir(parents=True, exist_ok=True)  # fails now, not at last
    if setting.rejection_reasons:
        print(f'bdl evaluate: neither the alarm nor calibrated intervals are measured: '
              f'{"; ".join(setting.rejection_reasons)}', file=sys.stderr)
    outcomes = _evaluate_all(jobs, how, _result_cache(arguments, jobs, meter))
    if not outcomes.records:
        raise RuntimeError(f'no drive could be measured: {_join_errors(outcomes.errors)}')
    records = [record_from_dict(record) for record in outcomes.records.values()]
    made = {**_run_metadata(files, arguments), 'backend': meter.backend_name,
            'precision': meter.identity.precision, 'ms': _measure_latency_ms(jobs, outcomes),
            'failed': outcomes.errors,
            **evaluation_results(records, setting)}
    _write_results(made, arguments.out)
    if outcomes.errors:
        print(f'bdl evaluate: {len(outcomes.errors)} of {len(jobs)} drives failed: '
              f'{_join_errors(outcomes.errors)}', file=sys.stderr)
    return 1 if outcomes.errors else 0


def _evaluate_all(jobs: Sequence[DriveJob], how: ExecutorConfig, kept: 'ResultCache | None') -> DriveResults:
    """Measure every drive; one that fails is told and does not stop the others."""
    found = {outcome.name: outcome for outcome in
             run_jobs(evaluate_drive, {job.title: job for job in jobs}, how, kept)}
    ordered = [found[job.title] for job in jobs]
    return DriveResults({one.name: one.value for one in ordered if not one.error},
                    {one.name: one.error for one in ordered if one.error})


def _result_cache(arguments: argparse.Namespace, jobs: Sequence[DriveJob],
          meter: 'Evaluator') -> 'ResultCache | None':
    """Bind what is kept to all that a record depends on."""
    if arguments.keep is None:
        return None
    from bdl_perception.evaluation.drive_record import FADING_PART
    from bdl_perception.metrics.registry import METRICS
    from bdl_perception.perception.camera_health import HealthPolicy
    from bdl_perception.workflows.job_results import ResultCache
    fingerprint = {'work': 'measure', 'identity': vars(meter.identity),
                   'backend': meter.backend_name, 'provider': arguments.provider,
                   'stride': arguments.stride, 'every': arguments.quality_every,
                   'rate_hz': arguments.rate_hz,
                   'measures': list(METRICS), 'parts': FADING_PART,
                   'intervals': jobs[0].intervals, 'health': vars(HealthPolicy()),
                   'software_version': software_version()}
    marks = {job.title: [job.path, job.split, drive_fingerprint(job.path)] for job in jobs}
    return ResultCache(arguments.keep, fingerprint, marks)


def _list_jobs(arguments: argparse.Namespace, how: ExecutorConfig) -> list[DriveJob]:
    settings = model_settings_from_arguments(arguments, how)._replace(fit_mode=arguments.fit_mode)
    jobs = find_jobs(arguments.drives, arguments.nominal, settings, arguments.stride)
    if arguments.camvid:
        split = CAMVID_SPLITS.get(arguments.nominal, 'test')
        jobs += camvid_jobs(arguments.camvid, split, settings)
    return jobs


def _load_model_files(model: str) -> 'ModelFiles':
    from bdl_perception.model_store import load_model_files
    return load_model_files(model)


def _measure_latency_ms(jobs: Sequence[DriveJob], outcomes: DriveResults) -> dict[str, float]:
    """Take the time on the first picture of the first drive that could be read."""
    job = next(job for job in jobs if job.title in outcomes.records)
    return open_evaluator(job.settings).measure_latency(next(iter(read_labelled_frames(job))).frame)._asdict()


def _run_metadata(files: 'ModelFiles', arguments: argparse.Namespace) -> dict[str, Any]:
    """Say which model this is of, how large it is, and how it was run."""
    from bdl_perception.backends.graph_contract import count_parameters
    names = ('stride', 'quality_every', 'samples', 'seed', 'threads', 'fit_mode')
    return {
        'model': files.spec.name, 'software_version': software_version(),
        'perceive_sha256': files.spec.perceive_sha256, 'sample_sha256': files.spec.sample_sha256,
        'parameters': {'perceive': count_parameters(files.perceive),
                       'sample': count_parameters(files.sample)},
        'command': shown_words('evaluate', add_arguments, arguments),
        'versions': _library_versions(),
        **{name: getattr(arguments, name) for name in names}}


def _library_versions() -> dict[str, str]:
    """Name what the numbers depend on."""
    from importlib.metadata import version
    import platform
    names = ('numpy', 'opencv-python-headless', 'onnxruntime', 'scikit-learn')
    return {'bdl_perception': software_version(), 'Python': platform.python_version(),
            **{name: version(name) for name in names}}


def _write_results(made: Mapping[str, Any], out: Path) -> None:
    """Write all files once all are made; each is the old one or the new one, never half of it."""
    from bdl_perception.report.markdown import markdown, to_json_values
    from bdl_perception.report.page import render_page
    fit = to_json_values(made)
    tables = markdown(fit)
    texts = {RESULTS_FILE: json.dumps(fit, indent=1) + '\n', TABLES_FILE: tables, REPORT_FILE: render_page(fit)}
    for name, text in texts.items():
        write_atomic(out / name, text.encode())
    print(tables, f'written to {out}', sep='\n')


def _join_errors(errors: Mapping[str, str]) -> str:
    return '; '.join(f'{title}: {error}' for title, error in errors.items())
