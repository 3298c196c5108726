# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""The plot is drawn for each kind of tails and groups, or its absence is reported."""
import sys
from typing import Any

from bdl_perception.alarm.calibration import Calibration
from bdl_perception.alarm.score_distribution import ScoreGroup
from bdl_perception.perception.status import Identity
from bdl_perception.report.calibration_plot import draw_calibration
from calibrations import make_calibration
import cv2
import numpy as np
import pytest

VALUES = tuple(index / 100 for index in range(200))


def calibration(**values: Any) -> Calibration:
    return make_calibration(
        identity=Identity('street', 'a', 'b', 16, 0, 192, 320), alpha=.02,
        watched=('epistemic_depth',), scores={'epistemic_depth': VALUES}, frames=200, step_s=.1,
        false_alarms_per_hour=1., cusum=9., exponent=.5, software_version='', **values)


@pytest.mark.parametrize('changes', [
    {}, {'slow': 8., 'held_out_peaks': (1., 2.), 'held_out_slow_peaks': (0., 3.)},
    {'tails': 'two_sided', 'group_by': 'light', 'groups': {
        'day': ScoreGroup({'epistemic_depth': VALUES}, 8),
        'night': ScoreGroup({'epistemic_depth': VALUES[:3]}, 8)}}])
def test_a_plot_is_drawn(changes: dict) -> None:
    made = calibration(drives=('a', 'b'), **changes)
    png = np.frombuffer(draw_calibration(made), np.uint8)
    image = cv2.imdecode(png, cv2.IMREAD_COLOR)
    assert image is not None and image.std() > 10


def test_missing_matplotlib_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, 'matplotlib.figure', None)
    made = calibration(drives=('a',))
    with pytest.raises(ModuleNotFoundError, match='matplotlib'):
        draw_calibration(made)
