# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""Lifecycle node: a camera goes in; depth, classes and how sure they are come out."""
import sys
import time
from typing import Any

from bdl_perception import interface
from bdl_perception.alarm.regions import parse_regions
from bdl_perception.backends.registry import choose_backend
from bdl_perception.backends.registry import open_backend
from bdl_perception.nodes import qos
from bdl_perception.nodes.declare import declare
from bdl_perception.nodes.diagnostics import status_message
from bdl_perception.nodes.fault_log import FaultLog
from bdl_perception.nodes.outputs import Outputs
from bdl_perception.nodes.pipeline import Arrival
from bdl_perception.nodes.pipeline import Picture
from bdl_perception.nodes.pipeline import Pipeline
from bdl_perception.nodes.process import run_node
from bdl_perception.nodes.status_board import StatusBoard
from bdl_perception.nodes.transitions import reason
from bdl_perception.nodes.transitions import told
from bdl_perception.nodes.worker import Worker
from bdl_perception.parameters import PerceptionParameters
from bdl_perception.perception.perceiver import Perceiver
from bdl_perception.perception.schedule import Budget
from diagnostic_msgs.msg import DiagnosticArray
from rclpy.clock import Clock
from rclpy.clock import ClockType
from rclpy.lifecycle import LifecycleNode
from rclpy.lifecycle import LifecycleState
from rclpy.lifecycle import TransitionCallbackReturn
from sensor_msgs.msg import CameraInfo
from sensor_msgs.msg import CompressedImage
from sensor_msgs.msg import Image

NAME = 'perception_node'


class PerceptionNode(LifecycleNode):
    """Wires camera topics to a Pipeline, and its results to the published topics."""

    def __init__(self) -> None:
        """Declare the parameters and begin the heartbeat, which every state has."""
        super().__init__(NAME)
        self._settings = declare(self, PerceptionParameters)
        self._board = StatusBoard()
        self._outputs: Outputs | None = None
        self._pipeline: Pipeline | None = None
        self._worker: Worker[Arrival] | None = None
        self._inputs: list[Any] = []
        self._log = FaultLog(self.get_logger().error)
        steady = Clock(clock_type=ClockType.STEADY_TIME)  # simulated time may stand still
        # Not a lifecycle publisher: that one would be silent just when there is something to say.
        self._status = self.create_publisher(
            DiagnosticArray, interface.STATUS.name, qos.status())
        self.create_timer(1 / self._settings.status_hz, self._beat, clock=steady)
        if self._settings.autostart:
            self._start_timer = self.create_timer(0.0, self._autostart, clock=steady)

    @told
    def on_configure(self, state: LifecycleState) -> None:
        """Load the model and make the topics."""
        self._release()
        settings, choice = self._settings, choose_backend(self._settings.backend)
        backend = open_backend(choice.name, settings.model, settings.threads, settings.provider,
                               settings.precision)
        perceiver = Perceiver(backend, settings.samples, settings.seed, settings.fit_mode)
        self._outputs = Outputs(self)
        budget = Budget(settings.frame_budget_s, settings.epistemic_refresh_s,
                        settings.samples // backend.spec.chunk)
        self._pipeline = Pipeline(perceiver, budget, self._outputs, self._board, self._fault,
                                  parse_regions(settings.regions))
        self._board.identify(self._pipeline.identity())
        self.get_logger().info(f'model {backend.spec.name} on {choice.name}: {choice.reason}')

    @told
    def on_activate(self, state: LifecycleState) -> None:
        """Listen to the camera."""
        if self._pipeline is None:
            raise RuntimeError('there is no model; configure the node first')
        super().on_activate(state)
        self._worker = Worker(self._pipeline.step, lambda error: self._fault(reason(error)))
        self._subscribe()

    @told
    def on_deactivate(self, state: LifecycleState) -> None:
        """Stop listening; the model stays loaded."""
        self._pause()
        super().on_deactivate(state)

    @told
    def on_cleanup(self, state: LifecycleState) -> None:
        """Give back the model and the topics."""
        self._release()

    @told
    def on_shutdown(self, state: LifecycleState) -> None:
        """Give back everything; the heartbeat says finalized until the process ends."""
        self._release()

    @told
    def on_error(self, state: LifecycleState) -> None:
        """Give back everything, so that the node can be configured again."""
        self._release()

    def transition_ended(self, state: str, fault: str | None) -> None:
        """Tell everybody which state this is, and why it is not another."""
        self._board.transition(state, fault)
        if fault:
            self.get_logger().error(fault)
        self._beat()

    def destroy_node(self) -> None:
        """Stop the thread before what it publishes on goes away."""
        self._release()
        super().destroy_node()

    def _subscribe(self) -> None:
        topic, kind = self._settings.image_topic, Image
        if self._settings.image_transport == 'compressed':
            topic, kind = f'{topic}/compressed', CompressedImage
        self._inputs = [
            self.create_subscription(kind, topic, self._picture, qos.camera(),
                                     qos_overriding_options=qos.camera_overrides()),
            self.create_subscription(CameraInfo, self._settings.camera_info_topic, self._info,
                                     qos.camera())]

    def _picture(self, message: Picture) -> None:
        if self._worker is not None:
            dropped = self._worker.put(Arrival(message, time.monotonic()))
            self._board.count(frames_in=1, frames_dropped=dropped)

    def _info(self, message: CameraInfo) -> None:
        if self._pipeline is not None:
            self._pipeline.info = message

    def _pause(self) -> None:
        while self._inputs:
            self.destroy_subscription(self._inputs.pop())
        if self._worker is not None:
            self._worker.stop()
            self._worker = None
        if self._pipeline is not None:
            self._pipeline.pause()

    def _release(self) -> None:
        self._pause()
        for holder in (self._pipeline, self._outputs):
            if holder is not None:
                holder.close()
        self._pipeline = self._outputs = None
        self._board.identify(None)

    def _fault(self, text: str) -> None:
        """Say at once what is wrong with a frame; called by the worker too."""
        if self._board.fault(text) and self.context.ok():
            self._log.tell(text)
            self._beat()

    def _beat(self) -> None:
        now_ns = self.get_clock().now().nanoseconds
        backend = self._pipeline.backend if self._pipeline else ''
        self._status.publish(status_message(self._board.read(), now_ns, backend))

    def _autostart(self) -> None:
        self._start_timer.cancel()
        if self.trigger_configure() == TransitionCallbackReturn.SUCCESS:
            self.trigger_activate()


def main() -> int:
    """Run the node until a signal comes."""
    return run_node(NAME, PerceptionNode)


if __name__ == '__main__':
    sys.exit(main())
