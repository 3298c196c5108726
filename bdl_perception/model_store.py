# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""Model folders: search, loading, verification against model.json, and the run options."""
from dataclasses import dataclass
import hashlib
import json
import os
from pathlib import Path
from types import UnionType
from typing import Any, get_args, get_origin, get_type_hints, Mapping

from bdl_perception.alarm.calibration import Calibration
from bdl_perception.alarm.calibration_io import (
    calibration_from_dict,
    calibration_to_dict,
    MAX_NUMBER,
)
from bdl_perception.files import write_atomic
from bdl_perception.perception.backend import (
    check_seed,
    FIT_MODES,
    ModelSpec,
    PRECISIONS,
    PROVIDERS,
    spec_from_dict,
)
from bdl_perception.perception.regions import DEFAULT_REGIONS, Regions

WEIGHTS_FILE = 'weights.pt'
CALIBRATION_STEM = 'calibration'
CALIBRATION_FILE = f'{CALIBRATION_STEM}.json'
EXTERNAL_DATA_KEY = b'\x0a\x08location'  # of a tensor of ONNX: the entry that names its file
MAX_MODEL_BYTES = 2 * 2**30  # of one file of a model; ONNX allows no larger graph
MAX_CALIBRATION_BYTES = 64 * 2**20  # the shipped one has 1.5 MB
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
                      _read_graph(folder / 'perceive.onnx', spec.perceive_sha256),
                      _read_graph(folder / 'sample.onnx', spec.sample_sha256))


def read_spec(model: str | Path) -> ModelSpec:
    """Read model.json of a shipped name or folder without its graphs; ModelError if that fails."""
    return _read_spec(find_model(model) / 'model.json')


def read_weights(files: ModelFiles) -> bytes:
    """Read weights.pt, the network behind the graphs; ModelError if the folder has none."""
    if not has_weights(files):
        raise ModelError(f'model {files.spec.name} in {files.folder} has no weights.pt, which '
                         f'torch needs; export the model again, or use the shipped models of a '
                         f'checkout (wheels omit the file)')
    return _read_verified(files.folder / WEIGHTS_FILE, files.spec.weights_sha256)


def terms_of_weights(path: Path, weights: bytes) -> tuple[str, ...]:
    """Read the terms in model.json beside weights.pt; empty if it has none, or other weights."""
    try:
        spec = _read_spec(path.parent / 'model.json')
    except ModelError:
        return ()
    return spec.terms if spec.weights_sha256 == hashlib.sha256(weights).hexdigest() else ()


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
    except (ValueError, RecursionError) as error:
        raise ModelError(f'{path} is not JSON ({error}); export the model again') from error
    if not isinstance(values, dict):
        raise ModelError(f'{path} contains no JSON object; export the model again')
    try:
        _check_types(values)
        return spec_from_dict(values)
    except (ValueError, TypeError) as error:
        raise ModelError(f'{path} describes no model: {error}') from error


def _check_types(values: Mapping[str, Any]) -> None:
    """Check that the values of model.json have the types of ModelSpec; TypeError if not."""
    for name, hint in get_type_hints(ModelSpec).items():
        if name in values and not _has_type(values[name], hint):
            wanted = hint.__name__ if isinstance(hint, type) else hint
            raise TypeError(f'{name} is {values[name]!r:.40}, must be of type {wanted}')


def _has_type(value: Any, hint: Any) -> bool:
    """Return whether a value of JSON has the type of a hint; NaN and Infinity are no numbers."""
    if get_origin(hint) is UnionType:
        return any(_has_type(value, one) for one in get_args(hint))
    if get_origin(hint) is tuple:
        return isinstance(value, list) and all(_has_type(one, get_args(hint)[0]) for one in value)
    if hint is float:
        return type(value) in (int, float) and abs(value) <= MAX_NUMBER
    return type(value) is hint  # True is no integer


def _read_graph(path: Path, expected: str) -> bytes:
    """Read a verified graph that holds its weights: the hash covers no second file."""
    graph = _read_verified(path, expected)
    if EXTERNAL_DATA_KEY in graph:
        raise ModelError(f'{path} keeps weights in a second file, which no hash covers; export '
                         f'the model with its weights inside, as `bdl export` does')
    return graph


def _read_verified(path: Path, expected: str) -> bytes:
    data = _read_bytes(path)
    found = hashlib.sha256(data).hexdigest()
    if found != expected:
        raise ModelError(f'{path} has sha256 {found[:12]}..., but model.json has '
                         f'{expected[:12]}...; export or copy the model folder as a whole')
    return data


def _read_bytes(path: Path) -> bytes:
    try:
        return _read_file(path, MAX_MODEL_BYTES)
    except OSError as error:
        raise ModelError(f'{path} cannot be read ({error.strerror or error}); '
                         f'export or copy the model folder as a whole') from error


def _read_file(path: Path, max_bytes: int) -> bytes:
    """Read a file; OSError for a FIFO or a device, which may have no end, or one too large."""
    if path.exists() and not path.is_file():
        raise OSError('it is no regular file')
    with path.open('rb') as file:
        data = file.read(max_bytes + 1)
    if len(data) > max_bytes:
        raise OSError(f'it has more than {max_bytes} bytes')
    return data


def load_calibration(source: str | Path) -> Calibration:
    """
    Read the calibration of a model, or a calibration file.

    source: path of a .json file, a model folder, or the name of a shipped model; 'street:real' is
    calibration_real.json of the shipped model street. ValueError gives the reason if it cannot be
    read.
    """
    path = _calibration_path(source)
    try:
        values = json.loads(_read_file(path, MAX_CALIBRATION_BYTES))
    except OSError as error:
        raise ValueError(f'{path} cannot be read ({error.strerror or error}); make it with '
                         f'`bdl calibrate`') from error
    except (ValueError, RecursionError) as error:
        raise ValueError(f'{path} is no calibration: it is not JSON ({error}); give a '
                         f'{CALIBRATION_FILE} of `bdl calibrate`') from error
    try:
        return calibration_from_dict(values)
    except (ValueError, RecursionError) as error:
        raise ValueError(f'{path}: {error}') from error


def _calibration_path(source: str | Path) -> Path:
    text = os.fspath(source)
    if text.endswith('.json'):
        return Path(text).expanduser()
    model, colon, name = text.partition(':')
    if colon and model in shipped_models():
        return find_model(model) / f'{CALIBRATION_STEM}_{name}.json'
    return find_model(source) / CALIBRATION_FILE


def save_calibration(path: Path, calibration: Calibration) -> None:
    """Write a calibration file as a whole; OSError if that is not possible."""
    write_atomic(path, f'{_indent_json(calibration_to_dict(calibration), 2)}\n'.encode())


def _indent_json(values: Mapping[str, Any], levels: int) -> str:
    """Write one entry per line in the outer levels; thousands of scores share one line."""
    entries = (f'{json.dumps(name)}: ' + (
        _indent_json(value, levels - 1) if levels > 1 and value and isinstance(value, dict)
        else json.dumps(value, separators=(',', ':'))) for name, value in values.items())
    return '{\n' + ',\n'.join(entries) + '\n}'
