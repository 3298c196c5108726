# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""A node that starts with a damaged model, a damaged calibration, or wrong parameters."""
from dataclasses import dataclass
import json
import os
from pathlib import Path
import shutil
from typing import Any, Callable, Mapping, Protocol

from bdl_perception.model_store import CALIBRATION_FILE, find_model
from bdl_perception.perception.backend import DEMO_MODEL

GRAPHS = ('perceive.onnx', 'sample.onnx')
MODEL_FILES = ('model.json', *GRAPHS, CALIBRATION_FILE)
NESTING = 100_000  # brackets in a file
ENDLESS_BYTES = 200 * 10**6
Parameters = Mapping[str, object]


class Starter(Protocol):
    """What a start needs of the rig."""

    folder: Path

    def stop(self, node: str) -> None:
        """Stop a node."""

    def start(self, node: str, **parameters: object) -> Any:
        """Start a node."""

    def now_s(self) -> float:
        """Return the time of time.monotonic."""


@dataclass(frozen=True)
class StartInjection:
    """A node is started again with other parameters; make may write files to a folder."""

    node: str
    make: Callable[[Path], Parameters]

    def begin(self, target: Starter) -> float:
        """Stop the node and start it; the fault begins with the start."""
        folder = target.folder / 'start'
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        parameters = self.make(folder)
        target.stop(self.node)
        begin_s = target.now_s()
        target.start(self.node, **parameters)
        return begin_s

    def end(self, target: Starter) -> None:
        """Start the node with its nominal parameters."""
        target.stop(self.node)
        target.start(self.node)


def _fixed(**parameters: object) -> Callable[[Path], Parameters]:
    return lambda folder: parameters


def _damaged_model(damage: Callable[[Path], object]) -> Callable[[Path], Parameters]:
    def make(folder: Path) -> Parameters:
        for name in MODEL_FILES:
            shutil.copy(find_model(DEMO_MODEL) / name, folder / name)
        damage(folder)
        return {'model': folder}
    return make


def _damaged_calibration(damage: Callable[[Path], object]) -> Callable[[Path], Parameters]:
    def make(folder: Path) -> Parameters:
        path = folder / CALIBRATION_FILE
        shutil.copy(find_model(DEMO_MODEL) / CALIBRATION_FILE, path)
        damage(path)
        return {'calibration': path}
    return make


def _cut(name: str) -> Callable[[Path], None]:
    return lambda folder: os.truncate(folder / name, (folder / name).stat().st_size // 2)


def _swap_graphs(folder: Path) -> None:
    (folder / GRAPHS[0]).rename(folder / 'other')
    (folder / GRAPHS[1]).rename(folder / GRAPHS[0])
    (folder / 'other').rename(folder / GRAPHS[1])


def _change_json(path: Path, *keys: str, value: object) -> None:
    values = json.loads(path.read_text(encoding='utf-8'))
    entry = values
    for key in keys[:-1]:
        entry = entry[key]
    if keys[-1] not in entry:
        raise KeyError(f'{path} has no {keys[-1]}')
    entry[keys[-1]] = value
    path.write_text(json.dumps(values), encoding='utf-8')


def _replace_by_pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def _write(text: str) -> Callable[[Path], object]:
    return lambda path: path.write_text(text, encoding='utf-8')


MODEL_DAMAGES: Mapping[str, Callable[[Path], object]] = {  # of the folder
    'model_missing': lambda folder: (folder / 'model.json').unlink(),
    'model_cut': _cut(GRAPHS[0]),
    'model_swapped': _swap_graphs,
    'model_no_json': lambda folder: _write('[' * NESTING)(folder / 'model.json'),
    'model_wrong_hash': lambda folder: _change_json(
        folder / 'model.json', 'perceive_sha256', value=12345),
}
CALIBRATION_DAMAGES: Mapping[str, Callable[[Path], object]] = {  # of the file
    'calibration_missing': lambda path: path.unlink(),
    'calibration_cut': lambda path: _cut(path.name)(path.parent),
    'calibration_empty': _write('{}'),
    'calibration_nested': _write('[' * NESTING),
    'calibration_other_model': lambda path: _change_json(
        path, 'provenance', 'identity', 'perceive_sha256', value='0' * 64),
    'calibration_never_speaks': lambda path: _change_json(path, 'limits', 'cusum', value=1e6),
    'calibration_pipe': _replace_by_pipe,
    'calibration_endless': lambda path: os.truncate(path, ENDLESS_BYTES),
}
START_FAULTS: Mapping[str, StartInjection] = {
    **{name: StartInjection('perception_node', _damaged_model(damage))
       for name, damage in MODEL_DAMAGES.items()},
    **{name: StartInjection('alert_node', _damaged_calibration(damage))
       for name, damage in CALIBRATION_DAMAGES.items()},
    'no_clock': StartInjection('alert_node', _fixed(use_sim_time=True)),
    'status_too_rare': StartInjection('perception_node', _fixed(status_hz=1.)),
    'other_samples': StartInjection('perception_node', _fixed(samples=8)),
    'misspelt_parameter': StartInjection('alert_node', _fixed(stale_after=.3)),
    'parameter_out_of_bounds': StartInjection('perception_node', _fixed(threads=-1)),
    'parameter_of_other_type': StartInjection('alert_node', _fixed(heartbeat_hz='fast')),
    'topics_equal': StartInjection('perception_node', _fixed(image_topic='camera_info')),
    'crawl_above_warn': StartInjection('governor_node', _fixed(crawl_linear_m_s=50.)),
}
