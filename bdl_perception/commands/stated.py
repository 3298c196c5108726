# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""What `bdl render` said of a drive that it made; the drives of others say nothing."""
import json
from pathlib import Path
from typing import Any, Iterable, TYPE_CHECKING

from bdl_perception.commands.sources import DESCRIPTION

if TYPE_CHECKING:
    from bdl_perception.evaluation.drive_record import Segment

TAUGHT = 'train'  # the split that `bdl train` teaches
SHOWN = 3  # of the drives that are refused; more names would hide what to do


def description_of(path: Path) -> dict[str, Any]:
    """Read what was said of a drive, also of one in a bag; empty where nothing was."""
    from bdl_perception.drives import BAG_FOLDER_FILE
    from bdl_perception.drives import split_topic
    path = split_topic(str(path))[0]
    if (path / DESCRIPTION).is_file():
        return _read(path / DESCRIPTION)
    bag = path if path.is_dir() else path.parent
    if not (bag / BAG_FOLDER_FILE).is_file():
        return {}
    from bdl_perception.drives.recording import read_about
    try:
        return dict(json.loads(read_about(bag)))
    except (TypeError, ValueError):  # another writer's bag
        return {}


def segments_in(path: Path) -> tuple['Segment', ...]:
    """Tell the conditions of a drive; empty when nobody knows them."""
    from bdl_perception.evaluation.drive_record import Segment
    from bdl_perception.world.conditions import HELD_OUT
    from bdl_perception.world.conditions import SWITCH_S
    parts = description_of(path).get('conditions', ())
    try:
        return tuple(Segment(part['name'], part['start_s'], part['end_s'],
                             part['name'] in HELD_OUT,
                             part.get('fade_s', SWITCH_S) if part is not parts[0] else 0.)
                     for part in parts)
    except (KeyError, TypeError) as error:
        raise ValueError(f'{path} tells its conditions wrongly ({error!r}); '
                         f'remove it, then render again') from error


def held_out_in(segments: Iterable['Segment']) -> tuple[str, ...]:
    """Name each condition that no network is taught, once."""
    return tuple(dict.fromkeys(one.name for one in segments if one.held_out))


def refuse_not_nominal(drives: Iterable[Path]) -> None:
    """Refuse, with a ValueError, rendered drives that no limit of an alarm may be fitted to."""
    known = list(drives)
    held_out = {str(path): ', '.join(found) for path in known
                if (found := held_out_in(segments_in(path)))}
    taught = [str(path) for path in known if description_of(path).get('split') == TAUGHT]
    said = []
    if held_out:
        named = listed(f'{path} ({conditions})' for path, conditions in held_out.items())
        said.append(f'{named}: conditions that are held out are what the alarm must find, and '
                    f'limits that are fitted to them would keep it silent')
    if taught:
        said.append(f'{listed(taught)}: the network was taught on drives of the split {TAUGHT} '
                    f'and is surer of them than of any road that it meets')
    if said:
        raise ValueError('\n'.join((*said, 'leave them out, and give nominal drives that took no '
                                           'part in training, such as `bdl render validation` '
                                           'makes')))


def listed(names: Iterable[str]) -> str:
    """Name the first few, and say how many more there are: a, b, c and 4 more."""
    known = list(names)
    rest = f' and {len(known) - SHOWN} more' if len(known) > SHOWN else ''
    return f'{", ".join(known[:SHOWN])}{rest}'


def _read(path: Path) -> dict[str, Any]:
    try:
        return dict(json.loads(path.read_text(encoding='utf-8')))
    except (TypeError, ValueError) as error:
        raise ValueError(f'{path} is no description of a drive ({error}); remove {path.parent}, '
                         f'then render again') from error
