# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""What the drives of one camera say by themselves, within a calibration of several cameras."""
from dataclasses import dataclass
from dataclasses import field
from dataclasses import fields
from typing import Any, Mapping


@dataclass(frozen=True)
class CameraPart:
    """
    What takes the place of the fields of these names in Calibration, once the camera is known.

    Its scores are the group of its name. A camera with too few drives or observations has no
    limits: it is judged by all drives.
    """

    drives: tuple[str, ...]
    frames: int  # that were scored, before thinning
    cusum_limit: float | None = None
    slow_limit: float | None = None
    score_step_s: float | None = None
    observed_step_s: float | None = None
    decorrelation_s: Mapping[str, float] = field(default_factory=dict)
    held_out: tuple[float, ...] = ()  # each drive judged by the others of this camera
    held_out_slow: tuple[float, ...] = ()
    steps: tuple[int, ...] = ()
    windows: tuple[int, ...] = ()


def part_of(calibration: Any) -> CameraPart:
    """Take from a calibration of one camera what a calibration of several keeps of it."""
    return CameraPart(**{item.name: getattr(calibration, item.name)
                         for item in fields(CameraPart)})


def part_from_dict(values: Mapping[str, Any]) -> CameraPart:
    """Read what calibration.json holds of a camera; all names but steps must be there."""
    rows = ('drives', 'held_out', 'held_out_slow', 'steps', 'windows')
    return CameraPart(**{**values, **{name: tuple(values.get(name, ())) for name in rows}})
