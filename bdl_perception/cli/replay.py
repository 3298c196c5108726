# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""`bdl replay`: run a recording through the core of the nodes; a page and a bag of topics."""
import argparse
from contextlib import contextmanager
from pathlib import Path
import shutil
import signal
import sys
from types import FrameType
from typing import Callable, Iterator, TYPE_CHECKING

from bdl_perception.cli.arguments import (
    add_model_argument,
    add_sampling_arguments,
    add_scoring_arguments,
    CALIBRATION_HELP,
    model_options,
    parse_count,
    parse_non_negative,
    parsed_by,
)
from bdl_perception.files import check_output_folder, mark_output_folder, write_atomic

if TYPE_CHECKING:
    from bdl_perception.drives import Drive
    from bdl_perception.workflows.replay_drive import ReplayResult
    from bdl_perception.workflows.replay_session import ReplaySession
    from bdl_perception.workflows.replay_store import ReplayStore

REPORT_FILE, RECORDING, UNFINISHED = 'report.html', 'recording', 'unfinished'
INTERRUPTED = 130  # exit code, as in a shell


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the recording, the model, its calibration and the output."""
    parser.add_argument('recording', metavar='BAG|VIDEO|FOLDER',
                        help='rosbag2 folder, .mcap, .db3, .bag, video or folder of images; '
                             'PATH:TOPIC chooses an image topic of a bag')
    parser.add_argument('--out', type=Path, default=Path('replay'), metavar='DIR',
                        help=f'folder for {REPORT_FILE} and {RECORDING}/ (default: %(default)s)')
    add_model_argument(parser)
    parser.add_argument('--calibration', metavar='FILE',
                        help=CALIBRATION_HELP)
    parser.add_argument('--camera', default='camera', metavar='NAME',
                        help='camera of the recording, in a calibration grouped by camera '
                             '(default: %(default)s)')
    parser.add_argument('--warning-level', choices=('ok', 'warn', 'stale'), default='warn',
                        help='level of a recording without camera geometry, whose depth has an '
                             'unknown scale, as the parameter of alert_node '
                             '(default: %(default)s)')
    parser.add_argument('--moments', type=parsed_by(parse_count), default=120, metavar='N',
                        help='frames that the report shows (default: %(default)s)')
    parser.add_argument('--maps-hz', type=parsed_by(parse_non_negative), default=1., metavar='N',
                        help='maps per second in the recording; 0: of every frame '
                             '(default: %(default)s)')
    add_scoring_arguments(parser)
    add_sampling_arguments(parser)


def run(arguments: argparse.Namespace) -> int:
    """Replay, write the report, and then the bag; 130 when Ctrl-C ended the replay."""
    from bdl_perception.drives import open_drives
    from bdl_perception.workflows.drive_jobs import opened_backend
    from bdl_perception.workflows.replay_drive import ReplayConfig
    from bdl_perception.workflows.replay_session import (
        calibration_facts,
        open_session,
        read_setup,
    )
    out = arguments.out
    check_output_folder(out, (REPORT_FILE, RECORDING, UNFINISHED))
    setup = read_setup(
        arguments.recording, arguments.model, arguments.calibration, model_options(arguments),
        ReplayConfig(arguments.moments, arguments.maps_hz, arguments.camera),
        rate_hz=arguments.rate_hz, warning_level=arguments.warning_level)
    [drive] = open_drives([arguments.recording], arguments.rate_hz)
    with opened_backend(setup.model, setup.options) as backend:
        mark_output_folder(out)
        session = open_session(setup, backend, out / UNFINISHED)
        with _interrupt_flag() as interrupted, _progress(len(drive)) as on_frame:
            result = session.replay.run(drive, interrupted, on_frame)
    _write_report(out / REPORT_FILE, drive, session, result,
                  calibration_facts(arguments.calibration, setup.calibration))
    if not (result.complete or result.error):
        print(f'bdl replay: interrupted; the same command continues after frame '
              f'{len(result.timeline)}', file=sys.stderr)
        return INTERRUPTED
    _finish(out, session.store)
    if result.error:
        raise ValueError(f'the replay ended after frame {len(result.timeline)}: {result.error}')
    return 0


def _write_report(path: Path, drive: 'Drive', session: 'ReplaySession',
                  result: 'ReplayResult', alarm: list[tuple[str, str]]) -> None:
    from bdl_perception.report.replay_page import render_replay_page, ReplayReport
    timeline, stamps_ns = result.timeline, result.timeline.stamps_ns

    def read_image(index: int, panel: str) -> bytes | None:
        image = session.store.image_path(int(stamps_ns[index]), panel)
        return image.read_bytes() if image.exists() else None

    report = ReplayReport(
        f'Replay of {drive.name}', [*_facts(drive, session, result), *alarm],
        _notes(session, result), timeline, result.states, result.moments, read_image)
    write_atomic(path, render_replay_page(report).encode())
    print(f'{path}: {len(timeline)} frames, {len(result.moments)} moments with images')


def _facts(drive: 'Drive', session: 'ReplaySession',
           result: 'ReplayResult') -> list[tuple[str, str]]:
    stamps_ns, setup = result.timeline.stamps_ns, session.setup
    total = '' if result.complete else f' of about {len(drive)}'
    return [('recording', setup.recording), ('frames', f'{len(stamps_ns)}{total}'),
            ('duration', f'{(stamps_ns[-1] - stamps_ns[0]) / 1e9:.1f} s'),
            ('model', f'{session.analyser.identity.model} ({session.analyser.backend_name})'),
            ('Monte Carlo samples', f'{setup.options.samples}, of every frame'),
            ('version', str(setup.key['version']))]


def _notes(session: 'ReplaySession', result: 'ReplayResult') -> list[str]:
    """Say what a reader must know before the curves."""
    count, notes = len(result.timeline), []
    if result.error:
        notes.append(f'The recording cannot be read after frame {count}: {result.error}')
    elif not result.complete:
        notes.append(f'The replay was interrupted after frame {count}. The same command '
                     f'continues it.')
    if reason := session.unarmed_reason():
        notes.append(f'The alarm is not armed: {reason}')
    if result.repeated:
        notes.append(f'{result.repeated} frames were left out: their stamps do not increase.')
    return notes


def _finish(out: Path, store: 'ReplayStore') -> None:
    """Put the recording in place of an earlier one, and remove the unfinished replay."""
    new = store.folder / 'joined' / RECORDING  # the file in it has the name of its folder
    shutil.rmtree(new.parent, ignore_errors=True)
    new.parent.mkdir()
    store.join_recordings(new)
    shutil.rmtree(out / RECORDING, ignore_errors=True)
    new.rename(out / RECORDING)
    shutil.rmtree(store.folder)
    print(f'{out / RECORDING}: bag with camera, maps, scores, status and alert')


@contextmanager
def _progress(total: int) -> Iterator[Callable[[bool], None]]:
    """Show a bar; frames that were replayed before count at once and do not change the rate."""
    from tqdm import tqdm
    with tqdm(total=total, unit='frame', desc='replay', mininterval=.5) as bar:
        def on_frame(known: bool) -> None:
            if known:
                bar.initial += 1
            bar.update(1)
        yield on_frame


@contextmanager
def _interrupt_flag() -> Iterator[Callable[[], bool]]:
    """Let Ctrl-C end the replay after the present frame; a second one ends it at once."""
    found: list[int] = []

    def note(number: int, frame: FrameType | None) -> None:
        if found:
            raise KeyboardInterrupt
        found.append(number)

    before = signal.signal(signal.SIGINT, note)
    try:
        yield lambda: bool(found)
    finally:
        signal.signal(signal.SIGINT, before)
