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
    from bdl_perception.drives.catalog import CameraDrive
    from bdl_perception.model_store import load_calibration, ModelOptions, save_calibration
    from bdl_perception.perception.data_types import CameraFrame
    from bdl_perception.perception.perceiver import Perceiver
    from bdl_perception.perception.scores import cycle_scores, frame_scores
    from bdl_perception.perception.status import build_identity, PerceptionStatus
    from bdl_perception.workflows.calibrate_model import calibrate
    from bdl_perception.workflows.evaluate_drives import evaluate, EvaluationConfig
    from bdl_perception.workflows.executor import ExecutorConfig
    __version__: str

_MODULES = {
    'AlertLevel': 'alarm.alert_types',
    'AlertMachine': 'alarm.alert',
    'AlertPolicy': 'alarm.alert_types',
    'CalibrationConfig': 'alarm.calibration_config',
    'CameraDrive': 'drives.catalog',
    'CameraFrame': 'perception.data_types',
    'EvaluationConfig': 'workflows.evaluate_drives',
    'ExecutorConfig': 'workflows.executor',
    'ModelOptions': 'model_store',
    'Perceiver': 'perception.perceiver',
    'PerceptionStatus': 'perception.status',
    'build_identity': 'perception.status',
    'calibrate': 'workflows.calibrate_model',
    'cycle_scores': 'perception.scores',
    'evaluate': 'workflows.evaluate_drives',
    'frame_scores': 'perception.scores',
    'load_calibration': 'model_store',
    'open_backend': 'backends',
    'open_drive': 'drives',
    'save_calibration': 'model_store',
}
__all__ = [  # noqa: F822  # __getattr__ defines them
    'AlertLevel', 'AlertMachine', 'AlertPolicy', 'CalibrationConfig', 'CameraDrive',
    'CameraFrame', 'EvaluationConfig', 'ExecutorConfig', 'ModelOptions', 'Perceiver',
    'PerceptionStatus', '__version__', 'build_identity', 'calibrate', 'cycle_scores', 'evaluate',
    'frame_scores', 'load_calibration', 'open_backend', 'open_drive', 'save_calibration']


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
