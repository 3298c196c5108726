# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""What one camera's chain did in the frames that count, read back as numbers."""
from dataclasses import dataclass
from itertools import pairwise
import json

from bdl_perception.bench.plan import Plan
from bdl_perception.bench.plan import WARM_UP
import numpy as np

SECOND_NS = 10**9
HEARD = ('depth', 'epistemic', 'alert', 'status')  # as the listener writes and Watched takes


@dataclass(frozen=True)
class Watched:
    """All times are ns of the machine's clock."""

    sent: tuple[tuple[int, str], ...]  # stamp and kind of every frame, warm-up too
    depth: tuple[tuple[int, int], ...]  # stamp of the frame, published
    epistemic: tuple[tuple[int, int], ...] = ()  # likewise
    alerts: tuple[tuple[int, int], ...] = ()  # published, level
    status: tuple[tuple[int, int, int], ...] = ()  # published, frames_in, frames_dropped

    @property
    def counted(self) -> tuple[int, ...]:
        """Give the stamps of the frames that count."""
        return tuple(stamp for stamp, kind in self.sent if kind != WARM_UP)

    @property
    def window(self) -> tuple[int, int]:
        """Give when the first and the last frame that counts were sent."""
        counted = self.counted
        if len(counted) < 2:
            raise ValueError(f'{len(counted)} frames count, at least 2 are needed')
        return counted[0], counted[-1]

    @property
    def seconds(self) -> float:
        """Give how long the window is."""
        begin, end = self.window
        return (end - begin) / SECOND_NS

    @property
    def lost(self) -> int:
        """Count the frames that never got a depth, wherever they were lost."""
        return len(set(self.counted) - {stamp for stamp, _ in self.depth})

    @property
    def latencies_ms(self) -> list[float]:
        """Give camera stamp to depth publication, for each frame that counts and was answered."""
        counted = set(self.counted)
        return [(published - stamp) / 1e6 for stamp, published in self.depth if stamp in counted]

    def percentile_ms(self, percent: float) -> float:
        """Sum up the latencies; NaN when no frame was answered."""
        latencies = self.latencies_ms
        return float(np.percentile(latencies, percent)) if latencies else float('nan')

    @property
    def depth_hz(self) -> float:
        """Count the depth images of each second of the window."""
        return self._within([published for _, published in self.depth]) / self.seconds

    @property
    def epistemic_hz(self) -> float:
        """Count the finished Monte Carlo cycles of each second of the window."""
        return self._within([published for _, published in self.epistemic]) / self.seconds

    @property
    def dropped(self) -> int | None:
        """Give what perception_node says that it dropped, warm-up too; None: it says nothing."""
        return self.status[-1][2] if self.status else None

    def first_of(self, kind: str) -> list[int]:
        """Give the stamp of the first frame of each scene of a kind."""
        return [stamp for (_, before), (stamp, now) in pairwise(self.sent)
                if now == kind and before != kind]

    def _within(self, times_ns: list[int]) -> int:
        begin, end = self.window
        return sum(begin <= time_ns <= end for time_ns in times_ns)


def read(plan: Plan) -> dict[str, Watched]:
    """Read what camera and listener left, for each camera; FileNotFoundError: they did not."""
    sent = tuple((stamp, kind) for stamp, kind in json.loads(plan.sent.read_text()))
    heard = json.loads(plan.heard.read_text())
    return {camera: Watched(sent, *(tuple(map(tuple, notes[name])) for name in HEARD))
            for camera, notes in heard.items()}
