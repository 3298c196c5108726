# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""Which calibration `bdl evaluate` judges, and whether a node of this software would take it."""
import json
from pathlib import Path
import sys
from typing import TYPE_CHECKING

from bdl_perception.commands.calibrate import FILE_NAME
from bdl_perception.version import software_version

if TYPE_CHECKING:
    from bdl_perception.alarm.calibration import Calibration
    from bdl_perception.backends.model_files import ModelFiles


def read_calibration(path: Path | None, files: 'ModelFiles') -> 'Calibration | None':
    """Read the calibration that is named, else the model's own if it has one."""
    from bdl_perception.alarm.stored_calibration import calibration_from_dict
    own = files.folder / FILE_NAME
    if path is None and not own.is_file():
        return None
    chosen = path or own
    try:
        values = json.loads(chosen.read_text(encoding='utf-8'))
    except ValueError as error:
        raise ValueError(f'{chosen} is no calibration: it is not JSON ({error}); give a '
                         f'{FILE_NAME} that `bdl calibrate` made') from error
    try:
        return calibration_from_dict(values)
    except ValueError as error:
        raise ValueError(f'{chosen}: {error}') from error


def of_camera(calibration: 'Calibration | None', camera: str | None) -> 'Calibration | None':
    """Choose what a camera is judged by, and tell when that is all drives and not its own."""
    by_camera = calibration is not None and calibration.group_by == 'camera'
    if camera is not None and not by_camera:
        raise ValueError(f'--camera {camera}: there is no calibration that is grouped by camera; '
                         f'leave it out, or calibrate with --group-by camera')
    chosen = calibration.of_camera(camera) if calibration and camera is not None else calibration
    if chosen and chosen.unknown_camera:
        raise ValueError(chosen.unknown_camera)
    if chosen and chosen.group_by == 'camera':
        print(f'bdl evaluate: {chosen.fallback({})}; --camera NAME chooses among '
              f'{", ".join(chosen.own)}', file=sys.stderr)
    return chosen


def outdated(calibration: 'Calibration | None') -> str | None:
    """Say why alert_node would not take a calibration with this software; None: it would."""
    from bdl_perception.alarm.calibration_version import version_refusal
    return version_refusal(calibration.software_version,
                           software_version()) if calibration else None
