# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""The names of several cameras, and what their alerts are together."""
import re
from typing import Mapping

from bdl_perception.alarm.level import AlertState
from bdl_perception.alarm.level import Level

NAME = re.compile(r'[A-Za-z][A-Za-z0-9_]*')  # of a ROS namespace


def camera_names(listed: str) -> tuple[str, ...]:
    """Read 'front,rear'; empty: none. ValueError: no namespace, or one that is there twice."""
    names = tuple(name.strip() for name in listed.split(',')) if listed.strip() else ()
    for name in names:
        if not NAME.fullmatch(name):
            raise ValueError(f'cameras is {listed!r}: {name!r} is no namespace; write names of '
                             f'letters, digits and underscores with commas between')
        if names.count(name) > 1:
            raise ValueError(f'cameras is {listed!r}: {name!r} is there twice')
    return names


def together(states: Mapping[str, AlertState]) -> AlertState:
    """Say the worst of several cameras, with the reasons of all, the worst first."""
    worst_first = sorted(states.items(), key=lambda item: -item[1].level)
    reasons = tuple(f'{camera}: {reason}' for camera, state in worst_first
                    for reason in state.reasons)
    return AlertState(max((state.level for state in states.values()), default=Level.STALE),
                      reasons or (() if states else ('no camera is watched',)))
