# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""What `bdl render` said of a drive that it made; the drives of others say nothing."""
import json
from pathlib import Path
from typing import Any, Iterable, NamedTuple

DESCRIPTION_FILE = 'drive.json'


def list_rendered_drives(path: Path) -> list[Path]:
    """List the rendered drives: the folder itself, or those in it, sorted."""
    if (path / DESCRIPTION_FILE).is_file():
        return [path]
    return sorted(found.parent for found in path.glob(f'[!.]*/{DESCRIPTION_FILE}'))


STAMP_TOLERANCE_S = 1e-9  # stamps are rounded


class Segment(NamedTuple):
    """A stretch of a drive under one condition."""

    name: str
    start_s: float  # after the drive's first frame
    end_s: float
    held_out: bool  # the model was never taught it
    fade_s: float = 0.  # it fades in over the one before from start_s on; a drive's first does not


def segment_at(segments: Iterable[Segment], time_s: float) -> Segment:
    """Give the last segment that has begun, else the first."""
    known = list(segments)
    begun = [segment for segment in known if segment.start_s <= time_s + STAMP_TOLERANCE_S]
    return begun[-1] if begun else known[0]


def is_fading(segments: Iterable[Segment], time_s: float) -> bool:
    """Tell whether something nominal and something strange are mixed."""
    begun = [one for one in segments if one.start_s <= time_s + STAMP_TOLERANCE_S][-2:]
    return len({one.held_out for one in begun}) > 1 and fade_fraction(begun[-1], time_s) < 1


def fade_fraction(segment: Segment, time_s: float) -> float:
    """Give how much of a segment that has begun is there, 0 to 1: .5 after half its fade_s."""
    since_s = time_s - segment.start_s
    return 1. if since_s >= segment.fade_s - STAMP_TOLERANCE_S else max(0., since_s / segment.fade_s)


TRAINING_SPLIT = 'train'  # the split that `bdl train` teaches
MAX_LISTED = 3  # of the drives that are refused; more names would hide what to do


def read_description(path: Path) -> dict[str, Any]:
    """Read what was said of a drive, also of one in a bag; empty where nothing was."""
    from bdl_perception.drives import BAG_METADATA_FILE, split_topic
    path = split_topic(str(path))[0]
    if (path / DESCRIPTION_FILE).is_file():
        return _read_description_file(path / DESCRIPTION_FILE)
    bag = path if path.is_dir() else path.parent
    if not (bag / BAG_METADATA_FILE).is_file():
        return {}
    from bdl_perception.drives.bag_writer import read_recorded_description
    try:
        return dict(json.loads(read_recorded_description(bag)))
    except (TypeError, ValueError):  # another writer's bag
        return {}


def read_drive_segments(path: Path) -> tuple['Segment', ...]:
    """Tell the conditions of a drive; empty when nobody knows them."""
    from bdl_perception.world.conditions import DEFAULT_FADE_S, HELD_OUT_CONDITIONS
    parts = read_description(path).get('conditions', ())
    try:
        return tuple(Segment(part['name'], part['start_s'], part['end_s'],
                             part['name'] in HELD_OUT_CONDITIONS,
                             part.get('fade_s', DEFAULT_FADE_S) if part is not parts[0] else 0.)
                     for part in parts)
    except (KeyError, TypeError) as error:
        raise ValueError(f'{path} tells its conditions wrongly ({error!r}); '
                         f'remove it, then render again') from error


def held_out_conditions(segments: Iterable['Segment']) -> tuple[str, ...]:
    """Name each condition that no network is taught, once."""
    return tuple(dict.fromkeys(one.name for one in segments if one.held_out))


def check_nominal(drives: Iterable[Path]) -> None:
    """Refuse, with a ValueError, rendered drives that no limit of an alarm may be fitted to."""
    known = list(drives)
    held_out = {str(path): ', '.join(found) for path in known
                if (found := held_out_conditions(read_drive_segments(path)))}
    taught = [str(path) for path in known if read_description(path).get('split') == TRAINING_SPLIT]
    said = []
    if held_out:
        named = abbreviated_list(f'{path} ({conditions})' for path, conditions in held_out.items())
        said.append(f'{named}: conditions that are held out are what the alarm must find, and '
                    f'limits that are fitted to them would keep it silent')
    if taught:
        said.append(f'{abbreviated_list(taught)}: the network was taught on drives of the split {TRAINING_SPLIT} '
                    f'and is surer of them than of any road that it meets')
    if said:
        raise ValueError('\n'.join((*said, 'leave them out, and give nominal drives that took no '
                                           'part in training, such as `bdl render validation` '
                                           'makes')))


def abbreviated_list(names: Iterable[str]) -> str:
    """Name the first few, and say how many more there are: a, b, c and 4 more."""
    known = list(names)
    rest = f' and {len(known) - MAX_LISTED} more' if len(known) > MAX_LISTED else ''
    return f'{", ".join(known[:MAX_LISTED])}{rest}'


def _read_description_file(path: Path) -> dict[str, Any]:
    try:
        return dict(json.loads(path.read_text(encoding='utf-8')))
    except (TypeError, ValueError) as error:
        raise ValueError(f'{path} is no description of a drive ({error}); remove {path.parent}, '
                         f'then render again') from error
