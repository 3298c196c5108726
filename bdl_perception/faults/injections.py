# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""
The faults that can be injected into a rig, by name.

An injection begins a fault at a known time, and ends it so that the nodes can recover.
"""
from dataclasses import dataclass
import math
import signal
from typing import Any, Callable, Iterable, Mapping, Protocol, Sequence

from bdl_perception import topics
from bdl_perception.faults.camera import CameraFault, FaultCamera
from bdl_perception.faults.camera_messages import MESSAGE_FAULTS, png_bomb_fault, STAMP_FAULTS
from bdl_perception.faults.image_faults import IMAGE_FAULTS, ImageFault
from bdl_perception.faults.intruder import ALERTS, ok_alert, Publication, PUBLICATIONS, replayed
from bdl_perception.faults.listener import nominal_command
from bdl_perception.faults.start_faults import START_FAULTS, Starter
from bdl_perception.nodes import publishers
from diagnostic_msgs.msg import DiagnosticArray
from geometry_msgs.msg import Twist, Vector3
import numpy as np

NETWORK_FAULTS = (
    'depth_nan', 'depth_inf', 'depth_one_nan', 'depth_zero', 'depth_negative', 'depth_equal',
    'samples_nan', 'no_spread', 'constant', 'frame_raises', 'frame_memory', 'sample_raises',
    'hang', 'hang_in_sample', 'slow', 'worker_ends')


class Target(Starter, Protocol):
    """What an injection can reach; the rig has it."""

    camera: FaultCamera

    def send_signal(self, node: str, number: int) -> None:
        """Send a signal to a node."""

    def restart(self, node: str) -> None:
        """Start a node again."""

    def set_network_fault(self, name: str | None) -> None:
        """Let the network fail; None: not any more."""

    def publish(self, publication: Publication) -> float:
        """Publish from another node; returns when its first message was sent."""

    def stop_publishing(self) -> None:
        """End the other node."""

    def recorded(self, topic: str) -> Sequence[DiagnosticArray]:
        """Return the last messages of a topic."""

    def set_command(self, make: Callable[[], Twist | None]) -> None:
        """Command another velocity; None as result: none."""

    def set_alert(self, make: Callable[[int], DiagnosticArray | None]) -> None:
        """Publish other alerts; only where there is no alert_node."""


class Injection(Protocol):
    """A fault with begin and end."""

    def begin(self, target: Target) -> float:
        """Begin the fault; returns when it began, s of time.monotonic."""

    def end(self, target: Target) -> None:
        """End the fault."""


@dataclass(frozen=True)
class CameraInjection:
    """A camera sends something else."""

    make: Callable[[], CameraFault]  # a fault may store frames, so that each needs a new one

    def begin(self, target: Target) -> float:
        """Begin with the next frame."""
        return target.camera.begin(self.make())

    def end(self, target: Target) -> None:
        """Send nominal frames again."""
        target.camera.end()


@dataclass(frozen=True)
class NetworkInjection:
    """The network of perception_node fails."""

    name: str

    def begin(self, target: Target) -> float:
        """Begin with the next pass."""
        begin_s = target.now_s()
        target.set_network_fault(self.name)
        return begin_s

    def end(self, target: Target) -> None:
        """Let the network work again."""
        target.set_network_fault(None)


@dataclass(frozen=True)
class SignalInjection:
    """A process is stopped, or ends and is started again afterwards."""

    node: str
    number: int

    def begin(self, target: Target) -> float:
        """Send the signal."""
        begin_s = target.now_s()
        target.send_signal(self.node, self.number)
        return begin_s

    def end(self, target: Target) -> None:
        """Continue the process, or start it again."""
        if self.number == signal.SIGSTOP:
            target.send_signal(self.node, signal.SIGCONT)
        else:
            target.restart(self.node)


@dataclass(frozen=True)
class PublicationInjection:
    """Another node publishes on a topic."""

    make: Callable[[], Publication]

    def begin(self, target: Target) -> float:
        """Begin with the first message."""
        return target.publish(self.make())

    def end(self, target: Target) -> None:
        """End that node."""
        target.stop_publishing()


@dataclass(frozen=True)
class ReplayInjection:
    """Messages of perception_node are recorded and sent again, with new stamps."""

    topic: str

    def begin(self, target: Target) -> float:
        """Begin with the oldest recorded message."""
        return target.publish(Publication(
            self.topic, DiagnosticArray, publishers.scores_qos,
            replayed(list(target.recorded(self.topic)))))

    def end(self, target: Target) -> None:
        """End the replay."""
        target.stop_publishing()


@dataclass(frozen=True)
class CommandInjection:
    """The planner commands a velocity that is no number, or none at all."""

    make: Callable[[], Twist | None]

    def begin(self, target: Target) -> float:
        """Begin with the next command."""
        begin_s = target.now_s()
        target.set_command(self.make)
        return begin_s

    def end(self, target: Target) -> None:
        """Command the nominal velocity."""
        target.set_command(nominal_command)


@dataclass(frozen=True)
class AlertInjection:
    """governor_node receives alerts that it must not trust."""

    make: Callable[[int], DiagnosticArray | None]

    def begin(self, target: Target) -> float:
        """Begin with the next alert."""
        begin_s = target.now_s()
        target.set_alert(self.make)
        return begin_s

    def end(self, target: Target) -> None:
        """Publish alerts that are OK and recent."""
        target.set_alert(ok_alert)


def _image_injection(make: Callable[[], ImageFault]) -> CameraInjection:
    return CameraInjection(lambda: CameraFault(image=make()))


def _camera_injections(faults: Mapping[str, CameraFault]) -> dict[str, Injection]:
    return {name: CameraInjection(lambda fault=fault: fault)  # type: ignore[misc]
            for name, fault in faults.items()}


def _nothing(message: Any, count: int) -> None:
    return None


def _every_fourth(message: Any, count: int) -> Any:
    return None if count % 4 else message


def _half(message: Any, count: int) -> Any:
    return message if np.random.default_rng(count).random() < .5 else None


CAMERA_FAULTS = {
    'camera_stops': CameraFault(message=_nothing),
    'camera_slow': CameraFault(message=_every_fourth),
    'half_lost': CameraFault(message=_half),
}
SIGNALS = {
    'stop': signal.SIGSTOP, 'kill': signal.SIGKILL, 'segv': signal.SIGSEGV}


def _signal_injections(pairs: Iterable[tuple[str, str]]) -> dict[str, Injection]:
    return {f'{kind}_{node}': SignalInjection(node, SIGNALS[kind]) for kind, node in pairs}


SIGNALLED: Sequence[tuple[str, str]] = (
    ('stop', 'perception_node'), ('kill', 'perception_node'), ('segv', 'perception_node'),
    ('stop', 'alert_node'), ('kill', 'alert_node'), ('kill', 'governor_node'),
    ('stop', 'camera_node'), ('kill', 'camera_node'))
COMMANDS: Mapping[str, Callable[[], Twist | None]] = {
    'command_nan': lambda: Twist(linear=Vector3(x=math.nan)),
    'command_infinite': lambda: Twist(linear=Vector3(x=math.inf)),
    'command_silent': lambda: None,
}
INJECTIONS: Mapping[str, Injection] = {
    **_camera_injections({**CAMERA_FAULTS, **STAMP_FAULTS, **MESSAGE_FAULTS}),
    'png_bomb': CameraInjection(png_bomb_fault),
    **{name: _image_injection(make) for name, make in IMAGE_FAULTS.items()},
    **{name: NetworkInjection(name) for name in NETWORK_FAULTS},
    **_signal_injections(SIGNALLED),
    **{name: PublicationInjection(make) for name, make in PUBLICATIONS.items()},
    **{f'replayed_{topic.name}': ReplayInjection(topic.name)
       for topic in (topics.STATUS, topics.SCORES)},
    **{name: CommandInjection(make) for name, make in COMMANDS.items()},
    **START_FAULTS,
    **{name: AlertInjection(alert) for name, alert in ALERTS.items()},
}
