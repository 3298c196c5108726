# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""The plot is drawn for each kind of tails and groups, or its absence is reported."""
from pathlib import Path
import sys

from bdl_perception.alarm.calibration import Calibration
from bdl_perception.perception.status import Identity
from bdl_perception.report.calibration_plot import draw_calibration
import cv2
import pytest

VALUES = tuple(index / 100 for index in range(200))


@pytest.mark.parametrize('changes', [
    {}, {'slow_limit': 8., 'held_out': (1., 2.), 'held_out_slow': (0., 3.)},
    {'tails': 'two_sided', 'group_by': 'light', 'group_drives': {'day': 8, 'night': 8},
     'groups': {'day': {'epistemic_depth': VALUES}, 'night': {'epistemic_depth': VALUES[:3]}}}])
def test_a_plot_is_drawn(tmp_path: Path, changes: dict) -> None:
    calibration = Calibration(
        Identity('street', 'a', 'b', 16, 0, 192, 320), .02, ('epistemic_depth',),
        {'epistemic_depth': VALUES}, ('a', 'b'), 200, .1, 1., 9., .5, '', **changes)
    assert str(tmp_path / 'a.png') in draw_calibration(calibration, tmp_path / 'a.png')
    image = cv2.imread(str(tmp_path / 'a.png'))
    assert image is not None and image.std() > 10


def test_missing_matplotlib_is_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, 'matplotlib.figure', None)
    calibration = Calibration(
        Identity('street', 'a', 'b', 16, 0, 192, 320), .02, ('epistemic_depth',),
        {'epistemic_depth': VALUES}, ('a',), 200, .1, 1., 9., .5, '')
    assert 'pip install matplotlib' in draw_calibration(calibration, tmp_path / 'a.png')
    assert not (tmp_path / 'a.png').exists()
