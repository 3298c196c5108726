# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""The work of an evaluation on one drive: plain values in, plain values out, in any process."""
from functools import lru_cache
from pathlib import Path
from typing import Any, Iterable, Iterator, Mapping, NamedTuple, TYPE_CHECKING

from bdl_perception.drives.description import read_drive_segments
from bdl_perception.workflows.labelled_frames import read_camvid_frames, read_rendered_frames
from bdl_perception.workflows.score_drives import ModelSettings

if TYPE_CHECKING:
    from bdl_perception.datasets.base import LabelledFrame
    from bdl_perception.drives.description import Segment
    from bdl_perception.evaluation.evaluator import Evaluator


RENDERED, RECORDING, CAMVID = 'rendered', 'recording', 'camvid'


class DriveJob(NamedTuple):
    """One drive to be measured."""

    name: str
    set_name: str  # the set
    kind: str
    path: str
    settings: ModelSettings
    stride: int = 1
    split: str = ''  # of CamVid, whose drives are the sequences of a split
    quality_every: int = 1  # pictures, of which one is judged by the truth
    intervals: Mapping[str, Any] | None = None  # of depth, as DepthIntervals.to_dict gives them
    rate_hz: float | None = None  # of a folder of pictures that says none

    @property
    def title(self) -> str:
        """Name it among all drives."""
        return f'{self.set_name}/{self.name}'


def evaluate_drive(job: DriveJob) -> dict[str, Any]:
    """Measure it with the model, which each process opens once; gives a record as JSON has it."""
    from bdl_perception.evaluation.drive_record import Origin, record_to_dict
    from bdl_perception.metrics.depth_intervals import DepthIntervals
    origin = Origin(job.name, job.set_name, job_segments(job), job.kind != CAMVID)
    fit_mode = 'stretch' if job.kind == CAMVID else None  # judged on the whole frame
    intervals = DepthIntervals.from_dict(job.intervals) if job.intervals else None
    meter = open_evaluator(job.settings)
    return record_to_dict(meter.evaluate_drive(origin, read_labelled_frames(job), fit_mode, intervals, job.quality_every))


@lru_cache(maxsize=1)
def open_evaluator(settings: ModelSettings) -> 'Evaluator':
    """Open a model and keep it for the next drive."""
    from bdl_perception.backends import open_backend
    from bdl_perception.evaluation.evaluator import Evaluator
    from bdl_perception.model_store import ModelOptions
    from bdl_perception.perception.regions import parse_regions
    backend = open_backend(settings.model, ModelOptions(
        settings.backend, settings.threads, settings.provider, settings.precision))
    try:
        return Evaluator(backend, settings.samples, settings.seed, parse_regions(settings.regions),
                     settings.fit_mode)
    except ValueError:
        backend.close()
        raise


def read_labelled_frames(job: DriveJob) -> Iterator['LabelledFrame']:
    """Read every stride-th picture, with its truth where there is any."""
    if job.kind == RENDERED:
        return read_rendered_frames([Path(job.path)], job.stride)
    if job.kind == CAMVID:
        return _read_camvid_sequence(job)
    return _read_unlabelled(job)


def job_segments(job: DriveJob) -> tuple['Segment', ...]:
    """Tell the conditions of a drive; empty when nobody knows them."""
    return () if job.kind == CAMVID else read_drive_segments(Path(job.path))


def camvid_sequences(root: Path, split: str) -> dict[str, list[int]]:
    """Give the pictures of each sequence of a split: 0001TP_008550 is of 0001TP."""
    from bdl_perception.datasets.camvid import CamVid
    found: dict[str, list[int]] = {}
    for number, path in enumerate(CamVid(root, split).paths):
        found.setdefault(path.stem.partition('_')[0], []).append(number)
    return found


def _read_camvid_sequence(job: DriveJob) -> Iterator['LabelledFrame']:
    numbers = camvid_sequences(Path(job.path), job.split)[job.name]
    return read_camvid_frames(Path(job.path), job.split, numbers)


def _read_unlabelled(job: DriveJob) -> Iterator['LabelledFrame']:
    from bdl_perception.datasets.base import LabelledFrame
    from bdl_perception.drives import open_drive
    frames: Iterable[Any] = open_drive(job.path, job.rate_hz)
    for number, frame in enumerate(frames):
        if number % job.stride == 0:
            yield LabelledFrame(f'{job.name}\nframe {number}', frame)
