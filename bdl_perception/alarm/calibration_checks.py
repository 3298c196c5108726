# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""What a calibration must not hold: numbers, names and counts that cannot be an alarm's."""
import math
from typing import Any, Mapping, TYPE_CHECKING

from bdl_perception.alarm.conformal import smallest_count
from bdl_perception.alarm.conformal import TAILS
from bdl_perception.alarm.groups import GROUP_BY
from bdl_perception.alarm.scores import is_epistemic
from bdl_perception.alarm.sequential import check_exponent

if TYPE_CHECKING:
    from bdl_perception.alarm.calibration import Calibration
    from bdl_perception.alarm.calibration import Ordered

FORMAT = 4  # of calibration.json; 3 did not say how a picture meets the network (fit_mode)
MAY_BE_NONE = ('slow_limit', 'score_step_s', 'observed_step_s')
MOST = 1e6  # of a limit or a time, s: one that is reached in days, or never, is no alarm's


def check_calibration(made: 'Calibration') -> None:
    """Refuse with a ValueError what no drives can have given."""
    check_format(made.format)
    smallest_count(made.alpha)  # refuses what is no probability
    check_exponent(made.exponent)
    _check_numbers(made)
    _check_choices(made)
    _check_counts(made)
    check_watched(made.watched, made.scores)
    for scores in (made.scores, *made.groups.values()):
        _check_ordered(scores)
    _check_groups(made)
    _check_cameras(made)
    _check_lights(made)


def _check_numbers(made: 'Calibration') -> None:
    for name in ('step_s', 'false_alarms_per_hour', 'cusum_limit', 'slow_limit',
                 'slow_step_s', 'score_step_s', 'observed_step_s'):
        value = getattr(made, name)
        if value is None and name in MAY_BE_NONE:
            continue
        if value is None or not 0 < value <= MOST:
            raise ValueError(f'calibration {name} is {value}, must be above 0 and at most '
                             f'{MOST:g}; calibrate again')


def _check_choices(made: 'Calibration') -> None:
    for name, known in (('tails', TAILS), ('group_by', GROUP_BY)):
        if getattr(made, name) not in known:
            raise ValueError(f'calibration {name} is {getattr(made, name)!r}, must be one of '
                             f'{known}; calibrate again')


def _check_counts(made: 'Calibration') -> None:
    for name in ('held_out', 'held_out_slow', 'steps', 'windows'):
        if getattr(made, name) and len(getattr(made, name)) != len(made.drives):
            raise ValueError(f'calibration has {len(getattr(made, name))} {name} of '
                             f'{len(made.drives)} drives; calibrate again')


def _check_groups(made: 'Calibration') -> None:
    for group, scores in made.groups.items():
        check_watched(made.watched, scores)
        if made.group_by == 'none':
            raise ValueError(f'calibration has group {group} but group_by none; calibrate again')


def _check_cameras(made: 'Calibration') -> None:
    """Refuse cameras without scores, or scores without a camera, or limits that are none."""
    named = set(made.groups) if made.group_by == 'camera' else set()
    if named != set(made.cameras) or (made.group_by == 'camera' and not named):
        raise ValueError(f'calibration has scores of the cameras {sorted(named)} and parts of '
                         f'{sorted(made.cameras)}; calibrate again')
    for name in named.intersection(made.own):
        part = made.cameras[name]
        if part.cusum_limit is None or (part.slow_limit is None) != (made.slow_limit is None):
            raise ValueError(f'calibration has enough of {name} but not its limits; calibrate '
                             f'again')
        made.of_camera(name)  # checks itself


def _check_lights(made: 'Calibration') -> None:
    if made.group_by == 'light' and set(made.groups) != set(made.group_drives):
        raise ValueError(f'calibration has scores of {sorted(made.groups)} and counts drives '
                         f'of {sorted(made.group_drives)}; calibrate again')


def check_format(found: Any) -> None:
    """Refuse a file of another format; FORMAT is the one that is read."""
    if found != FORMAT:
        raise ValueError(
            f'calibration format is {found!r}, this version reads {FORMAT}: make it again from '
            f'its drives with `bdl calibrate --model MODEL DRIVES...`, with the --fit-mode that '
            f'perception_node is told; a file of {FORMAT - 1} does not say which it was')


def check_watched(watched: tuple[str, ...], known: Mapping[str, Any]) -> None:
    """Refuse a set of scores that is unknown or knows nothing of the model's ignorance."""
    unknown = sorted(set(watched) - set(known))
    if unknown:
        raise ValueError(f'watched scores {unknown} are not known, choose from {sorted(known)}')
    if len(set(watched)) != len(watched):
        raise ValueError(f'watched scores {watched} name one twice; name each once')
    if not any(map(is_epistemic, watched)):
        raise ValueError(f'watched scores are {watched}: at least one of '
                         f'{sorted(filter(is_epistemic, known))} must be among them')


def _check_ordered(scores: 'Ordered') -> None:
    for name, values in scores.items():
        if not all(map(math.isfinite, values)) or list(values) != sorted(values):
            raise ValueError(f'calibration scores of {name} are not finite and ascending; '
                             f'calibrate again')
