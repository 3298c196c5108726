# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""`bdl live`: show a camera or a recording with its alert on a page of this machine."""
import argparse
from threading import Event
from typing import Iterable, TYPE_CHECKING

from bdl_perception.cli.arguments import (
    add_model_argument,
    add_sampling_arguments,
    add_scoring_arguments,
    CALIBRATION_HELP,
    model_options,
    parse_natural,
    parsed_by,
)

if TYPE_CHECKING:
    from bdl_perception.alarm.alert import AlertMachine
    from bdl_perception.perception.data_types import CameraFrame
    from bdl_perception.report.live_server import LiveFeed
    from bdl_perception.workflows.frame_analysis import FrameAnalyser

DEFAULT_PORT = 8642
MAX_PORT = 65535
IMAGE_WIDTH, JPEG_QUALITY = 480, 80


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the source, the model, its calibration and the port."""
    parser.add_argument('source', metavar='CAMERA|VIDEO|BAG|FOLDER',
                        help='number of a camera (0, or /dev/video0), or a recording, which is '
                             'played at its own speed')
    add_model_argument(parser)
    parser.add_argument('--calibration', metavar='FILE',
                        help=CALIBRATION_HELP)
    parser.add_argument('--camera', default='camera', metavar='NAME',
                        help='name in a calibration grouped by camera (default: %(default)s)')
    parser.add_argument('--warning-level', choices=('ok', 'warn', 'stale'), default='warn',
                        help='level of depth of unknown scale (default: %(default)s)')
    parser.add_argument('--port', type=parsed_by(parse_port), default=DEFAULT_PORT,
                        help='of the page, on 127.0.0.1; 0: any free one (default: %(default)s)')
    add_scoring_arguments(parser)
    add_sampling_arguments(parser)


def parse_port(text: str) -> int:
    """Read the number of a port, or 0; ValueError for any other text."""
    port = parse_natural(text)
    if port > MAX_PORT:
        raise ValueError(f'{text!r} must be at most {MAX_PORT}')
    return port


def run(arguments: argparse.Namespace) -> int:
    """Serve the page until Ctrl-C, also after the source has ended."""
    from bdl_perception.alarm.alert import AlertMachine
    from bdl_perception.alarm.alert_types import AlertPolicy
    from bdl_perception.drives import open_drives
    from bdl_perception.drives.live import paced, parse_camera
    from bdl_perception.model_store import find_model
    from bdl_perception.report.live_server import LiveFeed, LiveServer
    from bdl_perception.workflows.drive_jobs import opened_backend, portable_model, resolve_options
    from bdl_perception.workflows.executor import ExecutorConfig
    from bdl_perception.workflows.replay_session import (
        calibration_facts,
        load_alarm,
        make_analyser,
    )
    camera = parse_camera(arguments.source)
    if camera:
        name, frames = camera.name, iter(camera)
    else:
        [drive] = open_drives([arguments.source], arguments.rate_hz)
        name, frames = drive.name, paced(drive)
    options = resolve_options(model_options(arguments), ExecutorConfig())
    calibration, reason = load_alarm(arguments.calibration, find_model(arguments.model),
                                     arguments.camera)
    machine = AlertMachine(AlertPolicy(warning_level=arguments.warning_level), calibration, reason)
    with opened_backend(portable_model(arguments.model), options) as backend:
        analyser = make_analyser(backend, options)
        feed = LiveFeed(f'Live: {name}', (
            ('source', arguments.source), ('backend', analyser.backend_name),
            ('model', analyser.identity.model),
            *calibration_facts(arguments.calibration, calibration)))
        server = LiveServer(feed, arguments.port)
        print(f'open {server.url} in a browser; Ctrl-C ends', flush=True)
        try:
            show(frames, analyser, machine, feed)
            Event().wait()
        except KeyboardInterrupt:
            return 0
        finally:
            server.close()
    return 0


def show(frames: Iterable['CameraFrame'], analyser: 'FrameAnalyser', machine: 'AlertMachine',
         feed: 'LiveFeed') -> None:
    """Analyse frames until they end, and give each to the feed; DriveError if there was none."""
    from bdl_perception.drives import DriveError
    from bdl_perception.evaluation.alarm_replay import FrameReplayer
    from bdl_perception.perception.panels import draw_panels, encode_jpeg
    alerts = FrameReplayer(machine, analyser.identity)
    try:
        for cycle, frame in enumerate(frames, start=1):
            analysis = analyser.analyse(frame, cycle)
            scores, of_cycle, faults, warnings = analysis.replayed
            state = alerts.update(scores, of_cycle, faults, warnings)
            panels = draw_panels(frame.rgb, analysis.prediction, analysis.epistemic)
            feed.add(frame.stamp_ns, state, {**scores.values, **of_cycle.values}, {
                name: encode_jpeg(rgb, JPEG_QUALITY, IMAGE_WIDTH) for name, rgb in panels.items()})
    except DriveError as error:
        if not feed.has_frames:
            raise
        feed.end(f'The source has ended: {error}')
    else:
        feed.end('The recording has ended.')
