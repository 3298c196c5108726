# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""Model folders: search, loading, verification against model.json, and the run options."""
from dataclasses import dataclass
import hashlib
import json
import os
from pathlib import Path
import sys
from typing import TYPE_CHECKING

from bdl_perception.perception.backend import (
    check_seed,
    FIT_MODES,
    ModelSpec,
    PRECISIONS,
    PROVIDERS,
    spec_from_dict,
)
from bdl_perception.perception.regions import DEFAULT_REGIONS, Regions
from bdl_perception.version import software_version

if TYPE_CHECKING:
    from bdl_perception.alarm.calibration import Calibration


WEIGHTS_FILE = 'weights.pt'
SHIPPED_MODELS_FOLDER = Path(__file__).resolve().parent / 'models'


class ModelError(ValueError):
    """A model that cannot be used; the message has the cause and the remedy."""


@dataclass(frozen=True)
class ModelOptions:
    """How a model is run; a calibration is bound to the last five."""

    backend: str = 'auto'  # or a name of backends.BACKENDS
    threads: int = 0  # onnxruntime, torch: within one operation, 0 for one on each core
    provider: str = 'cpu'  # onnxruntime: the device that runs the graphs
    precision: str = 'fp32'  # tensorrt: fp32 or fp16
    samples: int = 16  # T, Monte Carlo samples of a cycle
    seed: int = 0  # of the dropout masks
    regions: Regions = DEFAULT_REGIONS  # scored on their own
    fit_mode: str = 'crop'  # how a frame of another aspect ratio is fitted to the network

    def __post_init__(self) -> None:
        """Check each value; ValueError names it and the allowed ones."""
        if self.threads < 0:
            raise ValueError(f'threads is {self.threads}, must be 0 (one for each core) or more')
        if self.samples < 2:
            raise ValueError(f'samples is {self.samples}, must be at least 2')
        check_seed(self.seed)
        for name, allowed in (('provider', PROVIDERS), ('precision', PRECISIONS),
                              ('fit_mode', FIT_MODES)):
            if getattr(self, name) not in allowed:
                raise ValueError(f'{name} is {getattr(self, name)!r}, must be one of '
                                 f'{", ".join(allowed)}')


@dataclass(frozen=True)
class ModelFiles:
    """A verified model: the bytes of its graphs have the sha256 of model.json."""

    folder: Path
    spec: ModelSpec
    perceive: bytes
    sample: bytes


def load_model_files(model: str | Path) -> ModelFiles:
    """Read a model by shipped name or folder; ModelError: missing, damaged or inconsistent."""
    folder = find_model(model)
    spec = _read_spec(folder / 'model.json')
    return ModelFiles(folder, spec,
                      _read_verified(folder / 'perceive.onnx', spec.perceive_sha256),
                      _read_verified(folder / 'sample.onnx', spec.sample_sha256))


def read_weights(files: ModelFiles) -> bytes:
    """Read weights.pt, the network behind the graphs; ModelError if the folder has none."""
    if not has_weights(files):
        raise ModelError(f'model {files.spec.name} in {files.folder} has no weights.pt, which '
                         f'torch needs; export the model again, or use the shipped models of a '
                         f'checkout (wheels omit the file)')
    return _read_verified(files.folder / WEIGHTS_FILE, files.spec.weights_sha256)


def has_weights(files: ModelFiles) -> bool:
    """Return whether the folder contains the weights of the network."""
    return bool(files.spec.weights_sha256) and (files.folder / WEIGHTS_FILE).is_file()


def find_model(model: str | Path) -> Path:
    """
    Return the folder of a model.

    A bare word is a shipped name, independent of the working directory. Anything with a separator
    ('./street') is a path, and so are '.', '..' and '~'. ModelError: no model is there.
    """
    text = os.fspath(model)
    bare = isinstance(model, str) and Path(text).name == text and not text.startswith(('.', '~'))
    folder = SHIPPED_MODELS_FOLDER / text if bare else Path(text).expanduser()
    if text and (folder / 'model.json').is_file():
        return folder.resolve()
    if bare:
        raise ModelError(f'no model named {text!r} is shipped, only {shipped_models()}; '
                         f'give one of these or a path such as ./{text or "model"}')
    if folder.is_dir():
        raise ModelError(f'{folder} contains no model.json; give a folder made by `bdl export`')
    raise ModelError(f'{folder} is no folder; give the folder that contains model.json')


def shipped_models() -> tuple[str, ...]:
    """Return the names of the models in the package."""
    return tuple(sorted(path.parent.name for path in SHIPPED_MODELS_FOLDER.glob('*/model.json')))


def _read_spec(path: Path) -> ModelSpec:
    try:
        values = json.loads(_read_bytes(path))
    except ValueError as error:
        raise ModelError(f'{path} is not JSON ({error}); export the model again') from error
    if not isinstance(values, dict):
        raise ModelError(f'{path} contains no JSON object; export the model again')
    try:
        return spec_from_dict(values)
    except (ValueError, TypeError) as error:
        raise ModelError(f'{path} describes no model: {error}') from error


def _read_verified(path: Path, expected: str) -> bytes:
    data = _read_bytes(path)
    found = hashlib.sha256(data).hexdigest()
    if found != expected:
        raise ModelError(f'{path} has sha256 {found[:12]}..., but model.json has '
                         f'{expected[:12]}...; export or copy the model folder as a whole')
    return data


def _read_bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise ModelError(f'{path} cannot be read ({error.strerror}); '
                         f'export or copy the model folder as a whole') from error


CALIBRATION_FILE = 'calibration.json'


def load_calibration(path: Path | None, files: 'ModelFiles') -> 'Calibration | None':
    """Read the calibration that is named, else the model's own if it has one."""
    from bdl_perception.alarm.calibration_io import calibration_from_dict
    own = files.folder / CALIBRATION_FILE
    if path is None and not own.is_file():
        return None
    chosen = path or own
    try:
        values = json.loads(chosen.read_text(encoding='utf-8'))
    except ValueError as error:
        raise ValueError(f'{chosen} is no calibration: it is not JSON ({error}); give a '
                         f'{CALIBRATION_FILE} that `bdl calibrate` made') from error
    try:
        return calibration_from_dict(values)
    except ValueError as error:
        raise ValueError(f'{chosen}: {error}') from error


def select_camera_calibration(calibration: 'Calibration | None', camera: str | None) -> 'Calibration | None':
    """Choose what a camera is judged by, and tell when that is all drives and not its own."""
    by_camera = calibration is not None and calibration.group_by == 'camera'
    if camera is not None and not by_camera:
        raise ValueError(f'--camera {camera}: there is no calibration that is grouped by camera; '
                         f'leave it out, or calibrate with --group-by camera')
    chosen = calibration.for_camera(camera) if calibration and camera is not None else calibration
    if chosen and chosen.camera_rejection:
        raise ValueError(chosen.camera_rejection)
    if chosen and chosen.group_by == 'camera':
        print(f'bdl evaluate: {chosen.fallback_reason({})}; --camera NAME chooses among '
              f'{", ".join(chosen.group_distributions)}', file=sys.stderr)
    return chosen


def calibration_rejection(calibration: 'Calibration | None') -> str | None:
    """Say why alert_node would not take a calibration with this software; None: it would."""
    from bdl_perception.alarm.arming import version_rejection
    return version_rejection(calibration.software_version,
                           software_version()) if calibration else None
