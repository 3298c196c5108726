# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""Synthetic traces whose numbers can be counted by hand."""
import json
import math

from bdl_perception.bench.camera_trace import CameraTrace, Plan, read_plan, read_traces, Scene
import pytest

MS = 10**6
T0 = 1_700_000_000_123_456_789  # needs all its bits


def at(ms):
    return T0 + ms * MS


SENT = ((at(0), 'warm_up'), (at(100), 'nominal'), (at(200), 'nominal'), (at(300), 'ood'),
        (at(400), 'ood'), (at(500), 'nominal'), (at(600), 'ood'), (at(1100), 'nominal'))
# 200 is lost; 0 is warm-up and slow; 1100 is answered after the window
DEPTH = ((at(0), at(90)), (at(100), at(110)), (at(300), at(320)), (at(400), at(430)),
         (at(500), at(540)), (at(600), at(650)), (at(1100), at(1160)))
EPISTEMIC = ((at(0), at(95)), (at(100), at(300)), (at(300), at(900)), (at(600), at(1200)))
TRACE = CameraTrace(SENT, DEPTH, EPISTEMIC, status=((at(50), 1, 0), (at(900), 7, 1)))


def test_only_a_measured_frame_without_depth_is_lost():
    assert TRACE.frames_lost == 1
    assert len(TRACE.measured_stamps) == 7


def test_latency_runs_from_stamp_to_publication():
    assert TRACE.latencies_ms == [10.0, 20.0, 30.0, 40.0, 50.0, 60.0]
    assert TRACE.percentile_ms(50) == 35.0
    assert math.isnan(CameraTrace(SENT, ()).percentile_ms(50))


def test_rates_count_publications_in_the_measured_window():
    assert TRACE.duration_s == 1.0
    assert TRACE.depth_hz == 5.0  # at 110, 320, 430, 540, 650
    assert TRACE.epistemic_hz == 2.0  # at 300 and 900


def test_dropped_frames_are_those_of_the_last_status():
    assert TRACE.frames_dropped == 1
    assert CameraTrace(SENT, DEPTH).frames_dropped is None


def test_a_scene_starts_after_a_frame_of_another_kind():
    assert TRACE.scene_starts('ood') == [at(300), at(600)]


def test_a_window_of_one_frame_is_an_error():
    with pytest.raises(ValueError, match='1 measured frames'):
        _ = CameraTrace(((at(0), 'warm_up'), (at(100), 'nominal')), ()).window_ns


def test_plan_and_traces_are_read_back_unchanged(tmp_path):
    plan = Plan(tmp_path / 'run', tmp_path / 'frames.npz', 30.0,
                (Scene('warm_up', 3), Scene('nominal', 5)), ('front', 'rear'))
    plan.write()
    assert read_plan(plan.plan_path) == plan
    plan.sent_path.write_text(json.dumps(SENT))
    empty = {'depth': [], 'epistemic': [], 'alert': [], 'status': []}
    received = {'depth': DEPTH, 'epistemic': EPISTEMIC, 'alert': [], 'status': TRACE.status}
    plan.received_path.write_text(json.dumps({'front': received, 'rear': empty}))
    assert read_traces(plan) == {'front': TRACE, 'rear': CameraTrace(SENT, ())}
    plan.write()  # a new measurement never reads the last one's numbers
    with pytest.raises(FileNotFoundError):
        read_traces(plan)
