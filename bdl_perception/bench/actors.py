# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""The processes under test as the groups start them, and their camera's plan."""
from pathlib import Path

from bdl_perception.bench.pictures import write_pictures
from bdl_perception.bench.plan import Plan
from bdl_perception.bench.plan import Scene
from bdl_perception.bench.plan import WARM_UP
from bdl_perception.bench.setting import Setting
from bdl_perception.bench.stage import Actor
from bdl_perception.parameters import PerceptionParameters
from bdl_perception.perception.model_spec import ModelSpec

# All else: defaults. Not 'auto': the rows that a node is held against run ONNX Runtime.
PERCEPTION: dict[str, object] = {'autostart': True, 'backend': 'onnxruntime'}
SAMPLES = PerceptionParameters.samples  # T of a cycle
WARM_UP_S = 3.0
WORK = 'work'  # folder in out: plans, logs, and the pictures while they are needed
PICTURES = 'pictures.npz'


def ours(setting: Setting, camera: str = '', threads: int | None = None) -> list[Actor]:
    """Start perception_node and its alert_node; the former comes first."""
    return [perception(setting, camera, threads),
            Actor('alert_node', {'calibration': setting.model}, camera)]


def fleet(setting: Setting, cameras: tuple[str, ...], threads: int) -> list[Actor]:
    """Start a perception_node for each camera and one alert_node over all."""
    return [*(perception(setting, camera, threads) for camera in cameras),
            Actor('alert_node', {'calibration': setting.model, 'cameras': ','.join(cameras)})]


def perception(setting: Setting, camera: str = '', threads: int | None = None) -> Actor:
    """Start the perception_node of a camera."""
    return Actor('perception_node', {**PERCEPTION, 'model': setting.model,
                                     'threads': setting.threads if threads is None else threads},
                 camera)


def street(setting: Setting, name: str, rate_hz: float, seconds: float,
           cameras: tuple[str, ...] = ('',)) -> Plan:
    """Plan so many seconds of the trained street, after a warm-up."""
    scenes = (Scene(WARM_UP, round(WARM_UP_S * rate_hz)),
              Scene('nominal', round(seconds * rate_hz)))
    return plan(setting, name, rate_hz, scenes, cameras)


def plan(setting: Setting, name: str, rate_hz: float, scenes: tuple[Scene, ...],
         cameras: tuple[str, ...] = ('',)) -> Plan:
    """Plan any scenes; the pictures are made when they are not there yet."""
    work = setting.out / WORK
    work.mkdir(parents=True, exist_ok=True)
    if not (work / PICTURES).exists():
        write_pictures(work / PICTURES)
    return Plan(work / name, work / PICTURES, rate_hz, scenes, cameras)


def pictures_of(setting: Setting) -> Path:
    """Where the pictures lie, or would."""
    return setting.out / WORK / PICTURES


def chunks_of(cycles: int, spec: ModelSpec) -> int:
    """Count the runs of the sample graph in so many Monte Carlo cycles."""
    return cycles * SAMPLES // spec.chunk
