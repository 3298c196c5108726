# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""
An unfinished replay on disk: scores, recording and small images.

Scores and recording are written in parts. A part appears under its name when it is complete, so a
replay that was killed continues after the last complete part.
"""
import json
from pathlib import Path
import shutil
from typing import Any, Iterable, Iterator, Mapping, NamedTuple

from bdl_perception.drives.topic_recording import join_bags, TopicRecorder
from bdl_perception.files import write_atomic
from bdl_perception.perception.data_types import Scores
from bdl_perception.perception.panels import PANEL_TITLES

KEY_FILE, FRAMES_FILE, IMAGES, RECORDING = 'replay.json', 'frames.jsonl', 'images', 'recording'
PART_PATTERN = 'part_*'


class ReplayedFrame(NamedTuple):
    """What the alert machine receives of one frame."""

    frame: Scores
    cycle: Scores
    faults: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()

    def to_json(self) -> str:
        """Write one line; NaN as Python's json writes it."""
        return json.dumps([_plain(self.frame), _plain(self.cycle), self.faults, self.warnings])


def _plain(scores: Scores) -> list[Any]:
    return [scores.stamp_ns, scores.frame_id, dict(scores.values), scores.cycle]


def _parse_frame(line: str) -> ReplayedFrame:
    frame, cycle, faults, warnings = json.loads(line)
    return ReplayedFrame(Scores(*frame), Scores(*cycle), tuple(faults), tuple(warnings))


class Part:
    """Frames in a row and their recording, while they are written."""

    def __init__(self, folder: Path) -> None:
        """Start a part that will have the name of folder; an unfinished one is replaced."""
        self._folder, self._new = folder, folder.with_name(f'.{folder.name}')
        shutil.rmtree(self._new, ignore_errors=True)
        self._new.mkdir(parents=True)
        self.recorder = TopicRecorder(self._new / RECORDING)
        self._frames = (self._new / FRAMES_FILE).open('w', encoding='utf-8')
        self.frame_count = 0

    def append(self, frame: ReplayedFrame) -> None:
        """Add a frame, whose topics were recorded."""
        self._frames.write(f'{frame.to_json()}\n')
        self.frame_count += 1

    def abandon(self) -> None:
        """Close the files of a part that may be damaged; the next one replaces it."""
        try:
            self.recorder.close()
        finally:
            self._frames.close()

    def close(self) -> None:
        """Complete the part, or remove it if it is empty."""
        self.abandon()
        if self.frame_count:
            self._new.rename(self._folder)
        else:
            shutil.rmtree(self._new)


class ReplayStore:
    """The folder of an unfinished replay."""

    def __init__(self, folder: Path, key: Mapping[str, Any]) -> None:
        """
        Open or create it.

        key: JSON values that decide the result. ValueError: the folder is of another key.
        """
        self.folder = folder
        written = f'{json.dumps(dict(key), indent=1, sort_keys=True)}\n'
        path = folder / KEY_FILE
        if path.exists() and path.read_text(encoding='utf-8') != written:
            raise ValueError(f'{folder} is of an unfinished replay of another drive or with other '
                             f'settings; repeat that command to finish it, remove the folder, or '
                             f'choose another --out')
        (folder / IMAGES).mkdir(parents=True, exist_ok=True)
        write_atomic(path, written.encode())

    def parts(self) -> list[Path]:
        """Return the complete parts, in order."""
        return sorted(self.folder.glob(PART_PATTERN))

    def frames(self) -> Iterator[ReplayedFrame]:
        """Read the frames of the complete parts."""
        for part in self.parts():
            with (part / FRAMES_FILE).open(encoding='utf-8') as lines:
                yield from map(_parse_frame, lines)

    def start_part(self) -> Part:
        """Start the next part."""
        return Part(self.folder / f'part_{len(self.parts()):06}')

    def image_path(self, stamp_ns: int, panel: str) -> Path:
        """Return the path of a small image, which may not exist."""
        return self.folder / IMAGES / f'{stamp_ns}_{panel}.jpg'

    def stored_stamps(self) -> set[int]:
        """Return the stamps of the frames whose images are stored."""
        return {int(path.stem.partition('_')[0]) for path in (self.folder / IMAGES).iterdir()}

    def remove_images(self, stamps_ns: Iterable[int]) -> None:
        """Remove the images of some frames."""
        for stamp_ns in stamps_ns:
            for panel in PANEL_TITLES:
                self.image_path(stamp_ns, panel).unlink(missing_ok=True)

    def join_recordings(self, folder: Path) -> None:
        """Write the recording of all complete parts to a new folder."""
        join_bags([part / RECORDING for part in self.parts()], folder)
