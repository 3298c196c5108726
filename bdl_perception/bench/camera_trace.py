# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""
Plan of a measurement, and the trace of each camera: frames sent and messages received.

Camera node, listener node and harness are separate processes and exchange them as files.
"""
from dataclasses import asdict, dataclass
from itertools import pairwise
import json
from pathlib import Path

import numpy as np

NOMINAL, OOD = 'nominal', 'ood'  # conditions of scenes
WARM_UP = 'warm_up'  # nominal frames that are not measured: caches and allocators fill
NS_PER_S = 10**9
RECEIVED_KEYS = ('depth', 'epistemic', 'alert', 'status')  # order of the fields of CameraTrace


@dataclass(frozen=True)
class Scene:
    """A number of frames of one kind; frames repeat."""

    kind: str  # NOMINAL, OOD or WARM_UP
    frames: int

    @property
    def condition(self) -> str:
        """Give the condition of the frames."""
        return NOMINAL if self.kind == WARM_UP else self.kind


@dataclass(frozen=True)
class Plan:
    """One measurement."""

    folder: Path  # for the files of the processes
    frames_path: Path  # .npz with rgb (N, H, W, 3) of each condition
    rate_hz: float
    scenes: tuple[Scene, ...]
    cameras: tuple[str, ...] = ('',)  # namespaces; all get the same frame at the same time

    @property
    def plan_path(self) -> Path:
        """Give the path of the plan itself."""
        return self.folder / 'plan.json'

    @property
    def sent_path(self) -> Path:
        """Give the path of the camera's list of frames."""
        return self.folder / 'sent.json'

    @property
    def received_path(self) -> Path:
        """Give the path of the listener's records."""
        return self.folder / 'received.json'

    def write(self) -> None:
        """Write the plan into its folder, and remove the files of an earlier measurement."""
        self.folder.mkdir(parents=True, exist_ok=True)
        for path in (self.sent_path, self.received_path):
            path.unlink(missing_ok=True)
        values = {**asdict(self), 'folder': str(self.folder),
                  'frames_path': str(self.frames_path)}
        self.plan_path.write_text(json.dumps(values), encoding='utf-8')


def read_plan(path: Path) -> Plan:
    """Read a plan that Plan.write() wrote."""
    values = json.loads(path.read_text(encoding='utf-8'))
    return Plan(Path(values['folder']), Path(values['frames_path']), values['rate_hz'],
                tuple(Scene(**scene) for scene in values['scenes']), tuple(values['cameras']))


def topic_name(camera: str, name: str) -> str:
    """Give the topic of a camera; an empty camera has no namespace."""
    return f'/{camera}/{name}' if camera else f'/{name}'


@dataclass(frozen=True)
class CameraTrace:
    """
    Frames sent and messages received of one camera.

    Times are ns of the system clock. The measured window extends from the first to the last frame
    after the warm-up.
    """

    sent: tuple[tuple[int, str], ...]  # stamp and kind of every frame, warm-up included
    depth: tuple[tuple[int, int], ...]  # stamp of the frame, time of publication
    epistemic: tuple[tuple[int, int], ...] = ()  # likewise
    alerts: tuple[tuple[int, int], ...] = ()  # time of publication, level
    status: tuple[tuple[int, int, int], ...] = ()  # publication, frames_in, frames_dropped

    @property
    def measured_stamps(self) -> tuple[int, ...]:
        """Give the stamps of the frames after the warm-up."""
        return tuple(stamp for stamp, kind in self.sent if kind != WARM_UP)

    @property
    def window_ns(self) -> tuple[int, int]:
        """Give begin and end of the measured window; ValueError below two frames."""
        stamps = self.measured_stamps
        if len(stamps) < 2:
            raise ValueError(f'the trace has {len(stamps)} measured frames, at least 2 are needed')
        return stamps[0], stamps[-1]

    @property
    def duration_s(self) -> float:
        """Give the length of the measured window."""
        begin, end = self.window_ns
        return (end - begin) / NS_PER_S

    @property
    def frames_lost(self) -> int:
        """Count the measured frames without a depth image, wherever they were lost."""
        return len(set(self.measured_stamps) - {stamp for stamp, _ in self.depth})

    @property
    def latencies_ms(self) -> list[float]:
        """Give the time from camera stamp to depth publication of each measured frame."""
        stamps = set(self.measured_stamps)
        return [(published - stamp) / 1e6 for stamp, published in self.depth if stamp in stamps]

    def percentile_ms(self, percent: float) -> float:
        """Give a percentile of the latencies; NaN when there is none."""
        latencies = self.latencies_ms
        return float(np.percentile(latencies, percent)) if latencies else float('nan')

    @property
    def depth_hz(self) -> float:
        """Give the depth images per second of the window."""
        return self._rate_in_window([published for _, published in self.depth])

    @property
    def epistemic_hz(self) -> float:
        """Give the completed Monte Carlo cycles per second of the window."""
        return self._rate_in_window([published for _, published in self.epistemic])

    @property
    def frames_dropped(self) -> int | None:
        """Give the frames that perception_node reports as dropped, warm-up included."""
        return self.status[-1][2] if self.status else None

    def scene_starts(self, kind: str) -> list[int]:
        """Give the stamp of the first frame of each scene of a kind."""
        return [stamp for (_, before), (stamp, now) in pairwise(self.sent)
                if now == kind and before != kind]

    def _rate_in_window(self, times_ns: list[int]) -> float:
        begin, end = self.window_ns
        return sum(begin <= time_ns <= end for time_ns in times_ns) / self.duration_s


def read_traces(plan: Plan) -> dict[str, CameraTrace]:
    """Read the trace of each camera; FileNotFoundError when a process wrote no file."""
    sent = tuple((stamp, kind) for stamp, kind in json.loads(plan.sent_path.read_text()))
    received = json.loads(plan.received_path.read_text())
    return {camera: CameraTrace(sent, *(tuple(map(tuple, records[key])) for key in RECEIVED_KEYS))
            for camera, records in received.items()}
