# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""Alert latency, from synthetic traces."""
import math

from bdl_perception.bench.camera_trace import CameraTrace
from bdl_perception.bench.latency import latency_rows, onset_responses, OnsetResponse
import pytest

OK, WARN, ERROR, STALE = range(4)
MS = 10**6
SENT = ((0, 'warm_up'), (1000 * MS, 'nominal'), (2000 * MS, 'ood'), (2033 * MS, 'ood'))


def onset(*alerts):
    trace = CameraTrace(SENT, (), alerts=tuple((ms * MS, level) for ms, level in alerts))
    response, = onset_responses(trace)
    return response


def test_latency_runs_from_the_first_ood_frame_to_each_level():
    assert onset((1950, OK), (2050, OK), (2150, WARN), (2250, OK), (2750, ERROR),
                 (2850, ERROR)) == (OK, 0.15, 0.75)


def test_an_error_without_warn_counts_for_both_levels():
    assert onset((1950, OK), (2100, ERROR)) == (OK, 0.1, 0.1)


def test_alerts_outside_the_scene_and_stale_do_not_count():
    assert onset((1900, ERROR), (1999, WARN), (2500, STALE), (6100, ERROR)) == (WARN, None, None)


def test_the_worst_onset_that_began_at_ok_is_the_value():
    responses = [OnsetResponse(OK, 0.1, 0.5), OnsetResponse(OK, 0.3, 0.9),
                 OnsetResponse(ERROR, 0.0, 0.0)]
    warn, error = latency_rows(responses)
    assert (warn.value, error.value, error.met) == (0.3, 0.9, True)
    assert error.note == 'median 0.70 s; 2 of 3 onsets began at OK'


@pytest.mark.parametrize('responses', [
    [], [OnsetResponse(OK, 0.1, None), OnsetResponse(OK, 0.1, 0.2)],
    [OnsetResponse(STALE, 0.1, 0.1)]])
def test_an_error_that_was_never_raised_meets_no_goal(responses):
    error = latency_rows(responses)[1]
    assert math.isnan(error.value) and error.met is False
