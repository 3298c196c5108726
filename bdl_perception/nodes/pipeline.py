# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""From a camera message to everything published of it: the work of perception_node's thread."""
import time
from typing import Callable, NamedTuple, TypeAlias

from bdl_perception.alarm.health import CameraHealth
from bdl_perception.alarm.pooling import prepare
from bdl_perception.alarm.regions import DEFAULT
from bdl_perception.alarm.regions import Regions
from bdl_perception.alarm.scores import cycle_scores
from bdl_perception.alarm.scores import frame_scores
from bdl_perception.alarm.status import Identity
from bdl_perception.alarm.status import identity_of
from bdl_perception.nodes.images import rgb_from_compressed
from bdl_perception.nodes.images import rgb_from_image
from bdl_perception.nodes.messages import camera_from_info
from bdl_perception.nodes.messages import rescaled_info
from bdl_perception.nodes.messages import uncalibrated_info
from bdl_perception.nodes.outputs import Outputs
from bdl_perception.nodes.stamps import stamp_to_ns
from bdl_perception.nodes.status_board import StatusBoard
from bdl_perception.nodes.worker import Mailbox
from bdl_perception.perception.colouring import overlay
from bdl_perception.perception.perceiver import Perceiver
from bdl_perception.perception.schedule import Budget
from bdl_perception.perception.schedule import Schedule
from bdl_perception.perception.schedule import Step
from bdl_perception.perception.values import Bytes
from bdl_perception.perception.values import CameraFrame
from bdl_perception.perception.values import PinholeCamera
from bdl_perception.perception.values import Prediction
from sensor_msgs.msg import CameraInfo
from sensor_msgs.msg import CompressedImage
from sensor_msgs.msg import Image
from std_msgs.msg import Header

Picture: TypeAlias = 'Image | CompressedImage'


class Arrival(NamedTuple):
    """A picture, and when it came, s of the monotonic clock."""

    picture: Picture
    at_s: float


class Pipeline:
    """Perceives and samples by turns; `info` is the newest camera_info, set by the node."""

    def __init__(self, perceiver: Perceiver, budget: Budget, outputs: Outputs,
                 board: StatusBoard, on_fault: Callable[[str], None],
                 regions: Regions = DEFAULT) -> None:
        """Take over the perceiver; on_fault is told what is wrong with a frame that goes on."""
        spec = perceiver.backend.spec
        prepare(regions, spec.height, spec.width)  # what is too small fails now
        self.info: CameraInfo | None = None
        self._perceiver = perceiver
        self._outputs = outputs
        self._board = board
        self._on_fault = on_fault
        self._regions = regions
        self._schedule = Schedule(budget)
        self._health = CameraHealth()
        self._cycle = 0

    def identity(self) -> Identity:
        """Say what the scores depend on."""
        spec = self._perceiver.backend.spec
        return identity_of(spec, self._perceiver.samples, self._perceiver.seed,
                           self._perceiver.backend.precision, self._regions,
                           self._perceiver.fit_mode)

    @property
    def backend(self) -> str:
        """Name what runs the network."""
        return self._perceiver.backend.name

    def step(self, mailbox: Mailbox[Arrival]) -> float:
        """Do the next thing; gives how long to wait for a message before the one after it, s."""
        turn = self._schedule.next_step(time.monotonic(), mailbox.waits,
                                        self._perceiver.samples_left)
        if turn.step is Step.SAMPLE:
            self._sample()
        elif turn.step is Step.PERCEIVE and (arrival := mailbox.take()) is not None:
            self._perceive(arrival)
        return turn.wait_s

    def pause(self) -> None:
        """Forget the held frame, which will be old when the work goes on."""
        self._perceiver.forget()

    def close(self) -> None:
        """Give back the network."""
        self._perceiver.backend.close()

    def _perceive(self, arrival: Arrival) -> None:
        begins_cycle = not self._perceiver.samples_left
        try:
            frame, info = self._frame(arrival.picture)
            prediction = self._perceiver.perceive(frame)
            self._publish(frame, info, prediction)
        finally:  # a frame that failed was served as well: the samples have their turn
            self._schedule.perceived(arrival.at_s, time.monotonic(), begins_cycle)

    def _publish(self, frame: CameraFrame, info: CameraInfo | None,
                 prediction: Prediction) -> None:
        self._outputs.prediction(prediction, _info_maker(info, prediction),
                                 lambda: self._overlay(frame.rgb, prediction.classes))
        self._outputs.scores(frame_scores(prediction, self._regions))
        self._board.count(frames_out=1)
        self._check(prediction.non_finite)

    def _sample(self) -> None:
        start_s = time.monotonic()
        try:
            epistemic = self._perceiver.sample()
        finally:
            self._schedule.sampled(start_s, time.monotonic())
        if epistemic is not None:
            self._cycle += 1
            self._outputs.epistemic(epistemic)
            self._outputs.scores(cycle_scores(epistemic, self._cycle, self._regions))
            self._check(epistemic.non_finite)

    def _frame(self, message: Picture) -> tuple[CameraFrame, CameraInfo | None]:
        compressed = isinstance(message, CompressedImage)
        rgb = rgb_from_compressed(message) if compressed else rgb_from_image(message)
        for fault in self._health.faults(rgb):
            self._on_fault(fault)
        camera, info = self._camera(rgb)
        head = message.header
        return CameraFrame(rgb, stamp_to_ns(head.stamp), head.frame_id, camera), info

    def _camera(self, rgb: Bytes) -> tuple[PinholeCamera | None, CameraInfo | None]:
        """Take the newest camera_info if it can be that of the picture."""
        info, size = self.info, (rgb.shape[1], rgb.shape[0])
        camera = camera_from_info(info) if info is not None else None
        if camera is None or (camera.width, camera.height) == size:
            return camera, info if camera else None
        self._on_fault(f'camera_info is for {camera.width}x{camera.height} px, but the picture '
                       f'is {size[0]}x{size[1]}: depth is not to scale')
        return None, None

    def _overlay(self, rgb: Bytes, classes: Bytes) -> Bytes:
        fit = self._perceiver.fit_for(rgb.shape[1], rgb.shape[0])
        return overlay(fit.apply(rgb), classes)

    def _check(self, non_finite: int) -> None:
        if non_finite:
            self._on_fault(f'{non_finite} numbers of the network are not finite')


def _info_maker(info: CameraInfo | None, seen: Prediction) -> Callable[[Header], CameraInfo]:
    height, width = seen.depth.shape
    camera = seen.camera
    if info is None or camera is None:
        return lambda head: uncalibrated_info(width, height, head)
    return lambda head: rescaled_info(info, camera, head)
