# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""`bdl evaluate`: measure a model on drives and CamVid; a page, the tables of its card, JSON."""
import argparse
import json
from pathlib import Path
import sys
from typing import Any, Mapping, NamedTuple, Sequence, TYPE_CHECKING

from bdl_perception.commands.calibrate import FILE_NAME
from bdl_perception.commands.chosen_calibration import of_camera
from bdl_perception.commands.chosen_calibration import outdated
from bdl_perception.commands.chosen_calibration import read_calibration
from bdl_perception.commands.drive_jobs import DriveJob
from bdl_perception.commands.drive_jobs import frames_of
from bdl_perception.commands.drive_jobs import measure_drive
from bdl_perception.commands.drive_jobs import open_meter
from bdl_perception.commands.drive_jobs import RECORDING
from bdl_perception.commands.drive_sets import camvid_jobs
from bdl_perception.commands.drive_sets import find_jobs
from bdl_perception.commands.drive_sets import nominal_set
from bdl_perception.commands.opened_drives import add_rate_argument
from bdl_perception.commands.opened_drives import check_rate
from bdl_perception.commands.sampling import add_fit_mode_argument
from bdl_perception.commands.sampling import add_regions_argument
from bdl_perception.commands.sampling import add_sampling_arguments
from bdl_perception.commands.scoring_job import mark_of
from bdl_perception.commands.shown_words import shown_words
from bdl_perception.commands.spreading import add_spreading_arguments
from bdl_perception.commands.spreading import settings_of
from bdl_perception.commands.spreading import spreading_of
from bdl_perception.evaluation.spread import spread
from bdl_perception.evaluation.spread import Spreading
from bdl_perception.version import software_version
from bdl_perception.whole_file import write_whole

if TYPE_CHECKING:
    from bdl_perception.backends.model_files import ModelFiles
    from bdl_perception.evaluation.kept import Kept
    from bdl_perception.evaluation.measure import Meter

CAMVID_SPLITS = {'validation': 'val'}  # what is chosen on never meets test, as all others do
JSON, MARKDOWN, PAGE = 'evaluation.json', 'evaluation.md', 'report.html'


class Outcomes(NamedTuple):
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
                        help=f'of the alarm that is judged (default: {FILE_NAME} of the model)')
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
                        help=f'folder for {PAGE}, {MARKDOWN} and {JSON}')
    parser.add_argument('--stride', type=int, default=1,
                        help='take every n-th frame of a drive (default: %(default)s)')
    parser.add_argument('--quality-every', type=int, default=1, metavar='N',
                        help='compare with the truth on every n-th of these; the alarm sees all '
                             '(default: %(default)s)')
    add_rate_argument(parser)
    add_sampling_arguments(parser)
    add_regions_argument(parser)
    add_fit_mode_argument(parser)
    add_spreading_arguments(parser)


def run(arguments: argparse.Namespace) -> int:
    """Measure every drive, then write all files; 1 when a drive could not be measured."""
    from bdl_perception.evaluation.drive_record import record_from_dict
    from bdl_perception.evaluation.results import results
    from bdl_perception.evaluation.results import Setting
    from bdl_perception.world.conditions import STRANGE
    import jinja2  # noqa: F401  # if they are missing, better now than after the last drive
    import matplotlib  # noqa: F401
    import onnx  # noqa: F401
    for name in ('stride', 'quality_every'):
        if getattr(arguments, name) < 1:
            raise ValueError(f'{name} is {getattr(arguments, name)}, must be 1 or more')
    files = _model_files(arguments.model)
    calibration = of_camera(read_calibration(arguments.calibration, files), arguments.camera)
    how = spreading_of(arguments)
    jobs = _jobs(arguments, how)
    nominal = nominal_set(jobs, arguments.nominal)
    check_rate('evaluate', (job.path for job in jobs if job.kind == RECORDING), arguments.rate_hz)
    meter = open_meter(jobs[0].settings)  # fails now, for a wrong number of samples too
    setting = Setting(nominal, calibration, meter.identity, arguments.stride == 1,
                      outdated(calibration), STRANGE)
    jobs = [job._replace(intervals=setting.intervals, every=arguments.quality_every,
                         rate_hz=arguments.rate_hz) for job in jobs]
    arguments.out.mkdir(parents=True, exist_ok=True)  # fails now, not at last
    if setting.refusals:
        print(f'bdl evaluate: neither the alarm nor calibrated intervals are measured: '
              f'{"; ".join(setting.refusals)}', file=sys.stderr)
    outcomes = _measure_all(jobs, how, _kept(arguments, jobs, meter))
    if not outcomes.records:
        raise RuntimeError(f'no drive could be measured: {_told(outcomes.errors)}')
    records = [record_from_dict(record) for record in outcomes.records.values()]
    made = {**_identity(files, arguments), 'backend': meter.backend_name,
            'precision': meter.identity.precision, 'ms': _milliseconds(jobs, outcomes),
            'failed': outcomes.errors,
            **results(records, setting)}
    _write(made, arguments.out)
    if outcomes.errors:
        print(f'bdl evaluate: {len(outcomes.errors)} of {len(jobs)} drives failed: '
              f'{_told(outcomes.errors)}', file=sys.stderr)
    return 1 if outcomes.errors else 0


def _measure_all(jobs: Sequence[DriveJob], how: Spreading, kept: 'Kept | None') -> Outcomes:
    """Measure every drive; one that fails is told and does not stop the others."""
    found = {outcome.name: outcome for outcome in
             spread(measure_drive, {job.title: job for job in jobs}, how, kept)}
    ordered = [found[job.title] for job in jobs]
    return Outcomes({one.name: one.value for one in ordered if not one.error},
                    {one.name: one.error for one in ordered if one.error})


def _kept(arguments: argparse.Namespace, jobs: Sequence[DriveJob],
          meter: 'Meter') -> 'Kept | None':
    """Bind what is kept to all that a record depends on."""
    if arguments.keep is None:
        return None
    from bdl_perception.alarm.health import HealthPolicy
    from bdl_perception.evaluation.drive_record import FADING_PART
    from bdl_perception.evaluation.kept import Kept
    from bdl_perception.evaluation.measures import MEASURES
    fingerprint = {'work': 'measure', 'identity': vars(meter.identity),
                   'backend': meter.backend_name, 'provider': arguments.provider,
                   'stride': arguments.stride, 'every': arguments.quality_every,
                   'rate_hz': arguments.rate_hz,
                   'measures': list(MEASURES), 'parts': FADING_PART,
                   'intervals': jobs[0].intervals, 'health': vars(HealthPolicy()),
                   'software_version': software_version()}
    marks = {job.title: [job.path, job.split, mark_of(job.path)] for job in jobs}
    return Kept(arguments.keep, fingerprint, marks)


def _jobs(arguments: argparse.Namespace, how: Spreading) -> list[DriveJob]:
    settings = settings_of(arguments, how)._replace(fit_mode=arguments.fit_mode)
    jobs = find_jobs(arguments.drives, arguments.nominal, settings, arguments.stride)
    if arguments.camvid:
        split = CAMVID_SPLITS.get(arguments.nominal, 'test')
        jobs += camvid_jobs(arguments.camvid, split, settings)
    return jobs


def _model_files(model: str) -> 'ModelFiles':
    from bdl_perception.backends.model_files import load_model_files
    return load_model_files(model)


def _milliseconds(jobs: Sequence[DriveJob], outcomes: Outcomes) -> dict[str, float]:
    """Take the time on the first picture of the first drive that could be read."""
    job = next(job for job in jobs if job.title in outcomes.records)
    return open_meter(job.settings).time(next(iter(frames_of(job))).frame)._asdict()


def _identity(files: 'ModelFiles', arguments: argparse.Namespace) -> dict[str, Any]:
    """Say which model this is of, how large it is, and how it was run."""
    from bdl_perception.network.graph_size import count_parameters
    names = ('stride', 'quality_every', 'samples', 'seed', 'threads', 'fit_mode')
    return {
        'model': files.spec.name, 'software_version': software_version(),
        'perceive_sha256': files.spec.perceive_sha256, 'sample_sha256': files.spec.sample_sha256,
        'parameters': {'perceive': count_parameters(files.perceive),
                       'sample': count_parameters(files.sample)},
        'command': shown_words('evaluate', add_arguments, arguments),
        'versions': _versions(),
        **{name: getattr(arguments, name) for name in names}}


def _versions() -> dict[str, str]:
    """Name what the numbers depend on."""
    from importlib.metadata import version
    import platform
    names = ('numpy', 'opencv-python-headless', 'onnxruntime', 'scikit-learn')
    return {'bdl_perception': software_version(), 'Python': platform.python_version(),
            **{name: version(name) for name in names}}


def _write(made: Mapping[str, Any], out: Path) -> None:
    """Write all files once all are made; each is the old one or the new one, never half of it."""
    from bdl_perception.evaluation.report.page import page
    from bdl_perception.evaluation.tables import markdown
    from bdl_perception.evaluation.tables import plain
    fit = plain(made)
    tables = markdown(fit)
    texts = {JSON: json.dumps(fit, indent=1) + '\n', MARKDOWN: tables, PAGE: page(fit)}
    for name, text in texts.items():
        write_whole(out / name, text.encode())
    print(tables, f'written to {out}', sep='\n')


def _told(errors: Mapping[str, str]) -> str:
    return '; '.join(f'{title}: {error}' for title, error in errors.items())
