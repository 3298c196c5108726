# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""
Frames with their ground truth, from each kind of source.

A rendered drive has depth and classes, a data set what its reader provides, and a recording
(video, bag, folder of images) has no ground truth.
"""
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Container, Iterable, Iterator, Protocol

from bdl_perception.datasets import DATASET_HELP, DatasetSource, parse_dataset
from bdl_perception.datasets.base import LabelledFrame
from bdl_perception.datasets.rendered import condition_at, read_ground_truth
from bdl_perception.drives import Drive, open_drive
from bdl_perception.drives.description import list_rendered_drives
from bdl_perception.perception.data_types import CameraFrame

SOURCE_HELP = (f'a rendered drive or a folder of such, {DATASET_HELP}, or a video, bag or folder '
               f'of images')


class FrameSource(Protocol):
    """The frames of one drive; plain values, so that another process can read them."""

    @property
    def path(self) -> Path:
        """File or folder that the frames come from."""

    @property
    def fit_mode(self) -> str | None:
        """Fit mode that the source requires; None: the one of the model's options."""

    def __len__(self) -> int:
        """Count the frames; of a video, the count in its container."""

    def frames(self, stride: int = 1) -> Iterator[LabelledFrame]:
        """Read every n-th frame."""

    def frames_at(self, indices: Iterable[int]) -> Iterator[LabelledFrame]:
        """Read the frames at ascending indices."""


@dataclass(frozen=True)
class RenderedFrames:
    """A drive of `bdl render`."""

    path: Path
    fit_mode: str | None = None

    @cached_property
    def _drive(self) -> Drive:
        return open_drive(self.path)

    def __len__(self) -> int:
        """Count the frames."""
        return len(self._drive)

    def frames(self, stride: int = 1) -> Iterator[LabelledFrame]:
        """Read every n-th frame with depth and classes."""
        return self.frames_at(range(0, len(self), stride))

    def frames_at(self, indices: Iterable[int]) -> Iterator[LabelledFrame]:
        """Read the frames at ascending indices with depth and classes."""
        drive = self._drive
        for index, frame in _select_frames(drive, indices):
            condition = condition_at(self.path, index / drive.rate_hz).replace('_', ' ')
            yield LabelledFrame(f'{drive.name}\nframe {index}\n{condition}', frame,
                                *read_ground_truth(self.path, index))


@dataclass(frozen=True)
class RecordedFrames:
    """A recording, without ground truth."""

    path: Path
    drive: Drive
    fit_mode: str | None = None

    def __len__(self) -> int:
        """Count the frames."""
        return len(self.drive)

    def frames(self, stride: int = 1) -> Iterator[LabelledFrame]:
        """Read every n-th frame."""
        return (self._labelled(index, frame) for index, frame in enumerate(self.drive)
                if index % stride == 0)

    def frames_at(self, indices: Iterable[int]) -> Iterator[LabelledFrame]:
        """Read the frames at ascending indices."""
        return (self._labelled(*found) for found in _select_frames(self.drive, indices))

    def _labelled(self, index: int, frame: CameraFrame) -> LabelledFrame:
        return LabelledFrame(f'{self.drive.name}\nframe {index}', frame)


@dataclass(frozen=True)
class DatasetFrames:
    """Frames of a split of a data set: one sequence, or all of them."""

    source: DatasetSource
    sequence: str | None = None

    @property
    def path(self) -> Path:
        """Folder of the data set."""
        return self.source.root

    @property
    def fit_mode(self) -> str | None:
        """Fit mode that published results of the data set use; None: as the options say."""
        return self.source.fit_mode

    @cached_property
    def _indices(self) -> list[int]:
        sequences = self.source.sequences()
        if self.sequence is not None:
            return sequences[self.sequence]
        return [index for indices in sequences.values() for index in indices]

    def __len__(self) -> int:
        """Count the frames."""
        return len(self._indices)

    def frames(self, stride: int = 1) -> Iterator[LabelledFrame]:
        """Read every n-th frame with its ground truth."""
        return self.frames_at(range(0, len(self), stride))

    def frames_at(self, indices: Iterable[int]) -> Iterator[LabelledFrame]:
        """Read the frames at ascending indices with their ground truth."""
        return self.source.labelled_frames(self._indices[index] for index in indices)


def open_frame_sources(source: str) -> list[FrameSource]:
    """Open the drives or the data set that a word names; ValueError when it cannot be read."""
    if dataset := parse_dataset(source):
        return [DatasetFrames(dataset)]
    if folders := list_rendered_drives(Path(source)):
        return [RenderedFrames(folder) for folder in folders]
    return [RecordedFrames(Path(source), open_drive(source))]


def source_fit_mode(source: str) -> str:
    """Give the fit mode of a source on its own: that of published results, else crop."""
    dataset = parse_dataset(source)
    return (dataset.fit_mode if dataset else None) or 'crop'


def read_evenly_spaced(source: str, count: int) -> list[LabelledFrame]:
    """Read at most count frames, evenly spaced over a source; ValueError when it has none."""
    if count < 1:
        raise ValueError(f'{count} rows of {source} were requested; request 1 or more')
    frames = list(evenly_spaced_frames(open_frame_sources(source), count))
    if not frames:
        raise ValueError(f'{source} has no frame; is it empty?')
    return frames


def evenly_spaced_frames(sources: Iterable[FrameSource], count: int) -> Iterator[LabelledFrame]:
    """Read at most count frames, evenly spaced over all frames of the sources."""
    frames = [(source, index) for source in sources for index in range(len(source))]
    chosen = [frames[index] for index in evenly_spaced(len(frames), count)]
    for source in dict.fromkeys(source for source, _ in chosen):
        yield from source.frames_at([index for own, index in chosen if own is source])


def evenly_spaced(length: int, count: int) -> list[int]:
    """Choose count of length indices, each in the middle of its share: of 10 and 2, 2 and 7."""
    if count >= length:
        return list(range(length))
    return [(2 * i + 1) * length // (2 * count) for i in range(count)]


def _select_frames(drive: Drive, indices: Iterable[int]) -> Iterator[tuple[int, CameraFrame]]:
    chosen: Container[int] = set(indices)
    last = max(chosen, default=-1)  # type: ignore[call-overload]
    for index, frame in enumerate(drive) if last >= 0 else ():
        if index in chosen:
            yield index, frame
        if index >= last:
            return
