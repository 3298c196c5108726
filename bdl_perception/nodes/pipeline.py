# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""The work of the thread of perception_node: decode, perceive, sample, score and publish."""
import time
from typing import Callable, Iterable, NamedTuple, TypeAlias

from bdl_perception.model_store import ModelOptions
from bdl_perception.nodes.messages import (
    rescaled_camera_info,
    stamp_to_ns,
    uncalibrated_camera_info,
)
from bdl_perception.nodes.publishers import PerceptionPublishers
from bdl_perception.nodes.status import StatusTracker
from bdl_perception.nodes.worker import Mailbox
from bdl_perception.parameters import PerceptionParameters
from bdl_perception.perception.camera_health import CameraHealth
from bdl_perception.perception.camera_info import is_rectified, match_camera
from bdl_perception.perception.data_types import (
    Bytes,
    CameraFrame,
    Epistemic,
    PinholeCamera,
    Prediction,
)
from bdl_perception.perception.image_decoding import ImageDecoder
from bdl_perception.perception.output_checks import OutputChecks
from bdl_perception.perception.perceiver import Perceiver
from bdl_perception.perception.point_cloud import point_cloud
from bdl_perception.perception.regions import DEFAULT_REGIONS, parse_regions, Regions
from bdl_perception.perception.scheduler import Scheduler, Step, TimeBudget
from bdl_perception.perception.scores import cycle_scores, frame_scores, precompute_region_masks
from bdl_perception.perception.status import build_identity, Identity
from bdl_perception.perception.visualization import overlay
from sensor_msgs.msg import CameraInfo, CompressedImage, Image
from std_msgs.msg import Header

ImageMessage: TypeAlias = 'Image | CompressedImage'


class ReceivedImage(NamedTuple):
    """An image message and its time of arrival, s of the monotonic clock."""

    message: ImageMessage
    received_s: float


class Pipeline:
    """Runs the single pass and the Monte Carlo samples; the node sets its public fields."""

    def __init__(self, perceiver: Perceiver, budget: TimeBudget, publishers: PerceptionPublishers,
                 status_tracker: StatusTracker, on_fault: Callable[[str], None],
                 regions: Regions = DEFAULT_REGIONS,
                 decoder: ImageDecoder | None = None) -> None:
        """Own the perceiver; on_fault receives the faults of frames that are still processed."""
        spec = perceiver.backend.spec
        precompute_region_masks(regions, spec.height, spec.width)  # fails if a region is too small
        self.camera_info: CameraInfo | None = None
        self.image_topic = ''  # rectified images have `rect` in its name
        self._image_size: tuple[int, int] | None = None
        self._perceiver = perceiver
        self._publishers = publishers
        self._status_tracker = status_tracker
        self._on_fault = on_fault
        self._regions = regions
        self._scheduler = Scheduler(budget)
        self._decoder = decoder or ImageDecoder()
        self._camera_health = CameraHealth()
        self._output_checks = OutputChecks(len(spec.class_names))
        self._cycle = 0
        self._epistemic: Epistemic | None = None  # of the last cycle, for the points

    def identity(self) -> Identity:
        """Identify the model and the settings that the scores depend on."""
        spec = self._perceiver.backend.spec
        return build_identity(spec, self._perceiver.samples, self._perceiver.seed,
                              self._perceiver.backend.precision, self._regions,
                              self._perceiver.fit_mode)

    @property
    def backend_name(self) -> str:
        """Name of the backend."""
        return self._perceiver.backend.name

    def step(self, mailbox: Mailbox[ReceivedImage]) -> float:
        """Perceive or sample if it is time; returns the time to wait for a message, s."""
        decision = self._scheduler.next_step(time.monotonic(), mailbox.has_message,
                                             self._perceiver.samples_left)
        if decision.step is Step.SAMPLE:
            self._sample()
        elif decision.step is Step.PERCEIVE and (received := mailbox.take()) is not None:
            self._perceive(received)
        return decision.wait_s

    def discard_frame(self) -> None:
        """Discard the held frame, which would be too old after a pause."""
        self._perceiver.discard_frame()
        self._epistemic = None

    def close(self) -> None:
        """Close the backend."""
        self._perceiver.backend.close()

    def _perceive(self, received: ReceivedImage) -> None:
        begins_cycle = not self._perceiver.samples_left
        try:
            frame, info = self._decode_frame(received.message)
            prediction = self._perceiver.perceive(frame)
            self._publish(frame, info, prediction)
        finally:  # a failed frame counts as well, so that the samples are not blocked
            self._scheduler.record_frame(received.received_s, time.monotonic(), begins_cycle)

    def _publish(self, frame: CameraFrame, info: CameraInfo | None,
                 prediction: Prediction) -> None:
        """Publish the maps first, which must be early; faults before the scores, for the alarm."""
        self._publishers.publish_prediction(
            prediction, _camera_info_factory(info, prediction, self._is_rectified(info)),
            lambda: overlay(self._fit(frame.rgb), prediction.classes),
            lambda: point_cloud(prediction, self._fit(frame.rgb), self._epistemic))
        self._report(self._camera_health.detect_faults(frame.rgb))
        self._report(self._output_checks.detect_prediction_faults(prediction))
        self._publishers.publish_scores(frame_scores(prediction, self._regions))
        self._status_tracker.add_counts(frames_out=1)

    def _sample(self) -> None:
        start_s = time.monotonic()
        try:
            epistemic = self._perceiver.sample()
        finally:
            self._scheduler.record_chunk(start_s, time.monotonic())
        if epistemic is not None:
            self._cycle += 1
            self._epistemic = epistemic
            self._report(self._output_checks.detect_epistemic_faults(epistemic))
            self._publishers.publish_epistemic(epistemic)
            self._publishers.publish_scores(cycle_scores(epistemic, self._cycle, self._regions))

    def _decode_frame(self, message: ImageMessage) -> tuple[CameraFrame, CameraInfo | None]:
        rgb = self._decoder.decode(message)
        camera, info = self._matching_camera(rgb)
        header = message.header
        return CameraFrame(rgb, stamp_to_ns(header.stamp), header.frame_id, camera), info

    def _matching_camera(self, rgb: Bytes) -> tuple[PinholeCamera | None, CameraInfo | None]:
        """Return the newest camera_info and its geometry, if the scale of the image is known."""
        height, width = rgb.shape[:2]
        self._check_size(width, height)
        info = self.camera_info
        matched = match_camera(info, width, height, self._is_rectified(info))
        self._status_tracker.set_warnings((matched.warning,) if matched.warning else ())
        self._report((matched.fault,) if matched.fault else ())
        return matched.camera, info if matched.camera else None

    def _is_rectified(self, info: CameraInfo | None) -> bool:
        return info is not None and is_rectified(info, self.image_topic)

    def _check_size(self, width: int, height: int) -> None:
        """Report an image of another size than the last one: there may be two cameras."""
        before, self._image_size = self._image_size, (width, height)
        if before is not None and before != self._image_size:
            self._on_fault(f'the image size changed from {before[0]}x{before[1]} to '
                           f'{width}x{height} px: do two cameras publish on one topic?')

    def _fit(self, rgb: Bytes) -> Bytes:
        """Crop and resize an image to the size of the maps."""
        return self._perceiver.image_fit(rgb.shape[1], rgb.shape[0]).apply(rgb)

    def _report(self, faults: Iterable[str]) -> None:
        for fault in faults:
            self._on_fault(fault)


def _camera_info_factory(info: CameraInfo | None, prediction: Prediction,
                         rectified: bool) -> Callable[[Header], CameraInfo]:
    height, width = prediction.depth.shape
    camera = prediction.camera
    if info is None or camera is None:
        return lambda header: uncalibrated_camera_info(width, height, header)
    return lambda header: rescaled_camera_info(info, camera, header, rectified)


def model_options(settings: PerceptionParameters, backend: str) -> ModelOptions:
    """Select the options of a model; backend: the chosen one."""
    return ModelOptions(backend, settings.threads, settings.provider, settings.precision,
                        settings.samples, settings.seed, parse_regions(settings.regions),
                        settings.fit_mode)


def time_budget(settings: PerceptionParameters, chunk: int) -> TimeBudget:
    """Select the times of the scheduler; chunk: samples of one call of the network."""
    return TimeBudget(settings.frame_budget_s, settings.epistemic_refresh_s,
                      settings.samples // chunk)
