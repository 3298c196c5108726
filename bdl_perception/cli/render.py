# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""`bdl render`: render drives of the procedural world."""
import argparse
from dataclasses import asdict
import json
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Iterable, TYPE_CHECKING

from bdl_perception.files import check_output_folder

if TYPE_CHECKING:
    from bdl_perception.world.drive import Frame, WorldDrive
    from bdl_perception.world.drive_files import DriveLayout
    from bdl_perception.world.splits import ConditionChange


DEMO = 'demo'
FORMATS = ('folder', 'mcap')
VIDEO_LIMIT_BYTES = 6_000_000  # of the video in the package
BAG_START_NS = 1_767_225_600 * 10**9  # 2026-01-01 UTC; 0 is no time in ROS
INTRINSICS = ('fx', 'fy', 'cx', 'cy')


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the split, the size and the output."""
    from bdl_perception.world.conditions import SPLITS
    from bdl_perception.world.versions import VERSIONS, WORLD_VERSION
    parser.add_argument('split', choices=[*SPLITS, DEMO], metavar='SPLIT',
                        help=f'{DEMO} (the drive of `bdl demo`), {", ".join(SPLITS)}')
    parser.add_argument('--out', type=Path, default=Path('data'),
                        help='drives are written to OUT/SPLIT; existing ones are kept '
                             '(default: data)')
    parser.add_argument('--drives', type=int, help='number of drives (default: 20)')
    parser.add_argument('--frames', type=int, help='of each drive (default: 100)')
    parser.add_argument('--rate-hz', type=float, default=10.0,
                        help='frames per second (default: %(default)s)')
    parser.add_argument('--height', type=int, help='px (default: 192; demo: 384)')
    parser.add_argument('--width', type=int, help='px (default: 320; demo: 640)')
    parser.add_argument('--processes', type=int, help='that render in parallel (default: 1)')
    parser.add_argument('--seed', type=int, default=0,
                        help='another seed gives other drives (default: %(default)s)')
    parser.add_argument('--world', type=int, choices=list(VERSIONS),
                        help=f'version of the world (default: {WORLD_VERSION}, that of the '
                             f'shipped model)')
    parser.add_argument('--begins-at-s', type=float, metavar='S',
                        help='held-out splits: nominal conditions until this time '
                             '(default: the whole drive is under the condition)')
    parser.add_argument('--fade-s', type=float, metavar='S',
                        help='with --begins-at-s: duration of the change (default: 0.5)')
    parser.add_argument('--ends-at-s', type=float, metavar='S',
                        help='with --begins-at-s: nominal again from this time, within .5 s '
                             '(default: never)')
    parser.add_argument('--format', choices=FORMATS, default=FORMATS[0],
                        help='mcap: each drive is a rosbag2 recording (default: %(default)s)')
    parser.add_argument('--video', type=Path, metavar='MP4',
                        help=f'with {DEMO}: write this video and a .json beside it instead '
                             '(default: a drive is written)')


def run(arguments: argparse.Namespace) -> int:
    """Render the drives that are missing."""
    if arguments.video and arguments.split != DEMO:
        raise ValueError(f'--video is for the split {DEMO}, not for {arguments.split}')
    if arguments.video and arguments.video.suffix != '.mp4':
        raise ValueError(f'--video is {arguments.video}, must end in .mp4')
    if arguments.video and arguments.format != FORMATS[0]:
        raise ValueError(f'--video writes no drive, so --format {arguments.format} does not '
                         f'apply; leave one of them out')
    import moderngl  # noqa: F401  # a missing library is an error before the progress bar
    if arguments.split == DEMO:
        for name in ('drives', 'frames', 'processes', 'world', 'begins_at_s', 'fade_s',
                     'ends_at_s'):
            if getattr(arguments, name) is not None:
                raise ValueError(f'{DEMO} is one drive with its own length and conditions; leave '
                                 f'--{name.replace("_", "-")} out')
        _render_demo(arguments)
        return 0
    from bdl_perception.world.dataset import render_drives
    from bdl_perception.world.splits import SplitSpec
    from bdl_perception.world.versions import WORLD_VERSION
    check_output_folder(arguments.out / arguments.split, (),
                        others=[f'{arguments.split}_*', '.*'])
    spec = SplitSpec(
        arguments.split, _value_or_default(arguments.drives, 20),
        _value_or_default(arguments.frames, 100), arguments.rate_hz,
        _value_or_default(arguments.height, 192), _value_or_default(arguments.width, 320),
        arguments.seed, _condition_change(arguments),
        _value_or_default(arguments.world, WORLD_VERSION))
    made = render_drives(arguments.out / arguments.split, spec.drive_specs(),
                         _value_or_default(arguments.processes, 1),
                         _select_layout(arguments.format))
    print(f'{len(made)} drives in {arguments.out / arguments.split}')
    return 0


def _value_or_default(value: int | None, default: int) -> int:
    return default if value is None else value


def _condition_change(arguments: argparse.Namespace) -> 'ConditionChange | None':
    from bdl_perception.drives.description import DEFAULT_FADE_S
    from bdl_perception.world.splits import ConditionChange
    if arguments.begins_at_s is None:
        for name in ('fade_s', 'ends_at_s'):
            if getattr(arguments, name) is not None:
                raise ValueError(f'--{name.replace("_", "-")} requires --begins-at-s')
        return None
    return ConditionChange(arguments.begins_at_s,
                           DEFAULT_FADE_S if arguments.fade_s is None else arguments.fade_s,
                           arguments.ends_at_s)


def _select_layout(name: str) -> 'DriveLayout':
    from bdl_perception.drives.base import BAG_METADATA_FILE
    from bdl_perception.world.drive_files import DriveLayout, FOLDER_LAYOUT
    if name == 'folder':
        return FOLDER_LAYOUT
    return DriveLayout(BAG_METADATA_FILE, write_mcap, read_mcap_description, mcap_files)


def write_mcap(folder: Path, drive: 'WorldDrive', frames: 'Iterable[Frame]') -> None:
    """Write a drive as a bag; its JPEG bytes are those of a folder."""
    from bdl_perception.drives.bag_writer import RecordedFrame, write_recording
    from bdl_perception.perception.data_types import PinholeCamera
    from bdl_perception.world.drive_files import describe_drive, encode_rgb
    spec = drive.spec
    camera = PinholeCamera(spec.width, spec.height, **drive.pinhole.intrinsics())
    recorded = (RecordedFrame(BAG_START_NS + stamp_ns, encode_rgb(frame.rgb), frame.depth,
                              frame.classes)
                for stamp_ns, frame in zip(spec.stamps_ns, frames, strict=True))
    write_recording(folder, camera, recorded, json.dumps(describe_drive(drive)))


def read_mcap_description(folder: Path) -> dict[str, object]:
    """Read the description that write_mcap wrote."""
    from bdl_perception.drives.bag_writer import read_recorded_description
    description: dict[str, object] = json.loads(read_recorded_description(folder))
    return description


def mcap_files(folder: Path, _: int) -> list[Path]:
    """Give the one file with all frames."""
    return [folder / f'{folder.name}.mcap']


def _render_demo(arguments: argparse.Namespace) -> None:
    from bdl_perception.world.dataset import render_drives
    from bdl_perception.world.splits import demo_spec
    spec = demo_spec(arguments.rate_hz, _value_or_default(arguments.height, 384),
                     _value_or_default(arguments.width, 640), arguments.seed)
    if not arguments.video:
        print(*render_drives(arguments.out, [spec], layout=_select_layout(arguments.format)))
        return
    with TemporaryDirectory() as folder:
        drive, = render_drives(Path(folder), [spec])
        write_demo_video(drive, arguments.video)
    print(f'{arguments.video}: {arguments.video.stat().st_size} bytes')


def write_demo_video(drive: Path, video: Path) -> None:
    """Write a rendered drive as a video, with a .json of its camera and conditions."""
    from bdl_perception.drives import open_drive
    from bdl_perception.drives.base import DESCRIPTION_FILE
    from bdl_perception.drives.description import held_out_conditions, read_drive_segments
    from bdl_perception.drives.video import write_video
    text = (drive / DESCRIPTION_FILE).read_text(encoding='utf-8')
    description: dict[str, Any] = json.loads(text)
    held_out = held_out_conditions(read_drive_segments(drive))
    camera = write_video(open_drive(drive), video, VIDEO_LIMIT_BYTES)
    sidecar = {
        'camera': {name: asdict(camera)[name] for name in INTRINSICS} if camera else None,
        'must_alarm': [part for part in description['conditions'] if part['name'] in held_out],
        **{name: description[name]
           for name in ('conditions', 'seed', 'world', 'software_version')}}
    video.with_suffix('.json').write_text(json.dumps(sidecar, indent=2) + '\n', encoding='utf-8')
