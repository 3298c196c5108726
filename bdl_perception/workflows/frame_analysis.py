# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""One frame through the core of perception_node, and the topics that record the result."""
from typing import NamedTuple

from bdl_perception import topics
from bdl_perception.alarm.alert_types import alert_diagnostics, AlertState
from bdl_perception.drives.topic_recording import (
    CAMERA_INFO_TOPIC,
    CAMERA_TOPIC,
    TopicRecorder,
)
from bdl_perception.evaluation.inference import finish_cycle
from bdl_perception.perception.camera_health import CameraHealth
from bdl_perception.perception.camera_info import UNKNOWN_SCALE
from bdl_perception.perception.data_types import Bytes, CameraFrame, Epistemic, Prediction
from bdl_perception.perception.diagnostic import (
    scores_diagnostic,
    status_diagnostic,
    STATUS_NAME_PREFIX,
)
from bdl_perception.perception.image_geometry import resize_map
from bdl_perception.perception.output_checks import OutputChecks
from bdl_perception.perception.panels import encode_jpeg
from bdl_perception.perception.perceiver import Perceiver
from bdl_perception.perception.regions import Regions
from bdl_perception.perception.scores import cycle_scores, frame_scores
from bdl_perception.perception.status import (
    ACTIVE_STATE,
    build_identity,
    Identity,
    PerceptionStatus,
)
from bdl_perception.perception.visualization import overlay
from bdl_perception.workflows.replay_store import ReplayedFrame

RECORDED_JPEG_QUALITY = 90
EARLIEST_NS = 10**9 * 86_400 * 365  # stamps before 1971 count from the start of the drive
RECORDING_START_NS = 10**9 * 1_577_836_800  # of the recording then: 2020-01-01


class Analysis(NamedTuple):
    """A frame, what the network says of it, and what the alert machine receives."""

    source: CameraFrame
    fitted: Bytes  # rgb, the part that the network sees
    prediction: Prediction
    epistemic: Epistemic
    replayed: ReplayedFrame


class FrameAnalyser:
    """Runs the network, its checks and the scores, as perception_node does."""

    def __init__(self, perceiver: Perceiver, regions: Regions) -> None:
        """Own the perceiver, which holds no frame."""
        self._perceiver, self._regions = perceiver, regions
        self._health = CameraHealth()
        self._checks = OutputChecks(len(perceiver.backend.spec.class_names))

    @property
    def identity(self) -> Identity:
        """Identify the model and the settings of the scores."""
        perceiver = self._perceiver
        return build_identity(perceiver.backend.spec, perceiver.samples, perceiver.seed,
                              perceiver.backend.precision, self._regions, perceiver.fit_mode)

    @property
    def backend_name(self) -> str:
        """Name the backend."""
        return self._perceiver.backend.name

    def skip(self, frame: CameraFrame) -> None:
        """Remember a frame that was analysed before, for the faults of later ones."""
        self._health.detect_faults(frame.rgb)

    def analyse(self, frame: CameraFrame, cycle: int) -> Analysis:
        """Analyse the next frame; cycle: its number, from 1 on."""
        health = self._health.detect_faults(frame.rgb)
        return self._infer(frame, cycle, health)

    def warm_up(self, frame: CameraFrame) -> None:
        """Run the network on a frame that was analysed before, so that its checks know it."""
        self._infer(frame, 1, ())

    def _infer(self, frame: CameraFrame, cycle: int, health: tuple[str, ...]) -> Analysis:
        fitted = self._perceiver.image_fit(frame.rgb.shape[1], frame.rgb.shape[0]).apply(frame.rgb)
        prediction = self._perceiver.perceive(frame)
        epistemic = finish_cycle(self._perceiver)
        faults = (*health, *self._checks.detect_prediction_faults(prediction),
                  *self._checks.detect_epistemic_faults(epistemic))
        warnings = () if frame.camera else (f'the drive has no camera geometry: {UNKNOWN_SCALE}',)
        return Analysis(frame, fitted, prediction, epistemic, ReplayedFrame(
            frame_scores(prediction, self._regions),
            cycle_scores(epistemic, cycle, self._regions), faults, warnings))


class FrameContext(NamedTuple):
    """What a recording needs beside the frame."""

    number: int  # of the frame, from 1 on
    backend: str
    identity: Identity
    camera: str  # its name in the alert
    with_maps: bool


def recording_time_ns(stamp_ns: int) -> int:
    """Return the stamp in a recording; a time that counts from the start begins in 2020."""
    return stamp_ns if stamp_ns >= EARLIEST_NS else RECORDING_START_NS + stamp_ns


def record_frame(recorder: TopicRecorder, analysis: Analysis, state: AlertState,
                 context: FrameContext) -> None:
    """Record what the nodes publish of one frame, and the camera's JPEG."""
    frame, (scores, cycle, faults, warnings) = analysis.source, analysis.replayed
    at, frame_id = recording_time_ns(frame.stamp_ns), frame.frame_id
    recorder.write_jpeg(CAMERA_TOPIC, at, frame_id, encode_jpeg(frame.rgb, RECORDED_JPEG_QUALITY))
    if frame.camera:
        recorder.write_camera_info(CAMERA_INFO_TOPIC, at, frame_id, frame.camera)
    if context.with_maps:
        _record_maps(recorder, at, analysis)
    for one in (scores, cycle):
        recorder.write_diagnostics(topics.SCORES.name, at, frame_id, [scores_diagnostic(one)])
    status = PerceptionStatus(ACTIVE_STATE, faults, context.number, context.number,
                              identity=context.identity, warnings=warnings)
    recorder.write_diagnostics(topics.STATUS.name, at, '',
                               [status_diagnostic(status, context.backend)])
    alert = alert_diagnostics({context.camera: state})
    recorder.write_diagnostics(topics.ALERT_TOPIC.name, at, frame_id, alert)
    recorder.write_diagnostics(topics.DIAGNOSTICS_TOPIC.name, at, frame_id, [
        one._replace(name=topics.ALERT_NODE + one.name.removeprefix(STATUS_NAME_PREFIX))
        for one in alert])


def _record_maps(recorder: TopicRecorder, at_ns: int, analysis: Analysis) -> None:
    prediction, epistemic = analysis.prediction, analysis.epistemic
    for topic, values in (
            (topics.DEPTH, prediction.depth), (topics.ALEATORIC, prediction.aleatoric_std),
            (topics.CLASSES, prediction.classes), (topics.ENTROPY, prediction.entropy),
            (topics.ENERGY, resize_map(prediction.energy, prediction.depth.shape)),
            (topics.OVERLAY, overlay(analysis.fitted, prediction.classes)),
            (topics.EPISTEMIC, epistemic.depth_std),
            (topics.MUTUAL_INFORMATION, epistemic.mutual_information)):
        recorder.write_map(topic.name, at_ns, prediction.frame_id, values)
    if prediction.camera:
        for topic in (topics.DEPTH_INFO, topics.SEGMENTATION_INFO):
            recorder.write_camera_info(topic.name, at_ns, prediction.frame_id, prediction.camera)
