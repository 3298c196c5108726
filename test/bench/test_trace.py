# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""Made-up recordings whose numbers can be counted by hand."""
import json

from bdl_perception.bench.trace import CameraTrace, Plan, read_plan, read_traces, Scene
import pytest

MS = 10**6
T0 = 1_700_000_000_123_456_789  # needs all its bits


def at(ms):
    return T0 + ms * MS


SENT = ((at(0), 'warm_up'), (at(100), 'nominal'), (at(200), 'nominal'), (at(300), 'strange'),
        (at(400), 'strange'), (at(500), 'nominal'), (at(600), 'strange'), (at(1100), 'nominal'))
# 200 is lost; 0 is warm-up and slow; 1100 is answered after the window
DEPTH = ((at(0), at(90)), (at(100), at(110)), (at(300), at(320)), (at(400), at(430)),
         (at(500), at(540)), (at(600), at(650)), (at(1100), at(1160)))
EPISTEMIC = ((at(0), at(95)), (at(100), at(300)), (at(300), at(900)), (at(600), at(1200)))
WATCHED = CameraTrace(SENT, DEPTH, EPISTEMIC, status=((at(50), 1, 0), (at(900), 7, 1)))


def test_only_a_counted_frame_without_a_depth_is_lost():
    assert WATCHED.frames_lost == 1
    assert len(WATCHED.measured_stamps) == 7


def test_latency_runs_from_stamp_to_publication_without_the_warm_up():
    assert WATCHED.latencies_ms == [10.0, 20.0, 30.0, 40.0, 50.0, 60.0]
    assert WATCHED.percentile_ms(50) == 35.0
    assert CameraTrace(SENT, ()).percentile_ms(50) != CameraTrace(SENT, ()).percentile_ms(50)  # NaN


def test_rates_are_of_what_was_published_between_the_first_and_the_last_counted_frame():
    assert WATCHED.duration_s == 1.0
    assert WATCHED.depth_hz == 5.0  # at 110, 320, 430, 540, 650
    assert WATCHED.epistemic_hz == 2.0  # at 300 and 900


def test_the_last_status_says_what_was_dropped_and_a_node_without_status_says_nothing():
    assert WATCHED.frames_dropped == 1
    assert CameraTrace(SENT, DEPTH).frames_dropped is None


def test_a_strange_scene_begins_where_another_kind_was_before():
    assert WATCHED.scene_starts('strange') == [at(300), at(600)]


def test_a_window_of_one_frame_is_refused():
    with pytest.raises(ValueError, match='1 frames count'):
        _ = CameraTrace(((at(0), 'warm_up'), (at(100), 'nominal')), ()).window_ns


def test_what_the_processes_leave_is_read_back_bit_for_bit(tmp_path):
    plan = Plan(tmp_path / 'run', tmp_path / 'pictures.npz', 30.0,
                (Scene('warm_up', 3), Scene('nominal', 5)), ('front', 'rear'))
    plan.write()
    assert read_plan(plan.plan_path) == plan
    plan.sent_path.write_text(json.dumps(SENT))
    empty = {'depth': [], 'epistemic': [], 'alert': [], 'status': []}
    heard = {'depth': DEPTH, 'epistemic': EPISTEMIC, 'alert': [], 'status': WATCHED.status}
    plan.received_path.write_text(json.dumps({'front': heard, 'rear': empty}))
    assert read_traces(plan) == {'front': WATCHED, 'rear': CameraTrace(SENT, ())}
    plan.write()  # a new measurement never reads the last one's numbers
    with pytest.raises(FileNotFoundError):
        read_traces(plan)
