# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""One measurement: the nodes as real processes, a camera before them and a listener behind."""
from dataclasses import dataclass, field
from pathlib import Path
import time
from typing import Mapping, NamedTuple

from bdl_perception.bench.camera import write_frames
from bdl_perception.bench.row import BenchSettings
from bdl_perception.bench.timing import read_usage, Usage
from bdl_perception.bench.trace import CameraTrace, Plan, read_traces, Scene, WARM_UP
from bdl_perception.demo.processes import (
    NodeProcess,
    NODES_PACKAGE,
    private_domain,
    unexpected_exits,
)
from bdl_perception.parameters import PerceptionParameters
from bdl_perception.perception.backend import ModelSpec

BENCH_PACKAGE = 'bdl_perception.bench'
SAMPLING_PERIOD_S = 0.25  # how often CPU time and memory are read
DRAIN_S = 1.0  # after the last frame: its depth, and one more heartbeat
STOP_TIMEOUT_S = 30.0  # a process that must be killed makes the measurement void
TIMEOUT_MARGIN_S = 120.0  # beyond the plan's own time: start, and a machine that is slow


@dataclass(frozen=True)
class NodeSpec:
    """A node under test."""

    node: str
    parameters: Mapping[str, object] = field(default_factory=dict)
    namespace: str = ''  # its namespace
    package: str = NODES_PACKAGE


class Measurement(NamedTuple):
    """What came of it, by camera and by actor."""

    traces: dict[str, CameraTrace]
    usages: list[list[Usage]]  # in the order of the actors

    @property
    def single_trace(self) -> CameraTrace:
        """Give the one camera's."""
        watched, = self.traces.values()
        return watched


def run_measurement(plan: Plan, nodes: list[NodeSpec]) -> Measurement:
    """Run a plan to its end on a ROS domain of its own; RuntimeError: a process died."""
    plan.write()
    started: list[NodeProcess] = []
    with private_domain() as environment:

        def start(actor: NodeSpec) -> NodeProcess:
            log = plan.folder / f'{len(started)}_{actor.node}.log'
            remaps = {'__ns': f'/{actor.namespace}'} if actor.namespace else {}
            started.append(NodeProcess(actor.node, actor.parameters, log, environment, remaps,
                                       actor.package))
            return started[-1]

        try:
            start(NodeSpec('listener', {'plan': plan.plan_path}, package=BENCH_PACKAGE))
            tested = [start(actor) for actor in nodes]
            camera = start(NodeSpec('camera', {'plan': plan.plan_path}, package=BENCH_PACKAGE))
            usages = _sample_usage(plan, started, tested, camera)
        finally:
            codes = [(process.node, process.stop(STOP_TIMEOUT_S)) for process in reversed(started)]
    if wrong := [f'{node} ended with exit code {code}' for node, code in codes if code]:
        raise RuntimeError(f'{"; ".join(wrong)}; the logs are in {plan.folder}')
    return Measurement(read_traces(plan), usages)


def _sample_usage(plan: Plan, started: list[NodeProcess], tested: list[NodeProcess],
           camera: NodeProcess) -> list[list[Usage]]:
    """Look at the processes until the camera has sent everything and the rest is drained."""
    usages: list[list[Usage]] = [[] for _ in tested]
    frames = sum(scene.frames for scene in plan.scenes)
    deadline_s = time.monotonic() + TIMEOUT_MARGIN_S + 2 * frames / plan.rate_hz
    while camera.poll() is None:
        if problems := unexpected_exits(started):
            raise RuntimeError('\n'.join(problems))
        if time.monotonic() > deadline_s:
            raise RuntimeError(f'the camera did not end in time; the logs are in {plan.folder}')
        for process, looks in zip(tested, usages, strict=True):
            looks.append(read_usage(process.pid))
        time.sleep(SAMPLING_PERIOD_S)
    if camera.poll():
        raise RuntimeError('\n'.join([*unexpected_exits([camera]), *(
            f'{process.node} said:\n{process.log_tail()}' for process in tested)]))
    time.sleep(DRAIN_S)
    return usages


# All else: defaults. Not 'auto': the rows that a node is held against run ONNX Runtime.
PERCEPTION_PARAMETERS: dict[str, object] = {'autostart': True, 'backend': 'onnxruntime'}
MC_SAMPLES = PerceptionParameters.samples  # T of a cycle
WARM_UP_S = 3.0
WORK_FOLDER = 'work'  # folder in out: plans, logs, and the pictures while they are needed
FRAMES_FILE = 'pictures.npz'


def our_nodes(settings: BenchSettings, camera: str = '', threads: int | None = None) -> list[NodeSpec]:
    """Start perception_node and its alert_node; the former comes first."""
    return [perception_node(settings, camera, threads),
            NodeSpec('alert_node', {'calibration': settings.model}, camera)]


def multi_camera_nodes(settings: BenchSettings, cameras: tuple[str, ...], threads: int) -> list[NodeSpec]:
    """Start a perception_node for each camera and one alert_node over all."""
    return [*(perception_node(settings, camera, threads) for camera in cameras),
            NodeSpec('alert_node', {'calibration': settings.model, 'cameras': ','.join(cameras)})]


def perception_node(settings: BenchSettings, camera: str = '', threads: int | None = None) -> NodeSpec:
    """Start the perception_node of a camera."""
    return NodeSpec('perception_node', {**PERCEPTION_PARAMETERS, 'model': settings.model,
                                     'threads': settings.threads if threads is None else threads},
                 camera)


def nominal_plan(settings: BenchSettings, name: str, rate_hz: float, seconds: float,
           cameras: tuple[str, ...] = ('',)) -> Plan:
    """Plan so many seconds of the trained street, after a warm-up."""
    scenes = (Scene(WARM_UP, round(WARM_UP_S * rate_hz)),
              Scene('nominal', round(seconds * rate_hz)))
    return make_plan(settings, name, rate_hz, scenes, cameras)


def make_plan(settings: BenchSettings, name: str, rate_hz: float, scenes: tuple[Scene, ...],
         cameras: tuple[str, ...] = ('',)) -> Plan:
    """Plan any scenes; the pictures are made when they are not there yet."""
    work = settings.out / WORK_FOLDER
    work.mkdir(parents=True, exist_ok=True)
    if not (work / FRAMES_FILE).exists():
        write_frames(work / FRAMES_FILE)
    return Plan(work / name, work / FRAMES_FILE, rate_hz, scenes, cameras)


def frames_path(settings: BenchSettings) -> Path:
    """Where the pictures lie, or would."""
    return settings.out / WORK_FOLDER / FRAMES_FILE


def count_chunks(cycles: int, spec: ModelSpec) -> int:
    """Count the runs of the sample graph in so many Monte Carlo cycles."""
    return cycles * MC_SAMPLES // spec.chunk
