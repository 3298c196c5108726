# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""The page of a running drive on the loopback interface: the newest minute, and each new frame."""
from collections import deque
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
import json
from threading import Condition, Thread
from typing import Any, Mapping, NamedTuple

from bdl_perception.alarm.alert_types import AlertState
from bdl_perception.evaluation.alert_timeline import AlertTimeline
from bdl_perception.report.replay_page import frame_event, render_live_page, ReplayReport

LOOPBACK = '127.0.0.1'
MAX_FRAMES = 600  # of the page when it is opened; a minute at 10 Hz
FIRST_FRAME_S = 60.  # time to wait for it before the page is answered with an error
KEEP_ALIVE_S = 5.  # between two lines on a connection without frames


class _Shown(NamedTuple):
    stamp_ns: int
    state: AlertState
    scores: Mapping[str, float]
    images: Mapping[str, bytes]  # panel -> JPEG


class LiveFeed:
    """The newest frames; one thread adds, those of the server read."""

    def __init__(self, title: str, facts: tuple[tuple[str, str], ...]) -> None:
        """Start without a frame."""
        self._title, self._facts = title, facts
        self._frames: deque[_Shown] = deque(maxlen=MAX_FRAMES)
        self._start_ns: int | None = None
        self._number, self._event, self._note = 0, '', ''
        self._changed = Condition()

    @property
    def has_frames(self) -> bool:
        """Return whether a frame has arrived."""
        return self._start_ns is not None

    def add(self, stamp_ns: int, state: AlertState, scores: Mapping[str, float],
            images: Mapping[str, bytes]) -> None:
        """Add a frame, and wake the threads that wait for it."""
        with self._changed:
            self._start_ns = stamp_ns if self._start_ns is None else self._start_ns
            self._frames.append(_Shown(stamp_ns, state, scores, images))
            self._number += 1
            self._event = json.dumps(frame_event(self._report(1), 0, self._start_ns))
            self._changed.notify_all()

    def end(self, note: str) -> None:
        """Tell the page that no frame will follow."""
        with self._changed:
            self._number, self._note = self._number + 1, note
            self._event = json.dumps({'note': note})
            self._changed.notify_all()

    def page(self) -> str | None:
        """Return the page with the frames so far; None: none arrived in time."""
        with self._changed:
            self._changed.wait_for(lambda: self._start_ns is not None, FIRST_FRAME_S)
            return (None if self._start_ns is None
                    else render_live_page(self._report(MAX_FRAMES), self._start_ns))

    def next_event(self, after: int) -> tuple[int, str]:
        """Wait for an event that is newer than number `after` (0: any); '': none came yet."""
        with self._changed:
            self._changed.wait_for(lambda: self._number > after, KEEP_ALIVE_S)
            return (self._number, self._event) if self._number > after else (after, '')

    def _report(self, count: int) -> ReplayReport:
        """Make a report of the newest frames."""
        timeline, frames = AlertTimeline(), list(self._frames)[-count:]
        for frame in frames:
            timeline.append(frame.stamp_ns, frame.state, frame.scores)
        return ReplayReport(
            self._title, self._facts, [self._note] if self._note else [], timeline,
            {index: frame.state for index, frame in enumerate(frames)}, range(len(frames)),
            lambda index, panel: frames[index].images.get(panel))


class LiveServer:
    """Serves the page and its events to browsers of this machine."""

    def __init__(self, feed: LiveFeed, port: int) -> None:
        """Listen on the loopback interface; port 0: any free one. OSError: it is in use."""
        handler = type('Handler', (_Handler,), {'feed': feed})
        self._server = ThreadingHTTPServer((LOOPBACK, port), handler)
        self._server.daemon_threads = True
        self._thread = Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        """Return the address of the page."""
        return f'http://{LOOPBACK}:{self._server.server_address[1]}/'

    def close(self) -> None:
        """Stop serving."""
        self._server.shutdown()
        self._server.server_close()


class _Handler(BaseHTTPRequestHandler):
    feed: LiveFeed

    def do_GET(self) -> None:  # noqa: N802  # named by http.server
        """Answer with the page or with the stream of events."""
        port = self.server.server_address[1]  # type: ignore[index]
        if self.headers.get('Host') not in (f'{LOOPBACK}:{port}', f'localhost:{port}'):
            self.send_error(HTTPStatus.FORBIDDEN)  # a foreign page that has our address as name
        elif self.path == '/':
            self._send_page()
        elif self.path == '/events':
            self._send_events()
        else:
            self.send_error(HTTPStatus.NOT_FOUND)

    def log_message(self, format: str, *values: Any) -> None:  # noqa: A002
        """Write no line for each request."""

    def _send_page(self) -> None:
        page = self.feed.page()
        if page is None:
            self.send_error(HTTPStatus.SERVICE_UNAVAILABLE, 'no frame arrived yet')
            return
        data = page.encode()
        self._send_head('text/html; charset=utf-8', len(data))
        self.wfile.write(data)

    def _send_events(self) -> None:
        self._send_head('text/event-stream')
        number = 0
        try:
            while True:
                number, event = self.feed.next_event(number)
                self.wfile.write(f'data: {event}\n\n'.encode() if event else b': wait\n\n')
                self.wfile.flush()
        except OSError:
            return  # the browser has closed the page

    def _send_head(self, kind: str, length: int | None = None) -> None:
        self.send_response(HTTPStatus.OK)
        self.send_header('Content-Type', kind)
        self.send_header('Cache-Control', 'no-store')
        if length is not None:
            self.send_header('Content-Length', str(length))
        self.end_headers()
