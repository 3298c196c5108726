# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""`bdl demo`: play a drive through the ROS 2 nodes and record it."""
import argparse
from importlib.util import find_spec
import json
from pathlib import Path
from typing import Any, Sequence, TYPE_CHECKING

from bdl_perception.cli.arguments import (
    add_model_argument,
    CALIBRATION_HELP,
    parse_non_negative,
    parsed_by,
)
from bdl_perception.demo.play import DemoConfig, play_drive
from bdl_perception.demo.processes import private_domain
from bdl_perception.drives import BUNDLED_VIDEO
from bdl_perception.drives.description import Segment
from bdl_perception.files import check_output_folder, replaced_entries

if TYPE_CHECKING:
    from bdl_perception.demo.record import Record

OUTPUT_NAMES = ('record', 'recording', 'logs', 'summary.json', 'sheet.png', 'drive.webm')
FORMER_NAMES = ('drive.mp4',)  # of earlier versions, replaced as well
SHEET_ROWS = 6


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the drive, the model and the output."""
    parser.add_argument('--input', type=Path, default=BUNDLED_VIDEO, metavar='PATH',
                        help='folder of images, video, rosbag2 folder or .mcap '
                             '(default: the bundled drive)')
    parser.add_argument('--out', type=Path, default=Path('demo'),
                        help='folder for the record (default: %(default)s)')
    add_model_argument(parser)
    parser.add_argument('--calibration', default='', metavar='FILE',
                        help=CALIBRATION_HELP)
    parser.add_argument('--rate-hz', type=parsed_by(parse_non_negative), default=0.0,
                        help="frames per second (default: 0, the drive's own)")


def run(arguments: argparse.Namespace) -> int:
    """Play, record and draw a drive; 1 when the alert was not as required."""
    from bdl_perception.drives import open_drive
    from bdl_perception.model_store import load_calibration, read_spec
    import matplotlib.figure  # noqa: F401  # a missing library is an error before the drive
    if find_spec('rclpy') is None:
        raise ModuleNotFoundError("No module named 'rclpy'", name='rclpy')
    _check_rate(arguments.rate_hz)
    read_spec(arguments.model)  # an error precedes the processes
    calibration = absolute_calibration(arguments.calibration)
    if calibration:
        load_calibration(calibration)  # likewise
    drive = open_drive(arguments.input)
    names = (*OUTPUT_NAMES, *FORMER_NAMES)
    check_output_folder(arguments.out, names)
    time_scale = drive.rate_hz / arguments.rate_hz if arguments.rate_hz else 1.0
    segments = read_segments(arguments.input, time_scale)
    with private_domain() as environment, replaced_entries(arguments.out, names) as folder:
        config = DemoConfig(arguments.input.resolve(), arguments.model, folder,
                            frames=len(drive), rate_hz=arguments.rate_hz,
                            calibration=calibration)
        problems = [text.replace(str(folder), str(arguments.out))
                    for text in play_drive(config, environment)]
        summary = _write_outputs(config, segments, problems)
    print(json.dumps(summary, indent=2))
    if hint := summary.get('not_calibrated'):
        print(f'note: {hint}')
    for failure in summary['failures']:
        print(f'FAILED: {failure}')
    written = [name for name in sorted(OUTPUT_NAMES) if (arguments.out / name).exists()]
    print(f'{arguments.out}: {", ".join(written)}')
    return 1 if summary['failures'] else 0


def absolute_calibration(source: str) -> str:
    """Return the absolute path of a file; the name of a shipped calibration stays."""
    return str(Path(source).expanduser().resolve()) if source.endswith('.json') else source


def _check_rate(rate_hz: float) -> None:
    """Raise ValueError for a rate that camera_node would refuse."""
    from bdl_perception.parameters import CameraParameters
    try:
        CameraParameters(rate_hz=rate_hz)
    except ValueError as error:
        raise ValueError(f'--rate-hz: {error}') from error


def read_segments(drive: Path, time_scale: float = 1.0) -> list[Segment]:
    """
    Read the segments that must alarm from DRIVE.json beside a video; none without the file.

    time_scale: duration of the played drive relative to its own.
    """
    path = drive.with_suffix('.json')
    if drive.is_dir() or not path.exists():
        return []
    return [Segment(name, time_scale * start_s, time_scale * end_s, held_out=True)
            for name, start_s, end_s in _described_segments(path)]


def _described_segments(path: Path) -> list[tuple[str, float, float]]:
    """Read name, begin and end of each segment; none from a JSON file of another tool."""
    try:
        parts = json.loads(path.read_text(encoding='utf-8'))['must_alarm']
        return [(str(part['name']), float(part['start_s']), float(part['end_s']))
                for part in parts]
    except (ValueError, KeyError, TypeError, RecursionError):
        print(f'{path} does not describe a drive of `bdl render` and is ignored')
        return []


def _write_outputs(config: DemoConfig, segments: Sequence[Segment],
                   problems: Sequence[str]) -> dict[str, Any]:
    """Draw the record and write the summary, also after problems."""
    from bdl_perception.demo.record import read_record
    from bdl_perception.demo.summary import summarise
    from bdl_perception.demo.video import FrameComposer, write_contact_sheet, write_video
    from bdl_perception.model_store import read_spec
    try:
        record = read_record(config.folder / 'record')
    except FileNotFoundError:
        summary: dict[str, Any] = {'failures': [*problems, 'nothing was recorded']}
    else:
        summary = summarise(record, segments)
        summary['failures'] = [*problems] or summary['failures']  # problems cause the failures
        if len(record.frame_stamps_ns) > 1:
            print('drawing the sheet and the video ...', flush=True)
            composer = FrameComposer(record)
            write_contact_sheet(composer, sheet_times_s(record), config.folder / 'sheet.png')
            write_video(composer, config.folder / 'drive.webm')
    summary = {'drive': config.drive.name, 'model': config.model,
               'model_terms': read_spec(config.model).terms_line, **summary}
    (config.folder / 'summary.json').write_text(json.dumps(summary, indent=2) + '\n')
    return summary


def sheet_times_s(record: 'Record') -> list[float]:
    """Choose the times that show the course of the alert, and its worst moments."""
    from bdl_perception.demo.record import record_timeline
    from bdl_perception.evaluation.alert_timeline import representative_moments
    return [record.drive_time_s(record.frame_stamps_ns[index])
            for index in representative_moments(record_timeline(record), SHEET_ROWS)]
