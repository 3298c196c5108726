# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""What the camera sends and the listener hears, as a file that both processes read."""
from dataclasses import asdict
from dataclasses import dataclass
import json
from pathlib import Path

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
    def path(self) -> Path:
        """Where the plan itself lies."""
        return self.folder / 'plan.json'

    @property
    def sent(self) -> Path:
        """Where the camera leaves its list of frames."""
        return self.folder / 'sent.json'

    @property
    def heard(self) -> Path:
        """Where the listener leaves what it received."""
        return self.folder / 'heard.json'

    def write(self) -> None:
        """Make the folder, for a new measurement, and leave the plan in it."""
        self.folder.mkdir(parents=True, exist_ok=True)
        for path in (self.sent, self.heard):
            path.unlink(missing_ok=True)
        values = {**asdict(self), 'folder': str(self.folder), 'pictures': str(self.pictures)}
        self.path.write_text(json.dumps(values), encoding='utf-8')


def read_plan(path: Path) -> Plan:
    """Read what write() left."""
    values = json.loads(path.read_text(encoding='utf-8'))
    return Plan(Path(values['folder']), Path(values['pictures']), values['rate_hz'],
                tuple(Scene(**scene) for scene in values['scenes']), tuple(values['cameras']))


def topic(camera: str, name: str) -> str:
    """Give the topic of a camera, whose namespace may be none."""
    return f'/{camera}/{name}' if camera else f'/{name}'
