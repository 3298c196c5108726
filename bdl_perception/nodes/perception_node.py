# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""Lifecycle node: camera images in; depth, classes and their uncertainties out."""
import os
import sys
import time

from bdl_perception import topics
from bdl_perception.backends import choose_backend, open_perceiver
from bdl_perception.nodes import publishers
from bdl_perception.nodes.authenticity import OutgoingSequence, OutgoingSession
from bdl_perception.nodes.camera_topics import CameraTopics, resolve_image_topic
from bdl_perception.nodes.diagnostics import status_message
from bdl_perception.nodes.lifecycle import (
    describe_error,
    lifecycle_callback,
    RestartRequired,
    run_node,
)
from bdl_perception.nodes.messages import ignored_distortion
from bdl_perception.nodes.pipeline import (
    ImageMessage,
    model_options,
    Pipeline,
    ReceivedImage,
    time_budget,
)
from bdl_perception.nodes.ros_parameters import declare_parameters
from bdl_perception.nodes.status import FaultLog, StatusTracker
from bdl_perception.nodes.worker import (
    call_while_waiting,
    hanging_threads,
    MIN_HANG_S,
    Worker,
)
from bdl_perception.parameters import PerceptionParameters
from bdl_perception.perception.image_decoding import ImageDecoder
from diagnostic_msgs.msg import DiagnosticArray
from rclpy.clock import Clock, ClockType
from rclpy.lifecycle import LifecycleNode, LifecycleState, TransitionCallbackReturn
from sensor_msgs.msg import CameraInfo
from std_msgs.msg import String

NAME = 'perception_node'
FRAMES_TO_HANG = 10.0  # a step that takes this many times the frame budget hangs
LOAD_TIMEOUT_S = 1800.0  # TensorRT builds an engine in minutes
CLOSE_TIMEOUT_S = 2.0
RESTART_AFTER_S = 30.0  # a step that hangs for longer will not end; only a new process helps


class PerceptionNode(LifecycleNode):
    """Connects the camera topics to a Pipeline and its results to the published topics."""

    def __init__(self) -> None:
        """Declare the parameters and start the status heartbeat, which runs in every state."""
        super().__init__(NAME)
        self._settings = declare_parameters(
            self, PerceptionParameters, lambda settings: (resolve_image_topic(self, settings),))
        self._status_tracker = StatusTracker(self._settings.status_hz)
        self._session = OutgoingSession()
        self._status_sequence = OutgoingSequence(self._session)
        self._scores_sequence = OutgoingSequence(self._session)
        self._perception_publishers: publishers.PerceptionPublishers | None = None
        self._pipeline: Pipeline | None = None
        self._worker: Worker[ReceivedImage] | None = None
        self._camera_topics: CameraTopics | None = None  # while the node is active
        self._fault_log = FaultLog(self.get_logger().error)
        self._warning_log = FaultLog(  # rclpy allows one severity for each line of code
            lambda text: self.get_logger().warning(text))
        steady = Clock(clock_type=ClockType.STEADY_TIME)  # simulated time may stand still
        # Not a lifecycle publisher: it must report faults in inactive states, too.
        self._status_publisher = self.create_publisher(
            DiagnosticArray, topics.STATUS.name, publishers.status_qos())
        self.create_subscription(String, topics.CHALLENGE.name, self._on_challenge,
                                 publishers.challenge_qos())
        self.create_timer(1 / self._settings.status_hz, self._on_heartbeat, clock=steady)
        if self._settings.autostart:
            self._start_timer = self.create_timer(0.0, self._autostart, clock=steady)

    @lifecycle_callback
    def on_configure(self, state: LifecycleState) -> None:
        """Load the model and create the publishers."""
        self._release_resources()
        choice = choose_backend(self._settings.backend)
        if ignored := self._settings.ignored_option(choice.name):
            raise ValueError(ignored)
        options = model_options(self._settings, choice.name)
        perceiver = call_while_waiting(lambda: open_perceiver(self._settings.model, options),
                                       self._publish_status, LOAD_TIMEOUT_S)
        self._perception_publishers = publishers.PerceptionPublishers(self, self._scores_sequence)
        self._pipeline = Pipeline(
            perceiver, time_budget(self._settings, perceiver.backend.spec.chunk),
            self._perception_publishers, self._status_tracker, self._report_fault, options.regions,
            ImageDecoder(self._settings.max_image_pixels, self.get_logger().warning))
        identity = self._pipeline.identity()
        self._status_tracker.set_identity(identity)
        self.get_logger().info(f'model {identity.model} on {choice.name}: {choice.reason}')
        self.get_logger().info(
            f'terms of its training data: {perceiver.backend.spec.terms_line}')

    @lifecycle_callback
    def on_activate(self, state: LifecycleState) -> None:
        """Subscribe to the camera."""
        if self._pipeline is None:
            raise RuntimeError('there is no model; configure the node first')
        if not self._stop_worker():
            raise RuntimeError('the last frame before the deactivation still hangs in the '
                               'network: clean up and configure the node again')
        super().on_activate(state)
        self._pipeline.camera_info = None  # it may be of another camera
        self._start_worker(self._pipeline)
        self._camera_topics = CameraTopics(
            self, self._settings, self._on_image, self._on_camera_info)
        self._pipeline.image_topic = self._camera_topics.image_topic

    @lifecycle_callback
    def on_deactivate(self, state: LifecycleState) -> None:
        """Unsubscribe; the model stays loaded."""
        self._stop_processing()
        super().on_deactivate(state)

    @lifecycle_callback
    def on_cleanup(self, state: LifecycleState) -> None:
        """Release the model and the publishers."""
        self._release_resources()

    @lifecycle_callback
    def on_shutdown(self, state: LifecycleState) -> None:
        """Release everything; the heartbeat reports `finalized` until the process exits."""
        self._release_resources()

    @lifecycle_callback
    def on_error(self, state: LifecycleState) -> None:
        """Release everything, so that the node can be configured again."""
        self._release_resources()

    def transition_ended(self, state: str, fault: str | None) -> None:
        """Publish the state in which a transition ended, and the fault if it failed."""
        self._status_tracker.set_state(state, fault)
        if fault:
            self.get_logger().error(fault)
        self._publish_status()

    def destroy_node(self) -> None:
        """Stop the worker thread before its publishers are destroyed."""
        self._release_resources()
        super().destroy_node()

    def _on_image(self, message: ImageMessage) -> None:
        if self._worker is not None:
            dropped = self._worker.put(ReceivedImage(message, time.monotonic()))
            self._status_tracker.add_counts(frames_in=1, frames_dropped=dropped)

    def _on_camera_info(self, message: CameraInfo) -> None:
        if self._pipeline is not None:
            self._pipeline.camera_info = message
            if note := ignored_distortion(message, self._pipeline.image_topic):
                self._warning_log.report(note)

    def _on_challenge(self, message: String) -> None:
        self._session.add_challenge(message.data)

    def _on_worker_error(self, error: Exception) -> None:
        self._report_fault(describe_error(error))

    def _start_worker(self, pipeline: Pipeline) -> None:
        pipeline.discard_frame()  # it is too old after a pause
        self._worker = Worker(pipeline.step, self._on_worker_error,
                              max(MIN_HANG_S, FRAMES_TO_HANG * self._settings.frame_budget_s))

    def _stop_worker(self) -> bool:
        """Stop the worker and keep the heartbeat; False if it hangs and is still there."""
        if self._worker is not None and self._worker.stop(self._publish_status):
            self._worker = None
        return self._worker is None

    def _stop_processing(self) -> None:
        if self._camera_topics is not None:
            self._camera_topics.close()
            self._camera_topics = None
        self._stop_worker()

    def _release_resources(self) -> None:
        """Close everything but a backend that hangs: it is left to its thread."""
        self._stop_processing()
        if self._pipeline is not None and self._worker is None:
            self._close_pipeline(self._pipeline)
        if self._perception_publishers is not None:
            self._perception_publishers.close()
        self._pipeline = self._perception_publishers = self._worker = None
        self._status_tracker.set_identity(None)

    def _close_pipeline(self, pipeline: Pipeline) -> None:
        try:
            call_while_waiting(pipeline.close, self._publish_status, CLOSE_TIMEOUT_S)
        except TimeoutError as error:
            self.get_logger().error(f'the model stays in memory: {error}')

    def _on_heartbeat(self) -> None:
        self._check_camera()
        restart = self._check_worker()
        self._publish_status()
        if restart:
            raise RestartRequired(restart)

    def _check_camera(self) -> None:
        """Look for a camera_info that was sent before, and for a second camera."""
        if self._camera_topics is None or self._pipeline is None:
            return
        if self._pipeline.camera_info is None:
            self._camera_topics.subscribe_latched_info()
        fault = self._camera_topics.fault()
        if fault and self._status_tracker.add_fault(fault):
            self._fault_log.report(fault)

    def _check_worker(self) -> str | None:
        """Report a worker that hangs or ended, and replace the latter; returns why to restart."""
        worker, pipeline = self._worker, self._pipeline
        fault = worker.fault() if worker is not None else None
        if worker is None or pipeline is None or fault is None:
            return None
        self._status_tracker.add_fault(fault)
        self._fault_log.report(fault)
        if worker.has_ended:
            self._start_worker(pipeline)
        return fault if worker.step_s > RESTART_AFTER_S else None

    def _report_fault(self, text: str) -> None:
        """Publish the fault of a frame at once; the worker thread calls this, too."""
        if self._status_tracker.add_fault(text):
            self._fault_log.report(text)
            self._publish_status()

    def _publish_status(self) -> None:
        if not self.context.ok():
            return  # a signal arrived
        now_ns = self.get_clock().now().nanoseconds
        backend = self._pipeline.backend_name if self._pipeline else ''
        status = self._status_tracker.take_snapshot()
        for warning in status.warnings:
            self._warning_log.report(warning)
        self._status_sequence.publish(lambda origin: self._status_publisher.publish(
            status_message(status, now_ns, backend, origin)))

    def _autostart(self) -> None:
        self._start_timer.cancel()
        try:
            if self.trigger_configure() == TransitionCallbackReturn.SUCCESS:
                self.trigger_activate()
        except RuntimeError as error:  # a lifecycle manager was faster
            self.get_logger().warning(f'autostart is not possible: {describe_error(error)}')


def main() -> int:
    """Run the node until a signal arrives."""
    code = run_node(NAME, PerceptionNode)
    if hanging_threads():  # within a library, which would delay or crash a normal exit
        os._exit(code)
    return code


if __name__ == '__main__':
    sys.exit(main())
