# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""
Rendering of drives to disk with several processes.

A drive is written to a temporary folder and renamed, so a folder that exists is complete.
"""
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import as_completed, ProcessPoolExecutor
from contextlib import contextmanager
import fcntl
from functools import lru_cache
import multiprocessing
import os
from pathlib import Path
import shutil

from bdl_perception.drives.description import DEFAULT_FADE_S, HELD_OUT_CONDITIONS
from bdl_perception.world.drive import WorldDrive
from bdl_perception.world.drive_files import condition_entries, DriveLayout, FOLDER_LAYOUT
from bdl_perception.world.renderer import Renderer
from bdl_perception.world.splits import DriveSpec
from bdl_perception.world.versions import FIRST_WORLD_VERSION
import cv2
from tqdm import tqdm

MATCHED_KEYS = ('seed', 'frames', 'rate_hz', 'width', 'height')  # must equal those of a request


def render_drives(out: Path, specs: Sequence[DriveSpec], processes: int = 1,
                  layout: DriveLayout = FOLDER_LAYOUT) -> list[Path]:
    """Render the drives that `out` does not hold yet, with several processes; returns all."""
    if processes < 1:
        raise ValueError(f'processes {processes} must be at least 1')
    out.mkdir(parents=True, exist_ok=True)
    with _exclusive_lock(out):
        missing = [spec for spec in specs if not _is_rendered(out / spec.name, spec, layout)]
        with tqdm(total=len(specs), initial=len(specs) - len(missing), unit='drive') as bar:
            for _ in _render_all(out, missing, processes, layout):
                bar.update()
    return [out / spec.name for spec in specs]


@contextmanager
def _exclusive_lock(folder: Path) -> Iterator[None]:
    """Lock a folder; ValueError while another process renders into it."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)  # ends with the process
        yield
    except BlockingIOError as error:
        raise ValueError(f'another process renders into {folder}; wait for it, or choose another '
                         f'--out') from error
    finally:
        os.close(handle)


def _is_rendered(drive: Path, spec: DriveSpec, layout: DriveLayout) -> bool:
    """Return whether a drive exists; ValueError when it is damaged or another one."""
    if not drive.exists():
        return False
    if not (drive / layout.marker_file).exists():
        raise ValueError(f'{drive} exists but has no {layout.marker_file}: it was made in another '
                         f'format; remove it or choose another --out')
    try:
        description = layout.read(drive)
    except ValueError as error:
        raise ValueError(f'{drive / layout.marker_file} cannot be read ({error}): remove {drive}, '
                         f'then render again') from error
    other = [f'{name} {description.get(name)}, not {getattr(spec, name)}' for name in MATCHED_KEYS
             if description.get(name) != getattr(spec, name)]
    if (world := description.get('world', FIRST_WORLD_VERSION)) != spec.world:
        other.append(f'world {world}, not {spec.world}')
    if _with_defaults(description.get('conditions')) != _with_defaults(condition_entries(spec)):
        other.append(f'conditions {description.get("conditions")}, not {condition_entries(spec)}')
    if other:
        raise ValueError(f'{drive} has {", ".join(other)}: it comes from another call or version; '
                         f'ask for the same, remove it or choose another --out')
    lost = [path for path in layout.expected_files(drive, spec.frames) if not path.exists()]
    if lost:
        raise ValueError(f'{drive} lacks {len(lost)} of its files, {lost[0]} among them: remove '
                         f'{drive}, then render again')
    return True


def _with_defaults(conditions: object) -> list[dict[str, object]]:
    """Add the keys that version 0.1.0 did not write; the end follows from the frames."""
    entries = conditions if isinstance(conditions, list) else []
    return [{'fade_s': DEFAULT_FADE_S, 'held_out': entry.get('name') in HELD_OUT_CONDITIONS,
             **entry, 'end_s': None} for entry in entries]


def _render_all(out: Path, specs: Sequence[DriveSpec], processes: int,
                layout: DriveLayout) -> Iterable[Path]:
    if processes == 1 or len(specs) < 2:
        yield from (write_drive(out, spec, layout) for spec in specs)
        return
    with ProcessPoolExecutor(processes, multiprocessing.get_context('spawn'),
                             _use_one_core) as pool:
        try:
            for done in as_completed([pool.submit(write_drive, out, spec, layout)
                                      for spec in specs]):
                yield done.result()
        finally:  # after an error or ^C no waiting drive is begun
            pool.shutdown(cancel_futures=True)


def _use_one_core() -> None:
    """Limit Mesa and OpenCV of one process to one core: the processes share the machine."""
    os.environ['LP_NUM_THREADS'] = '0'
    cv2.setNumThreads(1)


@lru_cache(maxsize=1)
def _cached_renderer(width: int, height: int) -> Renderer:
    """Return the renderer of this process, with one OpenGL context."""
    return Renderer(width, height)


def write_drive(out: Path, spec: DriveSpec, layout: DriveLayout = FOLDER_LAYOUT) -> Path:
    """Render one drive into out/name, completely or not at all."""
    final, beside = out / spec.name, out / f'.{spec.name}.partial'
    shutil.rmtree(beside, ignore_errors=True)
    beside.mkdir(parents=True)
    drive, partial = WorldDrive(spec), beside / spec.name  # a bag's file is named after its folder
    layout.write(partial, drive, drive.frames(_cached_renderer(spec.width, spec.height)))
    partial.rename(final)
    beside.rmdir()
    return final
