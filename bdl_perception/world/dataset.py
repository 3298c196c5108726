# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""
Renders drives that do not exist yet, over several processes.

A drive is written beside its place and renamed, so a folder that exists is whole.
"""
from collections.abc import Iterable
from collections.abc import Iterator
from collections.abc import Sequence
from concurrent.futures import as_completed
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
import fcntl
from functools import lru_cache
import multiprocessing
import os
from pathlib import Path
import shutil

from bdl_perception.world.conditions import SWITCH_S
from bdl_perception.world.drive import Drive
from bdl_perception.world.drive import DriveSpec
from bdl_perception.world.drive import UNNUMBERED_WORLD
from bdl_perception.world.drive import WORLD
from bdl_perception.world.layout import FOLDER
from bdl_perception.world.layout import Layout
from bdl_perception.world.layout import stated_conditions
from bdl_perception.world.renderer import Renderer
from bdl_perception.world.splits import Change
from bdl_perception.world.splits import demo_spec
from bdl_perception.world.splits import split_specs
import cv2
from tqdm import tqdm

ASKED = ('seed', 'frames', 'rate_hz', 'width', 'height')  # what a drive that is kept must share


def render_drives(out: Path, split: str, drives: int, frames: int, rate_hz: float = 10.,
                  height: int = 192, width: int = 320, processes: int = 1, seed: int = 0,
                  layout: Layout = FOLDER, change: Change | None = None) -> list[Path]:
    """Render a split below `out`, as folders if not told otherwise; what exists is kept."""
    specs = split_specs(split, drives, frames, rate_hz, height, width, seed, change)
    return write_drives(out, specs, processes, layout)


def render_demo(out: Path, rate_hz: float = 10., height: int = 384, width: int = 640,
                seed: int = 0, layout: Layout = FOLDER) -> Path:
    """Render the drive of the demonstration into out/demo."""
    return write_drives(out, [demo_spec(rate_hz, height, width, seed)], 1, layout)[0]


def write_drives(out: Path, specs: Sequence[DriveSpec], processes: int,
                 layout: Layout = FOLDER) -> list[Path]:
    """Render drives that do not exist yet, over several processes, with a progress bar."""
    if processes < 1:
        raise ValueError(f'processes {processes} must be at least 1')
    out.mkdir(parents=True, exist_ok=True)
    with _alone(out):
        missing = [spec for spec in specs if not _finished(out / spec.name, spec, layout)]
        with tqdm(total=len(specs), initial=len(specs) - len(missing), unit='drive') as bar:
            for _ in _rendered(out, missing, processes, layout):
                bar.update()
    return [out / spec.name for spec in specs]


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Refuse to write where another process does: each takes the other's drives for remains."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)  # ends with the process
        yield
    except BlockingIOError as error:
        raise ValueError(f'another process renders into {folder}; wait for it, or choose another '
                         f'--out') from error
    finally:
        os.close(handle)


def _finished(drive: Path, spec: DriveSpec, layout: Layout) -> bool:
    """Tell whether a drive is there; ValueError when it is another one of this name."""
    if not drive.exists():
        return False
    if not (drive / layout.mark).exists():
        raise ValueError(f'{drive} exists but has no {layout.mark}: it was made in another '
                         f'format; remove it or choose another --out')
    try:
        said = layout.read(drive)
    except ValueError as error:
        raise ValueError(f'{drive / layout.mark} cannot be read ({error}): remove {drive}, then '
                         f'render again') from error
    other = [f'{name} {said.get(name)}, not {getattr(spec, name)}' for name in ASKED
             if said.get(name) != getattr(spec, name)]
    if (world := said.get('world', UNNUMBERED_WORLD)) != WORLD:
        other.append(f'world {world}, not {WORLD}')
    if _stated(said.get('conditions')) != _stated(stated_conditions(spec)):
        other.append(f'conditions {said.get("conditions")}, not {stated_conditions(spec)}')
    if other:
        raise ValueError(f'{drive} has {", ".join(other)}: it comes from another call or version; '
                         f'ask for the same, remove it or choose another --out')
    lost = [path for path in layout.files(drive, spec.frames) if not path.exists()]
    if lost:
        raise ValueError(f'{drive} lacks {len(lost)} of its files, {lost[0]} among them: remove '
                         f'{drive}, then render again')
    return True


def _stated(conditions: object) -> list[dict[str, object]]:
    """Complete what drives of earlier versions left unsaid; their end follows from frames."""
    entries = conditions if isinstance(conditions, list) else []
    return [{'fade_s': SWITCH_S, **entry, 'end_s': None} for entry in entries]


def _rendered(out: Path, specs: Sequence[DriveSpec], processes: int,
              layout: Layout) -> Iterable[Path]:
    if processes == 1 or len(specs) < 2:
        yield from (write_drive(out, spec, layout) for spec in specs)
        return
    with ProcessPoolExecutor(processes, multiprocessing.get_context('spawn'),
                             _use_one_core) as pool:
        try:
            for done in as_completed([pool.submit(write_drive, out, spec, layout)
                                      for spec in specs]):
                yield done.result()
        finally:  # after an error, or ^C, none of those that wait is begun
            pool.shutdown(cancel_futures=True)


def _use_one_core() -> None:
    """Keep Mesa and OpenCV of one process on one core: the processes share the machine."""
    os.environ['LP_NUM_THREADS'] = '0'
    cv2.setNumThreads(1)


@lru_cache(maxsize=1)
def _renderer(width: int, height: int) -> Renderer:
    """Keep one OpenGL context per process."""
    return Renderer(width, height)


def write_drive(out: Path, spec: DriveSpec, layout: Layout = FOLDER) -> Path:
    """Render one drive into out/name, all or nothing."""
    final, beside = out / spec.name, out / f'.{spec.name}.partial'
    shutil.rmtree(beside, ignore_errors=True)
    beside.mkdir(parents=True)
    drive, partial = Drive(spec), beside / spec.name  # a bag's file is named after its folder
    layout.write(partial, drive, drive.frames(_renderer(spec.width, spec.height)))
    partial.rename(final)
    beside.rmdir()
    return final
