# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""Sudden changes of the orientation and of the channels, on the bundled recording."""
from typing import Any, Callable

from bdl_perception.drives import BUNDLED_VIDEO, open_drive
from bdl_perception.perception.data_types import Bytes
from bdl_perception.perception.orientation import MAX_FRAMES, Orientation
import numpy as np
import pytest

CHANGES: dict[str, Callable[[Any], Any]] = {
    'mirrored': lambda rgb: rgb[:, ::-1],
    'upside down': lambda rgb: rgb[::-1, ::-1],
    'upside down and mirrored': lambda rgb: rgb[::-1],
    'swapped in red and blue': lambda rgb: rgb[..., ::-1],
}


@pytest.fixture(scope='module')
def frames() -> list[Bytes]:
    """Give the whole recording: a street, fog, dirt on the lens."""
    return [frame.rgb for frame in open_drive(BUNDLED_VIDEO)]


def changed(name: str, rgb: Bytes) -> Bytes:
    return np.ascontiguousarray(CHANGES[name](rgb))


def test_a_drive_has_no_fault(frames: list[Bytes]) -> None:
    check = Orientation()
    assert {check.detect_fault(rgb) for rgb in frames} == {''}


@pytest.mark.parametrize('name', CHANGES)
@pytest.mark.parametrize('at', [20, 75, 130])
def test_a_change_is_a_fault_until_it_is_changed_back(
        frames: list[Bytes], name: str, at: int) -> None:
    check = Orientation()
    before = {check.detect_fault(rgb) for rgb in frames[at - 10:at]}
    during = {check.detect_fault(changed(name, rgb)) for rgb in frames[at:at + 8]}
    after = {check.detect_fault(rgb) for rgb in frames[at + 8:at + 16]}
    assert before == after == {''}
    assert {text.split(':')[0] for text in during} == {f'the images have suddenly become {name}'}


@pytest.mark.parametrize('name', CHANGES)
def test_a_way_back_that_was_missed_is_seen_later(frames: list[Bytes], name: str) -> None:
    check = Orientation()
    black = np.zeros_like(frames[0])
    shown = [*frames[60:70], *(changed(name, rgb) for rgb in frames[70:75]), black,
             *frames[75:80]]
    faults = [bool(check.detect_fault(rgb)) for rgb in shown]
    assert faults == [False] * 10 + [True] * 6 + [False] * 5


def test_a_change_is_reported_for_a_limited_time(frames: list[Bytes]) -> None:
    check = Orientation()
    check.detect_fault(frames[0])
    faults = [bool(check.detect_fault(changed('mirrored', frames[0])))
              for _ in range(MAX_FRAMES + 20)]
    assert faults == [True] * MAX_FRAMES + [False] * 20


def test_an_image_of_another_scene_or_size_is_no_change(frames: list[Bytes]) -> None:
    check, night = Orientation(), (frames[20] // 8)
    bluer = np.clip(frames[20].astype(int) + [-30, 0, 30], 0, 255).astype(np.uint8)
    redder = np.clip(frames[140].astype(int) + [30, 0, -30], 0, 255).astype(np.uint8)
    blank = np.full_like(night, 128)
    for rgb in (frames[20], night, blank, bluer, redder[:, :200], redder, blank, frames[20]):
        assert check.detect_fault(rgb) == ''
