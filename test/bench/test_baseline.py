# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""Comparison of our nodes with the baseline node, from synthetic traces."""
from bdl_perception.bench.baseline import baseline_rows
from bdl_perception.bench.camera_trace import CameraTrace
import pytest

SENT = ((0, 'nominal'), (10**9, 'nominal'))  # one second


def trace(depth_hz, epistemic_hz=0):
    """Make a trace with a number of maps."""
    depth, epistemic = (tuple((at_ns, at_ns) for at_ns in range(count))
                        for count in (depth_hz, epistemic_hz))
    return CameraTrace(SENT, depth, epistemic)


def test_ours_is_divided_by_the_baseline_round_by_round():
    rows = baseline_rows([trace(40, 10), trace(20, 4), trace(44, 10)],
                         [trace(2), trace(2), trace(4)])
    assert [row.value for row in rows] == [40.0, 4.0, 2.0, 11.0]  # 20, 10, 11 times
    assert [row.met for row in rows] == [None, False, None, True]


def test_a_rate_that_the_camera_limits_has_a_note():
    limited, free = (baseline_rows([trace(hz, 10)], [trace(1)])[0] for hz in (60, 50))
    assert (limited.note, free.note) == ('limited by the camera', '')


def test_a_baseline_node_without_any_depth_is_an_error():
    with pytest.raises(RuntimeError, match='no depth in a round'):
        baseline_rows([trace(40, 10)], [trace(0)])
