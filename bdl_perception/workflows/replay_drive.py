# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""
Replay of a recorded drive through the core of the nodes, without ROS and at full speed.

Every frame has its Monte Carlo cycle, and its scores arrive at its stamp. The result depends on
the recording alone, not on the speed of the machine.
"""
from dataclasses import dataclass
from itertools import islice
from typing import Callable, Iterable, Iterator, Mapping, NamedTuple

from bdl_perception.alarm.alert import AlertMachine
from bdl_perception.alarm.alert_types import AlertState
from bdl_perception.drives import Drive, DriveError
from bdl_perception.drives.topic_recording import MapThinning
from bdl_perception.evaluation.alarm_replay import FrameReplayer
from bdl_perception.evaluation.alert_timeline import AlertTimeline, select_moments
from bdl_perception.perception.data_types import CameraFrame
from bdl_perception.perception.output_checks import STUCK_AFTER
from bdl_perception.perception.panels import CAMERA_PANEL, draw_panels, encode_jpeg
from bdl_perception.workflows.frame_analysis import (
    Analysis,
    FrameAnalyser,
    FrameContext,
    record_frame,
)
from bdl_perception.workflows.replay_store import Part, ReplayedFrame, ReplayStore

PART_FRAMES = 500  # so many are analysed again at most after a replay was killed
STORED_MOMENTS = 8  # times the moments of the report: images on disk at most
MAX_REPEATED_STAMPS = 100  # in a row
CAMERA_WIDTH, MAP_WIDTH, JPEG_QUALITY = 640, 320, 82  # of the small images


@dataclass(frozen=True)
class ReplayConfig:
    """What is kept of a replay."""

    moments: int = 120  # frames that the report shows
    maps_hz: float = 1.  # recorded maps per second of the drive; 0: of every frame
    camera: str = 'camera'  # name of the camera in the alert

    def __post_init__(self) -> None:
        """Check the numbers; ValueError names the wrong one."""
        if self.moments < 1:
            raise ValueError(f'moments is {self.moments}, must be 1 or more')
        if not 0 <= self.maps_hz <= 1000:
            raise ValueError(f'maps_hz is {self.maps_hz}, must be 0 (all) to 1000')


class ReplayResult(NamedTuple):
    """The frames so far, and the states of those whose small images are stored."""

    timeline: AlertTimeline
    states: Mapping[int, AlertState]  # index of the frame -> alert
    moments: tuple[int, ...]  # indices of the frames to show, in the order of time
    repeated: int  # frames left out, whose stamp did not increase
    complete: bool
    error: str = ''  # why the recording cannot be read further


class DriveReplay:
    """The replay of one drive, which continues where the store ends."""

    def __init__(self, analyser: FrameAnalyser, machine: AlertMachine, store: ReplayStore,
                 config: ReplayConfig) -> None:
        """Start before the first frame."""
        self._analyser, self._store, self._config = analyser, store, config
        self._alerts = FrameReplayer(machine, analyser.identity)
        self._timeline = AlertTimeline()
        self._states: dict[int, AlertState] = {}
        self._stored = store.stored_stamps()
        self._thinning = MapThinning(config.maps_hz)
        self._repeated = 0

    def run(self, drive: Drive, interrupted: Callable[[], bool],
            on_frame: Callable[[bool], None]) -> ReplayResult:
        """
        Replay until the end, or until interrupted() is true.

        on_frame is called after each frame, with whether it was analysed before. A recording that
        cannot be read further ends the replay with an error in the result. ValueError: it has no
        frame, or is not the one of the store.
        """
        frames, complete, error = self._increasing(drive), False, ''
        try:
            self._restore(frames, on_frame)
            while not complete and not interrupted():
                complete = self._run_part(frames, interrupted, on_frame)
        except DriveError as unreadable:
            if not len(self._timeline):
                raise
            error = str(unreadable)
        return self._result(complete, error)

    def _restore(self, frames: Iterator[CameraFrame], on_frame: Callable[[bool], None]) -> None:
        """Pass the frames of the store to the alert machine."""
        known = sum(1 for _ in self._store.frames())
        for index, replayed in enumerate(self._store.frames()):
            frame = next(frames, None)
            if frame is None or frame.stamp_ns != replayed.frame.stamp_ns:
                raise ValueError(f'{self._store.folder} is of another recording: frame {index} '
                                 f'has another stamp; remove the folder')
            self._analyser.skip(frame)
            if index >= known - STUCK_AFTER:
                self._analyser.warm_up(frame)
            self._update(replayed)
            self._thinning.due(frame.stamp_ns)
            on_frame(True)

    def _run_part(self, frames: Iterator[CameraFrame], interrupted: Callable[[], bool],
                  on_frame: Callable[[bool], None]) -> bool:
        """Analyse the frames of one part; returns whether the drive has ended."""
        part, stopped = self._store.start_part(), False
        try:
            for frame in islice(frames, PART_FRAMES):
                self._add(part, self._analyser.analyse(frame, len(self._timeline) + 1))
                on_frame(False)
                if stopped := interrupted():
                    break
        except DriveError:
            part.close()
            raise
        except BaseException:  # also a second Ctrl-C: a message may be half written
            part.abandon()
            raise
        part.close()
        return not stopped and part.frame_count < PART_FRAMES

    def _add(self, part: Part, analysis: Analysis) -> None:
        """Store small images and topics of a frame."""
        for panel, rgb in draw_panels(analysis.source.rgb, analysis.prediction,
                                      analysis.epistemic).items():
            width = CAMERA_WIDTH if panel == CAMERA_PANEL else MAP_WIDTH
            path = self._store.image_path(analysis.source.stamp_ns, panel)
            path.write_bytes(encode_jpeg(rgb, JPEG_QUALITY, width))
        self._stored.add(analysis.source.stamp_ns)
        state = self._update(analysis.replayed)
        record_frame(part.recorder, analysis, state, FrameContext(
            len(self._timeline), self._analyser.backend_name, self._analyser.identity,
            self._config.camera, self._thinning.due(analysis.source.stamp_ns)))
        part.append(analysis.replayed)
        self._limit_images()

    def _update(self, replayed: ReplayedFrame) -> AlertState:
        frame, cycle = replayed.frame, replayed.cycle
        state = self._alerts.update(frame, cycle, replayed.faults, replayed.warnings)
        self._timeline.append(frame.stamp_ns, state, {**frame.values, **cycle.values})
        if frame.stamp_ns in self._stored:
            self._states[len(self._timeline) - 1] = state
        return state

    def _limit_images(self) -> None:
        """Remove the images of the less interesting half if there are too many."""
        if len(self._states) <= STORED_MOMENTS * self._config.moments:
            return
        selected = set(select_moments(self._timeline, list(self._states), len(self._states) // 2))
        removed = [index for index in self._states if index not in selected]
        stamps_ns = self._timeline.stamps_ns
        self._store.remove_images(int(stamps_ns[index]) for index in removed)
        for index in removed:
            del self._states[index]
            self._stored.discard(int(stamps_ns[index]))

    def _increasing(self, frames: Iterable[CameraFrame]) -> Iterator[CameraFrame]:
        """Leave out frames whose stamp does not increase, as alert_node does; count them."""
        last_ns, row = -1, 0
        for frame in frames:
            row = row + 1 if frame.stamp_ns <= last_ns else 0
            if row >= MAX_REPEATED_STAMPS:
                raise DriveError(f'the stamps do not increase after {last_ns} ns; are there '
                                 f'several recordings in one file?')
            self._repeated += row > 0
            if not row:
                last_ns = frame.stamp_ns
                yield frame

    def _result(self, complete: bool, error: str) -> ReplayResult:
        if not len(self._timeline):
            raise ValueError('no frame was replayed; is the recording empty?')
        moments = select_moments(self._timeline, list(self._states), self._config.moments)
        return ReplayResult(self._timeline, self._states, tuple(moments), self._repeated,
                            complete, error)
