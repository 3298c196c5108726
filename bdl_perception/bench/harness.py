# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""Measurement harness: nodes under test as processes, with a camera node and a listener node."""
from dataclasses import dataclass, field
from pathlib import Path
import time
from typing import Mapping, NamedTuple

from bdl_perception.bench.camera import write_frames
from bdl_perception.bench.camera_trace import (
    CameraTrace,
    NOMINAL,
    Plan,
    read_traces,
    Scene,
    WARM_UP,
)
from bdl_perception.bench.row import BenchSettings
from bdl_perception.bench.timing import read_usage, Usage
from bdl_perception.demo.processes import (
    NodeProcess,
    NODES_PACKAGE,
    private_domain,
    unexpected_exits,
)
from bdl_perception.parameters import PerceptionParameters
from bdl_perception.perception.backend import ModelSpec

BENCH_PACKAGE = 'bdl_perception.bench'
SAMPLING_PERIOD_S = 0.25  # of CPU time and memory
DRAIN_S = 1.0  # after the last frame, for its depth and one more heartbeat
STOP_TIMEOUT_S = 30.0  # a process that must be killed invalidates the measurement
TIMEOUT_MARGIN_S = 120.0  # beyond the duration of the plan, for the start on a slow machine
# Others are defaults. Not 'auto': the rows that a node is compared with run ONNX Runtime.
PERCEPTION_PARAMETERS: dict[str, object] = {'autostart': True, 'backend': 'onnxruntime'}
MC_SAMPLES = PerceptionParameters.samples  # T of a cycle
WARM_UP_S = 3.0
WORK_FOLDER = 'work'  # in the output folder: plans, logs, and the frames while they are needed
FRAMES_FILE = 'frames.npz'


@dataclass(frozen=True)
class NodeSpec:
    """A node to be started as a process."""

    node: str
    parameters: Mapping[str, object] = field(default_factory=dict)
    namespace: str = ''
    package: str = NODES_PACKAGE


class Measurement(NamedTuple):
    """Traces by camera and resource usage by node."""

    traces: dict[str, CameraTrace]
    usages: list[list[Usage]]  # in the order of the nodes under test

    @property
    def single_trace(self) -> CameraTrace:
        """Give the trace of the only camera."""
        trace, = self.traces.values()
        return trace


def run_measurement(plan: Plan, nodes: list[NodeSpec]) -> Measurement:
    """Run a plan on a private ROS domain; RuntimeError when a process ends early or fails."""
    plan.write()
    started: list[NodeProcess] = []
    with private_domain() as environment:

        def start(spec: NodeSpec) -> NodeProcess:
            log = plan.folder / f'{len(started)}_{spec.node}.log'
            remaps = {'__ns': f'/{spec.namespace}'} if spec.namespace else {}
            started.append(NodeProcess(spec.node, spec.parameters, log, environment, remaps,
                                       spec.package))
            return started[-1]

        try:
            start(NodeSpec('listener', {'plan': plan.plan_path}, package=BENCH_PACKAGE))
            tested = [start(spec) for spec in nodes]
            camera = start(NodeSpec('camera', {'plan': plan.plan_path}, package=BENCH_PACKAGE))
            usages = _sample_usage(plan, started, tested, camera)
        finally:
            codes = [(process.node, process.stop(STOP_TIMEOUT_S)) for process in reversed(started)]
    if failed := [f'{node} ended with exit code {code}' for node, code in codes if code]:
        raise RuntimeError(f'{"; ".join(failed)}; the logs are in {plan.folder}')
    return Measurement(read_traces(plan), usages)


def _sample_usage(plan: Plan, started: list[NodeProcess], tested: list[NodeProcess],
                  camera: NodeProcess) -> list[list[Usage]]:
    """Sample the resource usage until the camera has ended and the last frame is processed."""
    usages: list[list[Usage]] = [[] for _ in tested]
    frames = sum(scene.frames for scene in plan.scenes)
    deadline_s = time.monotonic() + TIMEOUT_MARGIN_S + 2 * frames / plan.rate_hz
    while camera.poll() is None:
        if problems := unexpected_exits(started):
            raise RuntimeError('\n'.join(problems))
        if time.monotonic() > deadline_s:
            raise RuntimeError(f'the camera did not end in time; the logs are in {plan.folder}')
        for process, samples in zip(tested, usages, strict=True):
            samples.append(read_usage(process.pid))
        time.sleep(SAMPLING_PERIOD_S)
    if camera.poll():
        raise RuntimeError('\n'.join([*unexpected_exits([camera]), *(
            f'log of {process.node}:\n{process.log_tail()}' for process in tested)]))
    time.sleep(DRAIN_S)
    return usages


def our_nodes(settings: BenchSettings, camera: str = '') -> list[NodeSpec]:
    """Give perception_node and alert_node of a camera, in this order."""
    return [perception_node(settings, settings.threads, camera),
            NodeSpec('alert_node', {'calibration': settings.model}, camera)]


def multi_camera_nodes(settings: BenchSettings, cameras: tuple[str, ...],
                       threads: int) -> list[NodeSpec]:
    """Give a perception_node for each camera and one alert_node for all."""
    return [*(perception_node(settings, threads, camera) for camera in cameras),
            NodeSpec('alert_node', {'calibration': settings.model, 'cameras': ','.join(cameras)})]


def perception_node(settings: BenchSettings, threads: int, camera: str = '') -> NodeSpec:
    """Give the perception_node of a camera."""
    return NodeSpec('perception_node', {**PERCEPTION_PARAMETERS, 'model': settings.model,
                                        'threads': threads}, camera)


def nominal_plan(settings: BenchSettings, name: str, rate_hz: float, seconds: float,
                 cameras: tuple[str, ...] = ('',)) -> Plan:
    """Plan a warm-up and a nominal scene of some seconds."""
    scenes = (Scene(WARM_UP, round(WARM_UP_S * rate_hz)), Scene(NOMINAL, round(seconds * rate_hz)))
    return make_plan(settings, name, rate_hz, scenes, cameras)


def make_plan(settings: BenchSettings, name: str, rate_hz: float, scenes: tuple[Scene, ...],
              cameras: tuple[str, ...] = ('',)) -> Plan:
    """Plan scenes; writes the file of frames when it does not exist yet."""
    frames = frames_path(settings)
    if not frames.exists():
        frames.parent.mkdir(parents=True, exist_ok=True)
        write_frames(frames)
    return Plan(frames.parent / name, frames, rate_hz, scenes, cameras)


def frames_path(settings: BenchSettings) -> Path:
    """Give the path of the file of frames, which may not exist."""
    return settings.out / WORK_FOLDER / FRAMES_FILE


def count_chunks(cycles: int, spec: ModelSpec) -> int:
    """Count the runs of the sample graph in a number of Monte Carlo cycles."""
    return cycles * MC_SAMPLES // spec.chunk
