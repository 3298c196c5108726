# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""`bdl demo`: play a drive through the real ROS 2 processes and keep a record."""
import argparse
from itertools import pairwise
import json
from pathlib import Path
import shutil
from typing import Any, Sequence

from bdl_perception.demo.play import DemoConfig, play_drive
from bdl_perception.demo.processes import private_domain
from bdl_perception.drives import BUNDLED_VIDEO
from bdl_perception.drives.description import Segment

OUTPUT_NAMES = ('record', 'logs', 'summary.json', 'sheet.png', 'drive.mp4')
DEFAULT_SHEET_ROWS = 6


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the demonstration can be told."""
    parser.add_argument('--input', type=Path, default=BUNDLED_VIDEO, metavar='PATH',
                        help='folder of images, video, rosbag2 folder or .mcap '
                             '(default: the bundled drive)')
    parser.add_argument('--out', type=Path, default=Path('demo'), help='folder for the record')
    parser.add_argument('--model', default='street', help='shipped name or folder of a model')
    parser.add_argument('--rate-hz', type=float, default=0.0, help="0: the drive's own")


def run(arguments: argparse.Namespace) -> int:
    """Play, draw, judge; the exit code is 1 when the drive broke a promise."""
    from bdl_perception.drives import open_drive
    from bdl_perception.model_store import find_model
    import matplotlib.figure  # noqa: F401  # if it is missing, better now than after the drive
    find_model(arguments.model)  # names what is wrong before anything is started or removed
    drive = open_drive(arguments.input)
    _prepare_output(arguments.out)
    plan = DemoConfig(arguments.input.resolve(), arguments.model, arguments.out,
                frames=_frame_count(drive), rate_hz=arguments.rate_hz)
    with private_domain() as environment:
        problems = play_drive(plan, environment)
    stretch = drive.rate_hz / arguments.rate_hz if arguments.rate_hz else 1.0
    summary = _write_outputs(plan, read_segments(arguments.input, stretch), problems)
    print(json.dumps(summary, indent=2))
    for failure in summary['failures']:
        print(f'FAILED: {failure}')
    print(f'{plan.folder}: {", ".join(sorted(path.name for path in plan.folder.iterdir()))}')
    return 1 if summary['failures'] else 0


def read_segments(drive: Path, time_scale: float = 1.0) -> list[Segment]:
    """
    Read which parts must alarm from DRIVE.json beside the drive; none when it is not there.

    stretch: how many times its own length the drive is played in.
    """
    path = drive.with_suffix('.json')
    if drive.is_dir() or not path.exists():
        return []
    parts = json.loads(path.read_text(encoding='utf-8'))['must_alarm']
    return [Segment(part['name'], time_scale * part['start_s'], time_scale * part['end_s'],
                    held_out=True)
            for part in parts]


def _frame_count(drive: Any) -> int | None:
    return len(drive) if hasattr(drive, '__len__') else None


def _prepare_output(folder: Path) -> None:
    """Remove what an earlier demonstration left, and nothing else."""
    for name in OUTPUT_NAMES:
        path = folder / name
        shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
    folder.mkdir(parents=True, exist_ok=True)


def _write_outputs(plan: DemoConfig, segments: Sequence[Segment], problems: Sequence[str]) -> dict[str, Any]:
    """Draw what was recorded and write the summary, also when something went wrong."""
    from bdl_perception.demo.record import read_record
    from bdl_perception.demo.summary import summarise
    from bdl_perception.demo.video import FrameComposer, write_contact_sheet, write_video
    try:
        record = read_record(plan.folder / 'record')
    except FileNotFoundError:
        summary: dict[str, Any] = {'failures': [*problems, 'nothing was recorded']}
    else:
        summary = summarise(record, segments)
        summary['failures'] = [*problems] or summary['failures']  # the rest only follows from it
        if len(record.frame_stamps_ns) > 1:
            print('drawing the sheet and the video ...', flush=True)
            filmmaker = FrameComposer(record)
            write_contact_sheet(filmmaker, sheet_times_s(summary['duration_s'], segments),
                        plan.folder / 'sheet.png')
            write_video(filmmaker, plan.folder / 'drive.mp4')
    summary = {'drive': plan.drive.name, 'model': plan.model, **summary}
    (plan.folder / 'summary.json').write_text(json.dumps(summary, indent=2) + '\n')
    return summary


def sheet_times_s(duration_s: float, segments: Sequence[Segment]) -> list[float]:
    """Choose moments: the middle of each part that must alarm and of each part between."""
    if not segments:
        return [duration_s * (i + 0.5) / DEFAULT_SHEET_ROWS for i in range(DEFAULT_SHEET_ROWS)]
    borders = [0.0, *(edge for part in segments for edge in (part.start_s, part.end_s))]
    borders.append(max(duration_s, borders[-1]))
    return [begin + 0.6 * (end - begin) for begin, end in pairwise(borders) if end > begin]
