# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""What one camera's chain did in the frames that count, read back as numbers."""
from dataclasses import asdict, dataclass
from itertools import pairwise
import json
from pathlib import Path

import numpy as np

WARM_UP = 'warm_up'  # frames that do not count: everything is touched for the first time


@dataclass(frozen=True)
class Scene:
    """So many frames of one kind; the pictures repeat."""

    kind: str  # nominal or strange, or WARM_UP: nominal and not counted
    frames: int


@dataclass(frozen=True)
class Plan:
    """One measurement."""

    folder: Path  # where both write what they saw
    pictures: Path
    rate_hz: float
    scenes: tuple[Scene, ...]
    cameras: tuple[str, ...] = ('',)  # their namespaces; all see the same at the same moment

    @property
    def plan_path(self) -> Path:
        """Where the plan itself lies."""
        return self.folder / 'plan.json'

    @property
    def sent_path(self) -> Path:
        """Where the camera leaves its list of frames."""
        return self.folder / 'sent.json'

    @property
    def received_path(self) -> Path:
        """Where the listener leaves what it received."""
        return self.folder / 'heard.json'

    def write(self) -> None:
        """Make the folder, for a new measurement, and leave the plan in it."""
        self.folder.mkdir(parents=True, exist_ok=True)
        for path in (self.sent_path, self.received_path):
            path.unlink(missing_ok=True)
        values = {**asdict(self), 'folder': str(self.folder), 'pictures': str(self.pictures)}
        self.plan_path.write_text(json.dumps(values), encoding='utf-8')


def read_plan(path: Path) -> Plan:
    """Read what write() left."""
    values = json.loads(path.read_text(encoding='utf-8'))
    return Plan(Path(values['folder']), Path(values['pictures']), values['rate_hz'],
                tuple(Scene(**scene) for scene in values['scenes']), tuple(values['cameras']))


def topic_name(camera: str, name: str) -> str:
    """Give the topic of a camera, whose namespace may be none."""
    return f'/{camera}/{name}' if camera else f'/{name}'


NS_PER_S = 10**9
RECEIVED_KEYS = ('depth', 'epistemic', 'alert', 'status')  # as the listener writes and Watched takes


@dataclass(frozen=True)
class CameraTrace:
    """All times are ns of the machine's clock."""

    sent: tuple[tuple[int, str], ...]  # stamp and kind of every frame, warm-up too
    depth: tuple[tuple[int, int], ...]  # stamp of the frame, published
    epistemic: tuple[tuple[int, int], ...] = ()  # likewise
    alerts: tuple[tuple[int, int], ...] = ()  # published, level
    status: tuple[tuple[int, int, int], ...] = ()  # published, frames_in, frames_dropped

    @property
    def measured_stamps(self) -> tuple[int, ...]:
        """Give the stamps of the frames that count."""
        return tuple(stamp for stamp, kind in self.sent if kind != WARM_UP)

    @property
    def window_ns(self) -> tuple[int, int]:
        """Give when the first and the last frame that counts were sent."""
        counted = self.measured_stamps
        if len(counted) < 2:
            raise ValueError(f'{len(counted)} frames count, at least 2 are needed')
        return counted[0], counted[-1]

    @property
    def duration_s(self) -> float:
        """Give how long the window is."""
        begin, end = self.window_ns
        return (end - begin) / NS_PER_S

    @property
    def frames_lost(self) -> int:
        """Count the frames that never got a depth, wherever they were lost."""
        return len(set(self.measured_stamps) - {stamp for stamp, _ in self.depth})

    @property
    def latencies_ms(self) -> list[float]:
        """Give camera stamp to depth publication, for each frame that counts and was answered."""
        counted = set(self.measured_stamps)
        return [(published - stamp) / 1e6 for stamp, published in self.depth if stamp in counted]

    def percentile_ms(self, percent: float) -> float:
        """Sum up the latencies; NaN when no frame was answered."""
        latencies = self.latencies_ms
        return float(np.percentile(latencies, percent)) if latencies else float('nan')

    @property
    def depth_hz(self) -> float:
        """Count the depth images of each second of the window."""
        return self._count_in_window([published for _, published in self.depth]) / self.duration_s

    @property
    def epistemic_hz(self) -> float:
        """Count the finished Monte Carlo cycles of each second of the window."""
        return self._count_in_window([published for _, published in self.epistemic]) / self.duration_s

    @property
    def frames_dropped(self) -> int | None:
        """Give what perception_node says that it dropped, warm-up too; None: it says nothing."""
        return self.status[-1][2] if self.status else None

    def scene_starts(self, kind: str) -> list[int]:
        """Give the stamp of the first frame of each scene of a kind."""
        return [stamp for (_, before), (stamp, now) in pairwise(self.sent)
                if now == kind and before != kind]

    def _count_in_window(self, times_ns: list[int]) -> int:
        begin, end = self.window_ns
        return sum(begin <= time_ns <= end for time_ns in times_ns)


def read_traces(plan: Plan) -> dict[str, CameraTrace]:
    """Read what camera and listener left, for each camera; FileNotFoundError: they did not."""
    sent = tuple((stamp, kind) for stamp, kind in json.loads(plan.sent_path.read_text()))
    heard = json.loads(plan.received_path.read_text())
    return {camera: CameraTrace(sent, *(tuple(map(tuple, notes[name])) for name in RECEIVED_KEYS))
            for camera, notes in heard.items()}
