# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""
Camera perception with calibrated uncertainty: the public Python API.

Importing the package loads numpy at most. Each name is loaded from its module at its first use.
"""
from importlib import import_module
from typing import Any, TYPE_CHECKING

if TYPE_CHECKING:
    from bdl_perception.alarm.alert import AlertMachine
    from bdl_perception.alarm.alert_types import AlertLevel, AlertPolicy
    from bdl_perception.alarm.calibration_config import CalibrationConfig
    from bdl_perception.backends import open_backend
    from bdl_perception.drives import open_drive
    from bdl_perception.model_store import load_calibration, ModelOptions
    from bdl_perception.perception.data_types import CameraFrame
    from bdl_perception.perception.perceiver import Perceiver
    from bdl_perception.perception.scores import cycle_scores, frame_scores
    from bdl_perception.workflows.calibrate_model import calibrate
    from bdl_perception.workflows.evaluate_drives import evaluate, EvaluationConfig
    __version__: str

_MODULES = {
    'AlertLevel': 'alarm.alert_types',
    'AlertMachine': 'alarm.alert',
    'AlertPolicy': 'alarm.alert_types',
    'CalibrationConfig': 'alarm.calibration_config',
    'CameraFrame': 'perception.data_types',
    'EvaluationConfig': 'workflows.evaluate_drives',
    'ModelOptions': 'model_store',
    'Perceiver': 'perception.perceiver',
    'calibrate': 'workflows.calibrate_model',
    'cycle_scores': 'perception.scores',
    'evaluate': 'workflows.evaluate_drives',
    'frame_scores': 'perception.scores',
    'load_calibration': 'model_store',
    'open_backend': 'backends',
    'open_drive': 'drives',
}
__all__ = [  # noqa: F822  # __getattr__ defines them
    'AlertLevel', 'AlertMachine', 'AlertPolicy', 'CalibrationConfig', 'CameraFrame',
    'EvaluationConfig', 'ModelOptions', 'Perceiver', '__version__', 'calibrate', 'cycle_scores',
    'evaluate', 'frame_scores', 'load_calibration', 'open_backend', 'open_drive']


def __getattr__(name: str) -> Any:
    """Load a public name at its first use (PEP 562)."""
    if name == '__version__':
        from bdl_perception.version import software_version
        return software_version()
    if name not in _MODULES:
        raise AttributeError(f'module {__name__!r} has no attribute {name!r}')
    return getattr(import_module(f'{__name__}.{_MODULES[name]}'), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
