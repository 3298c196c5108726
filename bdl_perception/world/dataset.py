# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""
Writes drives, by default as folders: drive.json, rgb/*.jpg, depth/*.png, classes/*.png.

Depth is 16-bit: metres * 256 along the optical axis, 0 unknown, 65535 too far or sky. Class 255
is no label. A drive is written beside its place and renamed, so a folder that exists is whole.
"""
from collections.abc import Callable
from collections.abc import Iterable
from collections.abc import Sequence
from concurrent.futures import as_completed
from concurrent.futures import ProcessPoolExecutor
from functools import lru_cache
import importlib.metadata
import json
import multiprocessing
import os
from pathlib import Path
import shutil
from typing import NamedTuple

from bdl_perception.world.conditions import NOMINAL
from bdl_perception.world.conditions import Segment
from bdl_perception.world.conditions import split_conditions
from bdl_perception.world.conditions import SWITCH_S
from bdl_perception.world.drive import Drive
from bdl_perception.world.drive import DriveSpec
from bdl_perception.world.drive import Frame
from bdl_perception.world.renderer import Renderer
import cv2
import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

FORMAT = 1
DEPTH_STEPS_PER_M = 256
TOO_FAR = 65535
JPEG_QUALITY = 95
DEMO_SEGMENTS = (Segment('sun', 0., 16.), Segment('dense_fog', 16., 26.), Segment('sun', 26., 38.),
                 Segment('lens_dirt', 38., 46.), Segment('sun', 46., 55.))


def encode_depth(depth: NDArray[np.float32]) -> NDArray[np.uint16]:
    """Store metres (NaN unknown, +Inf far) in 16 bits."""
    steps = np.round(np.nan_to_num(depth, nan=0., posinf=np.inf) * float(DEPTH_STEPS_PER_M))
    return np.minimum(steps, TOO_FAR).astype(np.uint16)


def encode_rgb(rgb: NDArray[np.uint8]) -> bytes:
    """Encode a picture as the very JPEG that a folder holds."""
    ok, data = cv2.imencode('.jpg', rgb[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])
    if not ok:
        raise RuntimeError(f'OpenCV could not encode a picture of shape {rgb.shape} as JPEG')
    return data.tobytes()


class Layout(NamedTuple):
    """How a drive lies on disk; processes share it, so `write` must be a function of a module."""

    mark: str  # a file that every finished drive of this layout has, and no other
    write: Callable[[Path, Drive, Iterable[Frame]], None]  # makes the folder that it is given
    read: Callable[[Path], dict[str, object]]  # gives what describe() said of the drive


def _write_folder(folder: Path, drive: Drive, frames: Iterable[Frame]) -> None:
    for kind in ('rgb', 'depth', 'classes'):
        (folder / kind).mkdir(parents=True)
    for index, frame in enumerate(frames):
        _write_frame(folder, index, frame)
    text = json.dumps(describe(drive), indent=1)
    (folder / 'drive.json').write_text(text + '\n', encoding='utf-8')


def _write_frame(folder: Path, index: int, frame: Frame) -> None:
    name = f'{index:06d}'
    _write_image(folder / 'rgb' / f'{name}.jpg', frame.rgb[..., ::-1],
                 [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])
    _write_image(folder / 'depth' / f'{name}.png', encode_depth(frame.depth), [])
    _write_image(folder / 'classes' / f'{name}.png', frame.classes, [])


def _write_image(path: Path, image: NDArray[np.uint8] | NDArray[np.uint16],
                 options: list[int]) -> None:
    if not cv2.imwrite(str(path), image, options):
        raise OSError(f'could not write {path}: is the disk full or the folder read-only?')


def describe(drive: Drive) -> dict[str, object]:
    """Return the contents of drive.json."""
    spec = drive.spec
    return {
        'format': FORMAT, 'name': spec.name, 'seed': spec.seed, 'split': spec.split,
        'conditions': _conditions(spec),
        'street': drive.street.kind, 'rate_hz': spec.rate_hz,
        'width': spec.width, 'height': spec.height, 'camera': drive.pinhole.parameters(),
        'frames': spec.frames, 'stamps_ns': spec.stamps_ns, 'software_version': _version()}


def _conditions(spec: DriveSpec) -> list[dict[str, object]]:
    return [{'name': s.condition, 'start_s': s.start_s, 'end_s': s.end_s, 'fade_s': s.fade_s}
            for s in spec.segments]


def _version() -> str:
    try:
        return importlib.metadata.version('bdl_perception')
    except importlib.metadata.PackageNotFoundError:
        return 'not installed'


def _read_folder(folder: Path) -> dict[str, object]:
    said: dict[str, object] = json.loads((folder / 'drive.json').read_text(encoding='utf-8'))
    return said


FOLDER = Layout('drive.json', _write_folder, _read_folder)
ASKED = ('seed', 'frames', 'rate_hz', 'width', 'height')  # what a drive that is kept must share


# Part of every seed: a number is never changed nor given again, a new split takes the next.
SPLIT_NUMBERS = {
    'train': 0, 'validation': 1, 'test': 2, 'validation_night': 3, 'validation_dense_fog': 4,
    'validation_unknown_objects': 5, 'validation_unseen_mount': 6, 'validation_lens_dirt': 7,
    'test_night': 8, 'test_dense_fog': 9, 'test_unknown_objects': 10, 'test_unseen_mount': 11,
    'test_lens_dirt': 12, 'demo': 13, 'validation_failing_exposure': 14,
    'test_failing_exposure': 15}


def drive_seed(split: str, index: int, seed: int) -> int:
    """Return the seed of a drive; no two splits share one."""
    if split != 'demo':
        split_conditions(split)  # names the known splits where this is none
    entropy = (seed, SPLIT_NUMBERS[split], index)
    state = np.random.SeedSequence(entropy).generate_state(2, np.uint64)
    return int(state[0]) >> 11  # 53 bits: every JSON reader keeps them


class Change(NamedTuple):
    """When the condition of a held-out drive begins, and how long it takes to fade in."""

    at_s: float
    fade_s: float = SWITCH_S


def split_specs(split: str, drives: int, frames: int, rate_hz: float, height: int, width: int,
                seed: int, change: Change | None = None) -> list[DriveSpec]:
    """Specify the drives of a split; its conditions take turns. With a change: nominal first."""
    end_s = frames / rate_hz
    return [DriveSpec(f'{split}_{index:04d}', split, drive_seed(split, index, seed),
                      _segments(split, index, end_s, change), frames, rate_hz, width, height)
            for index in range(drives)]


def _segments(split: str, index: int, end_s: float,
              change: Change | None) -> tuple[Segment, ...]:
    conditions = split_conditions(split)
    condition = conditions[index % len(conditions)]
    if change is None:
        return (Segment(condition, 0., end_s),)
    if condition in NOMINAL:
        raise ValueError(f'{split} has no held-out condition that could begin later')
    if not 0 < change.at_s < end_s:
        raise ValueError(f'the condition begins at {change.at_s} s, must lie within the '
                         f'{end_s:g} s of a drive')
    return (Segment(NOMINAL[index % len(NOMINAL)], 0., change.at_s),
            Segment(condition, change.at_s, end_s, change.fade_s))


def demo_spec(rate_hz: float, height: int, width: int, seed: int) -> DriveSpec:
    """Specify one street in town that meets fog, then mud on the lens, and recovers from both."""
    frames = round(DEMO_SEGMENTS[-1].end_s * rate_hz)
    return DriveSpec('demo', 'demo', drive_seed('demo', 0, seed), DEMO_SEGMENTS, frames, rate_hz,
                     width, height, 'urban')


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
    missing = [spec for spec in specs if not _finished(out / spec.name, spec, layout)]
    with tqdm(total=len(specs), initial=len(specs) - len(missing), unit='drive') as bar:
        for _ in _rendered(out, missing, processes, layout):
            bar.update()
    return [out / spec.name for spec in specs]


def _finished(drive: Path, spec: DriveSpec, layout: Layout) -> bool:
    """Tell whether a drive is there; ValueError when it is another one of this name."""
    if not drive.exists():
        return False
    if not (drive / layout.mark).exists():
        raise ValueError(f'{drive} exists but has no {layout.mark}: it was made in another '
                         f'format; remove it or choose another --out')
    said = layout.read(drive)
    other = [f'{name} {said.get(name)}, not {getattr(spec, name)}' for name in ASKED
             if said.get(name) != getattr(spec, name)]
    if _stated(said.get('conditions')) != _stated(_conditions(spec)):
        other.append(f'conditions {said.get("conditions")}, not {_conditions(spec)}')
    if other:
        raise ValueError(f'{drive} has {", ".join(other)}: it comes from another call; ask for '
                         f'the same, remove it or choose another --out')
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
        for done in as_completed([pool.submit(write_drive, out, spec, layout)
                                  for spec in specs]):
            yield done.result()


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
