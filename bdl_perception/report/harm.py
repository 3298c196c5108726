# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""Harm: the first table of a report, and the drives on which the network is wrong."""
from bdl_perception.evaluation.harm import (
    BRAKING_DISTANCE_M,
    MAX_DEPTH_ERROR,
    MAX_FREE_SPACE_SHARE,
    MIN_ROAD_IOU,
    WRONG_FOR_S,
)
from bdl_perception.report.blocks import Block, NotMeasured, Section, Table, Text, Values

TITLE = 'Harm'
CAPTION = 'ERROR where the network is wrong in the corridor, and where it is right'
HEAD = ('condition', 'harmful drives', 'ERROR in time', 'no ERROR', 'harmless drives',
        'of these with ERROR')
DRIVE_CAPTION = 'Harmful drives, with what is wrong'
DRIVE_HEAD = ('drive', 'condition', 'wrong', 'since, s', 'delay of ERROR, s')


def harm_section(evaluation: Values) -> Section:
    """Report harm by condition."""
    found = _found(evaluation)
    if 'not_measured' in found:
        return Section(TITLE, [NotMeasured('Harm', found['not_measured'])])
    blocks: list[Block] = [Text(harm_note(found)), Table(CAPTION, HEAD, harm_rows(found))]
    if rows := harmful_drive_rows(found):
        blocks.append(Table(DRIVE_CAPTION, DRIVE_HEAD, rows))
    return Section(TITLE, blocks)


def harm_note(found: Values) -> str:
    """Define harm, and give the number of drives."""
    return (f'{found["compared_drives"]} drives have ground truth. A drive is harmful if for '
            f'{WRONG_FOR_S:g} s, in the corridor, the median error of depth is above '
            f'{MAX_DEPTH_ERROR:.0%}, or the IoU of the road below {MIN_ROAD_IOU:g}, or more than '
            f'{MAX_FREE_SPACE_SHARE:.0%} of an object within {BRAKING_DISTANCE_M:g} m is '
            f'classified as road or sky. In time: ERROR within {found["max_delay_s"]:g} s of the '
            f'first wrong frame. An ERROR on a harmless drive is no miss, but it stops the '
            f'vehicle although the network is right.')


def harm_rows(found: Values) -> list[list[str]]:
    """Count the drives of each condition, and of all together."""
    named = {**found['conditions'], 'all': found['total']}
    return [[name, *(str(one[key]) for key in (
        'harmful', 'in_time', 'missed', 'harmless', 'harmless_alarmed'))]
        for name, one in named.items()]


def harmful_drive_rows(found: Values) -> list[list[str]]:
    """List the harmful drives; a dash: no ERROR."""
    return [[one['drive'], one['condition'], ', '.join(one['kinds']), f'{one["since_s"]:.1f}',
             '-' if one['delay_s'] is None else f'{one["delay_s"]:.1f}']
            for one in found['drives']]


def _found(evaluation: Values) -> Values:
    alarm: Values = evaluation['alarm']
    found: Values = alarm if 'not_measured' in alarm else alarm['harm']
    return found
