# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""
The description of a rendered drive: its split and its conditions, as segments in time.

`bdl render` writes it to drive.json, or into the metadata of a bag. Other drives have none.
"""
from dataclasses import dataclass
import json
import math
from pathlib import Path
from typing import Any, Iterable, Mapping

from bdl_perception.drives.base import (
    BAG_METADATA_FILE,
    DESCRIPTION_FILE,
    DriveError,
    split_topic,
)

RGB_FOLDER = 'rgb'  # beside drive.json
OOD_CONDITIONS = ('night', 'dense_fog', 'unknown_objects', 'unseen_mount', 'lens_dirt')
CAMERA_FAULTS = ('failing_exposure',)  # of the camera; they begin slowly within a drive
RARE_CONDITIONS = (  # of weather, and of obstacles that stand on the road
    'rain_on_lens', 'snow', 'smoke', 'animal', 'lost_cargo', 'overturned_lorry', 'white_trailer')
HELD_OUT_CONDITIONS = OOD_CONDITIONS + CAMERA_FAULTS + RARE_CONDITIONS  # of no training drive
TRAINING_SPLIT = 'train'
DEFAULT_FADE_S = .5  # duration of a change of condition
STAMP_TOLERANCE_S = 1e-9  # stamps are rounded to ns
OWN_KEYS = frozenset({'format', 'camera', 'stamps_ns', 'rate_hz', 'conditions', 'split'})
MAX_LISTED = 3  # drives that a message lists; more names would hide the remedy


@dataclass(frozen=True)
class Segment:
    """A part of a drive under one condition; times in s after the first frame."""

    name: str  # of the condition
    start_s: float
    end_s: float
    held_out: bool = False  # the condition is in no training drive
    fade_s: float = 0.  # from start_s on it fades in over the segment before; the first: 0

    def __post_init__(self) -> None:
        """Refuse times that do not increase and a negative fade."""
        if not 0 <= self.start_s < self.end_s:
            raise ValueError(f'segment {self.name} is {self.start_s} to {self.end_s} s, must '
                             f'start at 0 or later and must end after its start')
        if not 0 <= self.fade_s < math.inf:
            raise ValueError(f'segment {self.name} has fade_s {self.fade_s}, must be 0 or more')


def segment_at(segments: Iterable[Segment], time_s: float) -> Segment:
    """Give the last segment that has begun, else the first."""
    known = list(segments)
    begun = [one for one in known if one.start_s <= time_s + STAMP_TOLERANCE_S]
    return begun[-1] if begun else known[0]


def is_fading(segments: Iterable[Segment], time_s: float) -> bool:
    """Return whether a nominal and a held-out condition are mixed at a time."""
    begun = [one for one in segments if one.start_s <= time_s + STAMP_TOLERANCE_S][-2:]
    return len({one.held_out for one in begun}) > 1 and fade_fraction(begun[-1], time_s) < 1


def fade_fraction(segment: Segment, time_s: float) -> float:
    """Give the share, 0 to 1, of a segment that has begun: .5 after half its fade_s."""
    since_s = time_s - segment.start_s
    if since_s >= segment.fade_s - STAMP_TOLERANCE_S:
        return 1.
    return max(0., since_s / segment.fade_s)


def held_out_conditions(segments: Iterable[Segment]) -> tuple[str, ...]:
    """List each held-out condition once."""
    return tuple(dict.fromkeys(one.name for one in segments if one.held_out))


def list_rendered_drives(path: Path) -> list[Path]:
    """List the rendered drives: the folder itself, or those in it, sorted."""
    if (path / DESCRIPTION_FILE).is_file():
        return [path]
    return sorted(found.parent for found in path.glob(f'[!.]*/{DESCRIPTION_FILE}'))


def has_description(folder: Path) -> bool:
    """
    Return whether a folder has a description, which may be damaged.

    A drive.json beside images which has none of our keys is of another program.
    """
    path = folder / DESCRIPTION_FILE
    if not path.is_file() or (folder / RGB_FOLDER).is_dir():
        return path.is_file()
    try:
        values = json.loads(path.read_text(encoding='utf-8'))
    except (OSError, ValueError, RecursionError):
        return True
    return isinstance(values, dict) and bool(OWN_KEYS & values.keys())


def read_description(path: Path) -> dict[str, Any]:
    """Read the description of a drive, also of one in a bag; empty when there is none."""
    path = split_topic(path)[0]
    if has_description(path):
        return _read_description_file(path / DESCRIPTION_FILE)
    bag = path if path.is_dir() else path.parent
    if not (bag / BAG_METADATA_FILE).is_file():
        return {}
    from bdl_perception.drives.bag_writer import read_recorded_description
    try:
        return dict(json.loads(read_recorded_description(bag)))
    except (TypeError, ValueError, RecursionError) as error:
        if path.is_dir() and isinstance(error.__cause__, RecursionError):
            raise  # nested without end, so that its bag cannot be read either
        return {}  # a bag that `bdl render` did not write


def read_drive_segments(path: Path) -> tuple[Segment, ...]:
    """Read the conditions of a drive; empty when it has no description."""
    parts = read_description(path).get('conditions', ())
    try:
        return tuple(_segment_from_dict(part, part is parts[0]) for part in parts)
    except (KeyError, TypeError, ValueError) as error:
        raise DriveError(f'{path} has invalid conditions ({error!r}); remove it, then render '
                         f'again') from error


def _segment_from_dict(part: Mapping[str, Any], first: bool) -> Segment:
    """Read one entry of conditions; version 0.1.0 wrote no held_out, and at first no fade_s."""
    name = part['name']
    return Segment(name, part['start_s'], part['end_s'],
                   bool(part.get('held_out', name in HELD_OUT_CONDITIONS)),
                   0. if first else part.get('fade_s', DEFAULT_FADE_S))


def check_nominal(drives: Iterable[Path]) -> None:
    """Raise DriveError for rendered drives that are held out or were used for training."""
    known = list(drives)
    held_out = {str(path): ', '.join(found) for path in known
                if (found := held_out_conditions(read_drive_segments(path)))}
    trained = [str(path) for path in known
               if read_description(path).get('split') == TRAINING_SPLIT]
    problems = []
    if held_out:
        listed = abbreviated_list(f'{path} ({names})' for path, names in held_out.items())
        problems.append(f'{listed}: these conditions are held out; limits fitted to them would '
                        f'keep the alarm silent')
    if trained:
        problems.append(f'{abbreviated_list(trained)}: the network was trained on drives of the '
                        f'split {TRAINING_SPLIT}, so its uncertainty there is too low')
    if problems:
        raise DriveError('\n'.join((*problems, 'leave them out; give nominal drives that were not '
                                               'used for training, such as those of `bdl render '
                                               'validation`')))


def abbreviated_list(names: Iterable[str]) -> str:
    """Name the first few and count the others: a, b, c and 4 more."""
    known = list(names)
    rest = f' and {len(known) - MAX_LISTED} more' if len(known) > MAX_LISTED else ''
    return f'{", ".join(known[:MAX_LISTED])}{rest}'


def _read_description_file(path: Path) -> dict[str, Any]:
    try:
        return dict(json.loads(path.read_text(encoding='utf-8')))
    except (TypeError, ValueError, RecursionError) as error:
        raise DriveError(f'{path} is not a drive description ({error}); remove {path.parent}, '
                         f'then render again') from error
