# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""Each part of a calibration rejects values that no drives can give."""
import math
from typing import Any

from bdl_perception.alarm.score_distribution import ScoreGroup
from calibrations import small_calibration
import pytest

UNSORTED = ScoreGroup({'epistemic_depth': (2., 1.), 'energy': (1.,)}, 8)


@pytest.mark.parametrize(('change', 'message'), [
    ({'tails': 'lower'}, 'tails'), ({'group_by': 'mood'}, 'group_by'),
    ({'group_by': 'camera'}, "group_by is 'camera'"), ({'slow': 0}, 'slow'),
    ({'slow_step_s': math.nan}, 'slow_step_s'), ({'score_step_s': -1}, 'score_step_s'),
    ({'observed_step_s': math.inf}, 'observed_step_s'),
    ({'groups': {'day': ScoreGroup({'epistemic_depth': (1.,), 'energy': (1.,)}, 8)}},
     'group_by none'),
    ({'groups': {'day': ScoreGroup({'epistemic_depth': (1.,)}, 8)}, 'group_by': 'light'},
     'energy'),
    ({'groups': {'day': UNSORTED}, 'group_by': 'light'}, 'ascending'),
    ({'alpha': 0}, 'alpha'), ({'alpha': math.nan}, 'alpha'), ({'exponent': 1}, 'exponent'),
    ({'step_s': 0}, 'step_s'), ({'cusum': math.nan}, 'cusum'),
    ({'cusum': math.inf}, 'cusum'), ({'false_alarms_per_hour': -1}, 'per_hour'),
    ({'watched': ()}, 'at least one'), ({'watched': ('energy',)}, 'at least one'),
    ({'watched': ('epistemic_depth', 'fear')}, 'fear'),
    ({'watched': ('epistemic_depth', 'epistemic_depth')}, 'twice'),
    ({'scores': {'epistemic_depth': (2., 1.)}, 'watched': ('epistemic_depth',)}, 'ascending'),
    ({'scores': {'epistemic_depth': (1., math.nan)}, 'watched': ('epistemic_depth',)}, 'finite'),
    ({'held_out_peaks': (1.,)}, '1 held_out_peaks for 8 drives'),
    ({'windows_per_drive': (1,) * 9}, '9 windows_per_drive for 8 drives'),
])
def test_a_calibration_that_exists_is_valid(change: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        small_calibration(**change)
