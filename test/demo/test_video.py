# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""Video and contact sheet show the images of the record at the requested times."""
import base64
from dataclasses import replace
import os
from pathlib import Path
import subprocess

from bdl_perception.alarm.uncalibrated_camera import NOT_CALIBRATED
from bdl_perception.demo.record import PANELS, read_record, Record, RecordWriter
from bdl_perception.demo.video import (
    FrameComposer,
    PANEL_HEIGHT,
    PANEL_WIDTH,
    score_ratios,
    TIMELINE_HEIGHT,
    TITLE_HEIGHT,
    write_contact_sheet,
    write_video,
)
from browser import CHROMIUM
import cv2
import numpy as np
import pytest

PLAYER = """<!doctype html><video muted src="data:video/webm;base64,DATA"></video>
<pre id="found"></pre><script>
const video = document.querySelector('video'), found = document.getElementById('found');
video.onerror = () => { found.textContent = 'error ' + video.error.message; };
video.onloadeddata = () => {
  found.textContent = video.videoWidth + 'x' + video.videoHeight; };
</script>"""
START_NS = 1_700_000_000_000_000_000
STEP_NS = 100_000_000
FRAMES = 12


def stamp(index: int) -> int:
    return START_NS + index * STEP_NS


@pytest.fixture
def record(tmp_path: Path) -> Record:
    """Make twelve frames of increasing brightness; every fourth has an epistemic panel."""
    writer = RecordWriter(tmp_path / 'record')
    for index in range(FRAMES):
        grey = np.full((48, 80, 3), 20 * index, np.uint8)
        jpeg = cv2.imencode('.jpg', grey)[1].tobytes()
        for panel in PANELS:
            if panel != 'epistemic' or index % 4 == 0:
                writer.write_panel(panel, stamp(index), jpeg)
        writer.write_event('camera', stamp_ns=stamp(index), latency_s=0.001)
        writer.write_event('depth', stamp_ns=stamp(index), latency_s=0.02)
        writer.write_event('scores', stamp_ns=stamp(index),
                           values={'energy': float(index), 'cycle': 0})
        writer.write_event('alert', received_ns=stamp(index), level=0 if index < 6 else 2,
                           message='because', values={'threshold_energy': '4.0'}, changed=False)
    writer.close()
    return read_record(tmp_path / 'record')


def brightness(image: np.ndarray, column: int, row: int) -> float:
    top = row * (PANEL_HEIGHT + TITLE_HEIGHT) + TITLE_HEIGHT
    left = column * PANEL_WIDTH
    return float(image[top + 5:top + PANEL_HEIGHT, left:left + PANEL_WIDTH].mean())


def test_each_panel_shows_the_newest_image_up_to_the_stamp(record):
    image = FrameComposer(record).compose(stamp(7))
    assert brightness(image, 0, 0) == pytest.approx(140, abs=2)  # camera, frame 7
    assert brightness(image, 0, 1) == pytest.approx(80, abs=2)  # epistemic, frame 4


def test_an_image_is_two_rows_of_panels_over_the_timeline(record):
    height, width, _ = FrameComposer(record).compose(stamp(0)).shape
    assert (height, width) == (2 * (PANEL_HEIGHT + TITLE_HEIGHT) + TIMELINE_HEIGHT,
                               3 * PANEL_WIDTH)


def test_the_video_has_all_frames_at_the_camera_rate(record, tmp_path):
    write_video(FrameComposer(record), tmp_path / 'drive.webm')
    video = cv2.VideoCapture(str(tmp_path / 'drive.webm'))
    assert int(video.get(cv2.CAP_PROP_FRAME_COUNT)) == FRAMES
    assert video.get(cv2.CAP_PROP_FPS) == pytest.approx(10, abs=0.1)


def test_the_sheet_has_a_row_for_each_time(record, tmp_path):
    write_contact_sheet(FrameComposer(record), [0.0, 0.7], tmp_path / 'sheet.png')
    sheet = cv2.imread(str(tmp_path / 'sheet.png'))
    assert brightness(sheet, 0, 0) == pytest.approx(0, abs=2)
    assert brightness(sheet, 0, 1) == pytest.approx(140, abs=2)


def test_the_sheet_begins_with_the_camera_that_was_never_calibrated(record, tmp_path):
    write_contact_sheet(FrameComposer(record), [0.0], tmp_path / 'plain.png')
    alert = replace(record.alerts[-1], message=f'{NOT_CALIBRATED}: calibrate it')
    hinted = replace(record, alerts=(*record.alerts, alert))
    write_contact_sheet(FrameComposer(hinted), [0.0], tmp_path / 'hinted.png')
    plain, sheet = (cv2.imread(str(tmp_path / f'{name}.png')) for name in ('plain', 'hinted'))
    assert sheet.shape[0] == plain.shape[0] + TITLE_HEIGHT
    assert sheet[:TITLE_HEIGHT].max() > 200  # the text
    np.testing.assert_array_equal(sheet[TITLE_HEIGHT:][:PANEL_HEIGHT],
                                  plain[:PANEL_HEIGHT])


def test_a_video_that_cannot_be_written_is_an_error_with_the_path(record, tmp_path):
    with pytest.raises(OSError, match='nowhere'):
        write_video(FrameComposer(record), tmp_path / 'nowhere' / 'drive.webm')


def test_scores_are_relative_to_the_threshold_of_the_alert(record):
    times_s, ratios = score_ratios(record)['energy']
    assert times_s[6] == pytest.approx(0.6)
    assert ratios[6] == pytest.approx(6 / 4)


@pytest.mark.slow
@pytest.mark.skipif(CHROMIUM is None, reason='there is no Chromium on this machine')
def test_a_browser_plays_the_video(record, tmp_path):
    write_video(FrameComposer(record), tmp_path / 'drive.webm')
    data = base64.b64encode((tmp_path / 'drive.webm').read_bytes()).decode()
    page = tmp_path / 'page.html'
    page.write_text(PLAYER.replace('DATA', data))
    done = subprocess.run(
        [CHROMIUM, '--headless', '--no-sandbox', '--disable-gpu', '--no-first-run',
         f'--user-data-dir={tmp_path / "profile"}', '--virtual-time-budget=20000', '--dump-dom',
         page.as_uri()], capture_output=True, text=True, timeout=100, check=True,
        env={**os.environ, 'HOME': str(tmp_path)})
    height, width, _ = FrameComposer(record).compose(stamp(0)).shape
    assert f'<pre id="found">{width}x{height}</pre>' in done.stdout
