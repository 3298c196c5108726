# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
import math

from bdl_perception.bench.latency import latency_rows, onset_responses, OnsetResponse
from bdl_perception.bench.trace import CameraTrace
import pytest

OK, WARN, ERROR, STALE = range(4)
MS = 10**6
SENT = ((0, 'warm_up'), (1000 * MS, 'nominal'), (2000 * MS, 'strange'), (2033 * MS, 'strange'))


def onset(*alerts):
    one, = onset_responses(CameraTrace(SENT, (), alerts=tuple((ms * MS, level) for ms, level in alerts)))
    return one


def test_delays_run_from_the_first_strange_frame_to_the_first_alert_that_is_so_high():
    assert onset((1950, OK), (2050, OK), (2150, WARN), (2250, OK), (2750, ERROR),
                 (2850, ERROR)) == (OK, 0.15, 0.75)


def test_an_error_without_a_warning_before_it_is_the_warning_too():
    assert onset((1950, OK), (2100, ERROR)) == (OK, 0.1, 0.1)


def test_an_alert_before_the_strange_frame_or_after_its_scene_or_stale_is_no_answer():
    assert onset((1900, ERROR), (1999, WARN), (2500, STALE), (6100, ERROR)) == (WARN, None, None)


def test_the_worst_onset_is_judged_and_one_that_did_not_begin_at_ok_is_left_out():
    found = [OnsetResponse(OK, 0.1, 0.5), OnsetResponse(OK, 0.3, 0.9), OnsetResponse(ERROR, 0.0, 0.0)]
    warn, error = latency_rows(found)
    assert (warn.value, error.value, error.met) == (0.3, 0.9, True)
    assert error.note == 'median 0.70 s; 2 of 3 onsets began at OK'


@pytest.mark.parametrize('found', [[], [OnsetResponse(OK, 0.1, None), OnsetResponse(OK, 0.1, 0.2)],
                                   [OnsetResponse(STALE, 0.1, 0.1)]])
def test_an_error_that_never_came_meets_no_goal(found):
    error = latency_rows(found)[1]
    assert math.isnan(error.value) and error.met is False
