# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""
The faults of a soak test: rows of the fault table, with the time until OK must be back.

Level and bound of the reaction are those of the table. Faults of damaged files, parameters and
compressed images need other processes and are left out, as are faults that end by themselves.
"""
from typing import Mapping, Sequence

from bdl_perception.alarm.alert_types import AlertLevel
from bdl_perception.faults.catalogue import GROUPS
from bdl_perception.faults.oracle import ANY, NOMINAL, Requirement
from bdl_perception.faults.row import FaultRow, Observed, Setup
from bdl_perception.faults.soak import SoakFault

START_S = 20.  # a process starts, loads the model, is activated and completes a cycle
RECOVER_S: Mapping[str, float] = {  # group of the table -> s
    'Camera': 3.,  # recovery_s of the alert, and a Monte Carlo cycle
    'Images': 8.,  # hold_s, clear_s, and the evidence falls below half of its limit
    'Stamps': 5.,  # hold_s after a jump, and a Monte Carlo cycle
    'Malformed images and camera_info': 5.,
    'Network': 8.,
    'Processes': START_S,
    'Other nodes and their messages': 15.,  # messages of the last 10 s are examined
    'governor_node': 3.,
}
RECOVER_BY_NAME_S = {'second_camera': 15., 'stop_perception_node': 5., 'stop_alert_node': 5.}
# What the alert cannot say, since alert_node or governor_node itself fails.
OWN_REQUIREMENTS: Mapping[str, Requirement] = {
    'stop_alert_node': Requirement(ANY, 0., RECOVER_BY_NAME_S['stop_alert_node'],
                                   silences_alert=True),
    'kill_alert_node': Requirement(ANY, 0., START_S, silences_alert=True),
    'kill_governor_node': Requirement(NOMINAL, 0., START_S, silences_command=True),
}
ALERT_IS_FALSE = ('second_alert',)  # any level may be received
LARGE = ('encoding_1_mb', 'status_huge_fault', 'status_many_faults', 'scores_huge_key',
         'scores_many_keys')  # messages of megabytes, whose buffers stay


def soak_faults(names: Sequence[str] = ()) -> tuple[SoakFault, ...]:
    """Give the faults with these names; all of them without names."""
    rows = [(group, row) for group, rows in GROUPS.items() for row in rows
            if _is_usable(group, row)]
    requirements = {**{row.name: _requirement(group, row) for group, row in rows},
                    **OWN_REQUIREMENTS}
    return tuple(SoakFault(name, requirement, name.startswith(('kill_', 'segv_')), name in LARGE)
                 for name, requirement in requirements.items() if not names or name in names)


def _is_usable(group: str, row: FaultRow) -> bool:
    """Tell whether a row is of the nodes of a soak test, and lasts as long as the fault."""
    same_nodes = row.setup is Setup.RAW or row.name.startswith('command_')
    return (group in RECOVER_S and same_nodes and row.lasts and row.injected == row.name
            and row.observed is not Observed.EXIT)


def _requirement(group: str, row: FaultRow) -> Requirement:
    recover_s = RECOVER_BY_NAME_S.get(row.name, RECOVER_S[group])
    if row.observed is Observed.COMMAND:
        return Requirement(ANY if row.name in ALERT_IS_FALSE else NOMINAL, row.bound_s, recover_s,
                           stops=True)
    levels = frozenset(level for level in AlertLevel if level >= row.level)
    return Requirement(levels, row.bound_s, recover_s)
