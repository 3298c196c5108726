# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""One measurement: the nodes as real processes, a camera before them and a listener behind."""
from dataclasses import dataclass
from dataclasses import field
import time
from typing import Mapping, NamedTuple

from bdl_perception.bench.plan import Plan
from bdl_perception.bench.usage import look
from bdl_perception.bench.usage import Usage
from bdl_perception.bench.watched import read
from bdl_perception.bench.watched import Watched
from bdl_perception.demo.processes import dead
from bdl_perception.demo.processes import NodeProcess
from bdl_perception.demo.processes import NODES
from bdl_perception.demo.processes import private_domain

BENCH = 'bdl_perception.bench'
LOOK_S = 0.25  # how often CPU time and memory are read
DRAIN_S = 1.0  # after the last frame: its depth, and one more heartbeat
STOP_S = 30.0  # a process that must be killed makes the measurement void
SPARE_S = 120.0  # beyond the plan's own time: start, and a machine that is slow


@dataclass(frozen=True)
class Actor:
    """A node under test."""

    node: str
    parameters: Mapping[str, object] = field(default_factory=dict)
    camera: str = ''  # its namespace
    package: str = NODES


class Seen(NamedTuple):
    """What came of it, by camera and by actor."""

    cameras: dict[str, Watched]
    usages: list[list[Usage]]  # in the order of the actors

    @property
    def only(self) -> Watched:
        """Give the one camera's."""
        watched, = self.cameras.values()
        return watched


def perform(plan: Plan, actors: list[Actor]) -> Seen:
    """Run a plan to its end on a ROS domain of its own; RuntimeError: a process died."""
    plan.write()
    started: list[NodeProcess] = []
    with private_domain() as environment:

        def start(actor: Actor) -> NodeProcess:
            log = plan.folder / f'{len(started)}_{actor.node}.log'
            remaps = {'__ns': f'/{actor.camera}'} if actor.camera else {}
            started.append(NodeProcess(actor.node, actor.parameters, log, environment, remaps,
                                       actor.package))
            return started[-1]

        try:
            start(Actor('listener', {'plan': plan.path}, package=BENCH))
            tested = [start(actor) for actor in actors]
            camera = start(Actor('camera', {'plan': plan.path}, package=BENCH))
            usages = _watch(plan, started, tested, camera)
        finally:
            codes = [(process.node, process.stop(STOP_S)) for process in reversed(started)]
    if wrong := [f'{node} ended with exit code {code}' for node, code in codes if code]:
        raise RuntimeError(f'{"; ".join(wrong)}; the logs are in {plan.folder}')
    return Seen(read(plan), usages)


def _watch(plan: Plan, started: list[NodeProcess], tested: list[NodeProcess],
           camera: NodeProcess) -> list[list[Usage]]:
    """Look at the processes until the camera has sent everything and the rest is drained."""
    usages: list[list[Usage]] = [[] for _ in tested]
    frames = sum(scene.frames for scene in plan.scenes)
    deadline_s = time.monotonic() + SPARE_S + 2 * frames / plan.rate_hz
    while camera.ended() is None:
        if problems := dead(started):
            raise RuntimeError('\n'.join(problems))
        if time.monotonic() > deadline_s:
            raise RuntimeError(f'the camera did not end in time; the logs are in {plan.folder}')
        for process, looks in zip(tested, usages, strict=True):
            looks.append(look(process.pid))
        time.sleep(LOOK_S)
    if camera.ended():
        raise RuntimeError('\n'.join([*dead([camera]), *(
            f'{process.node} said:\n{process.last_words()}' for process in tested)]))
    time.sleep(DRAIN_S)
    return usages
