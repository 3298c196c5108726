# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""A recording comes at its own speed, and a camera is recognised by its number."""
from types import SimpleNamespace

from bdl_perception.drives import DriveError
from bdl_perception.drives.live import LocalCamera, paced, parse_camera
import pytest


class Clock:
    """A clock that only sleeping and working advance."""

    def __init__(self):
        self.now_s, self.slept_s = 100., []

    def sleep(self, wait_s):
        self.slept_s.append(wait_s)
        self.now_s += wait_s


def drive(*times_s):
    return [SimpleNamespace(stamp_ns=round(time_s * 1e9)) for time_s in times_s]


def play(clock, frames, work_s=0.):
    """Return the time at which each frame came, after the first; each takes work_s."""
    found = []
    for frame in paced(frames, lambda: clock.now_s, clock.sleep):
        found.append((frame.stamp_ns / 1e9, round(clock.now_s - 100, 6)))
        clock.now_s += work_s
    return found


def test_frames_come_at_their_own_times():
    assert play(Clock(), drive(5, 5.1, 5.3)) == [(5, 0), (5.1, .1), (5.3, .3)]


def test_the_work_on_a_frame_shortens_the_wait():
    clock = Clock()
    play(clock, drive(0, .1, .2), work_s=.04)
    assert clock.slept_s == pytest.approx([.06, .06])


def test_late_frames_are_left_out():
    shown = [stamp for stamp, _ in play(Clock(), drive(*(i / 10 for i in range(30))), work_s=.97)]
    assert shown == [0, .8, 1.8, 2.8]


@pytest.mark.parametrize(('text', 'number'), [('0', 0), ('/dev/video12', 12)])
def test_a_camera_is_a_number_or_a_device(text, number):
    assert parse_camera(text) == LocalCamera(number)


@pytest.mark.parametrize('text', ['drive.mp4', 'run.mcap:/image', '/dev/video', '0.mp4', '1234'])
def test_anything_else_is_a_recording(text):
    assert parse_camera(text) is None


def test_a_camera_without_images_is_an_error():
    with pytest.raises(DriveError, match='camera 99 gives no image; is it connected'):
        next(iter(LocalCamera(99)))
