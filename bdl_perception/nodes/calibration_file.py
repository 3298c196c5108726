# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""The calibration that alert_node is told to use, or the reason why there is none."""
import json
from pathlib import Path
from typing import NamedTuple

from bdl_perception.alarm.arming import version_rejection
from bdl_perception.alarm.calibration import Calibration
from bdl_perception.alarm.calibration_io import calibration_from_dict
from bdl_perception.model_store import find_model
from bdl_perception.version import software_version

NODE_CALIBRATION_FILE = 'calibration.json'  # in a model folder


class Found(NamedTuple):
    """A calibration, or why there is none: an alert without one runs and says so."""

    calibration: Calibration | None
    unarmed: str

    def of_camera(self, name: str) -> 'Found':
        """Give what that camera is judged by."""
        chosen = self.calibration.for_camera(name) if self.calibration else None
        return self._replace(calibration=chosen)


def find_node_calibration(told: str) -> Found:
    """Read the calibration of a file, a model folder or a shipped model."""
    try:
        path = Path(told) if told.endswith('.json') else find_model(told) / NODE_CALIBRATION_FILE
        found = calibration_from_dict(json.loads(path.read_text(encoding='utf-8')))
        refusal = version_rejection(found.software_version, software_version())
        if refusal:
            raise ValueError(refusal)
        return Found(found, '')
    except (OSError, ValueError, TypeError, RecursionError) as error:
        return Found(None, f'calibration {told!r} cannot be used: {error}')
