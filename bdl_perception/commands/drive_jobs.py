# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""The work of an evaluation on one drive: plain values in, plain values out, in any process."""
from functools import lru_cache
from pathlib import Path
from typing import Any, Iterable, Iterator, Mapping, NamedTuple, TYPE_CHECKING

from bdl_perception.commands.scoring_job import ModelSettings
from bdl_perception.commands.sources import read_camvid
from bdl_perception.commands.sources import read_rendered
from bdl_perception.commands.stated import segments_in

if TYPE_CHECKING:
    from bdl_perception.evaluation.drive_record import Segment
    from bdl_perception.evaluation.measure import Meter
    from bdl_perception.evaluation.view import Labelled

RENDERED, RECORDING, CAMVID = 'rendered', 'recording', 'camvid'


class DriveJob(NamedTuple):
    """One drive to be measured."""

    name: str
    part_of: str  # the set
    kind: str
    path: str
    settings: ModelSettings
    stride: int = 1
    split: str = ''  # of CamVid, whose drives are the sequences of a split
    every: int = 1  # pictures, of which one is judged by the truth
    intervals: Mapping[str, Any] | None = None  # of depth, as DepthIntervals.to_dict gives them
    rate_hz: float | None = None  # of a folder of pictures that says none

    @property
    def title(self) -> str:
        """Name it among all drives."""
        return f'{self.part_of}/{self.name}'


def measure_drive(job: DriveJob) -> dict[str, Any]:
    """Measure it with the model, which each process opens once; gives a record as JSON has it."""
    from bdl_perception.evaluation.depth_intervals import DepthIntervals
    from bdl_perception.evaluation.drive_record import Origin
    from bdl_perception.evaluation.drive_record import record_to_dict
    origin = Origin(job.name, job.part_of, segments_of(job), job.kind != CAMVID)
    fit_mode = 'stretch' if job.kind == CAMVID else None  # judged on the whole frame
    intervals = DepthIntervals.from_dict(job.intervals) if job.intervals else None
    meter = open_meter(job.settings)
    return record_to_dict(meter.record(origin, frames_of(job), fit_mode, intervals, job.every))


@lru_cache(maxsize=1)
def open_meter(settings: ModelSettings) -> 'Meter':
    """Open a model and keep it for the next drive."""
    from bdl_perception.alarm.regions import parse_regions
    from bdl_perception.backends.registry import open_backend
    from bdl_perception.evaluation.measure import Meter
    backend = open_backend(settings.backend, settings.model, settings.threads, settings.provider,
                           settings.precision)
    try:
        return Meter(backend, settings.samples, settings.seed, parse_regions(settings.regions),
                     settings.fit_mode)
    except ValueError:
        backend.close()
        raise


def frames_of(job: DriveJob) -> Iterator['Labelled']:
    """Read every stride-th picture, with its truth where there is any."""
    if job.kind == RENDERED:
        return read_rendered([Path(job.path)], job.stride)
    if job.kind == CAMVID:
        return _sequence(job)
    return _unlabelled(job)


def segments_of(job: DriveJob) -> tuple['Segment', ...]:
    """Tell the conditions of a drive; empty when nobody knows them."""
    return () if job.kind == CAMVID else segments_in(Path(job.path))


def camvid_sequences(root: Path, split: str) -> dict[str, list[int]]:
    """Give the pictures of each sequence of a split: 0001TP_008550 is of 0001TP."""
    from bdl_perception.training.datasets.camvid import CamVid
    found: dict[str, list[int]] = {}
    for number, path in enumerate(CamVid(root, split).paths):
        found.setdefault(path.stem.partition('_')[0], []).append(number)
    return found


def _sequence(job: DriveJob) -> Iterator['Labelled']:
    numbers = camvid_sequences(Path(job.path), job.split)[job.name]
    return read_camvid(Path(job.path), job.split, numbers)


def _unlabelled(job: DriveJob) -> Iterator['Labelled']:
    from bdl_perception.drives import open_drive
    from bdl_perception.evaluation.view import Labelled
    frames: Iterable[Any] = open_drive(job.path, job.rate_hz)
    for number, frame in enumerate(frames):
        if number % job.stride == 0:
            yield Labelled(f'{job.name}\nframe {number}', frame)
