# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""The rows of the groups, from synthetic measurements."""
from bdl_perception.backends import open_backend
from bdl_perception.bench import baseline, breakdown, cameras, runtime, scaling
from bdl_perception.bench.row import BenchSettings
from bdl_perception.bench.trace import CameraTrace
from bdl_perception.model_store import ModelOptions
import pytest
from tiny_model import make_tiny_model

SECOND = 10**9
SENT = ((0, 'nominal'), (SECOND, 'nominal'))


def trace(depth_hz, epistemic_hz=0):
    """Make a trace of one second with a number of maps."""
    depth, epistemic = (tuple((at_ns, at_ns) for at_ns in range(count))
                        for count in (depth_hz, epistemic_hz))
    return CameraTrace(SENT, depth, epistemic)


def test_ours_is_divided_by_the_baseline_round_by_round():
    rows = baseline.baseline_rows([trace(40, 10), trace(20, 4), trace(44, 10)],
                                  [trace(2), trace(2), trace(4)])
    assert [row.value for row in rows] == [40.0, 4.0, 2.0, 11.0]  # 20, 10, 11 times
    assert [row.met for row in rows] == [None, False, None, True]


def test_a_rate_that_the_camera_limits_has_a_note():
    limited, free = (baseline.baseline_rows([trace(hz, 10)], [trace(1)])[0] for hz in (60, 50))
    assert (limited.note, free.note) == ('limited by the camera', '')


def test_a_baseline_node_without_any_depth_is_an_error():
    with pytest.raises(RuntimeError, match='no depth in a round'):
        baseline.baseline_rows([trace(40, 10)], [trace(0)])


def test_losses_of_cameras_are_added_and_the_worst_is_reported():
    good = CameraTrace(SENT, ((0, 10**7), (SECOND, SECOND + 3 * 10**7)), ((0, 5), (0, 6)))
    bad = CameraTrace(SENT, ((0, 5 * 10**7),), ((0, 5),))
    lost, median, p99, epistemic = cameras.multi_camera_rows({'front': good, 'rear': bad})
    assert (lost.value, lost.met, lost.note) == (1, False, 'of 4')
    assert (median.value, p99.value, epistemic.value) == (50.0, 50.0, 1.0)


def test_a_setting_is_divided_by_the_default_round_by_round():
    default = [runtime.TurnTime(10., 20.), runtime.TurnTime(20., 40.), runtime.TurnTime(40., 50.)]
    slow = [runtime.TurnTime(20., 20.), runtime.TurnTime(30., 60.), runtime.TurnTime(60., 100.)]
    first, second = runtime.runtime_rows({runtime.DEFAULT_LABEL: default, 'slow': slow}, 2)
    assert (first.value, first.unit) == (20., 'ms')
    assert (second.what, second.value, second.note) == ('slow / default', 1.5, 'CPU time 1.50')
    assert second.met is None


def test_settings_alternate_and_their_results_stay_separate():
    order = []
    workloads = {name: lambda name=name: order.append(name) for name in 'ab'}
    times = runtime.time_interleaved_cpu(workloads, 3)
    assert order == ['a', 'b'] * (runtime.WARM_UP_ROUNDS + 3)
    assert [len(series) for series in times.values()] == [3, 3]


def test_every_setting_runs_a_frame_with_its_samples(tmp_path):
    model = make_tiny_model(tmp_path / 'tiny', chunk=4)
    result = runtime.run(BenchSettings(tmp_path, str(model), quick=True, threads=1))
    assert len(result.rows) == 1 + 5 and all(row.value > 0 for row in result.rows)
    assert len(result.details['idle threads spin']) == 5


def test_proportional_scaling_is_one_and_twice_as_much_misses():
    even, steep = scaling.scaling_rows({4: 10.0, 16: 40.0}, {100: 5.0, 400: 40.0})
    assert (even.value, even.met) == (1.0, True)
    assert (steep.value, steep.met) == (2.0, False)


def test_the_share_of_a_graph_is_relative_to_all_steps():
    frame, cycle = breakdown.breakdown_rows({breakdown.PERCEIVE_STEP: 6.0, 'resize': 1.0,
                                             'health': 3.0},
                                            {breakdown.SAMPLE_STEP: 9.0, 'merge': 3.0})
    assert (frame.value, frame.note) == (60.0, 'of 10.0 ms; next: health, 3.00 ms')
    assert (cycle.value, cycle.note) == (75.0, 'of 12.0 ms; next: merge, 3.00 ms')


def test_every_step_of_the_breakdown_gives_the_input_of_the_next(tmp_path):
    model = make_tiny_model(tmp_path / 'tiny', chunk=4)
    backend = open_backend(model, ModelOptions('onnxruntime', 1))
    outputs = {name: step() for name, step in breakdown.frame_steps(backend).items()}
    assert outputs['message to rgb'].shape == (384, 640, 3)
    assert outputs['crop and resize'].shape == (24, 40, 3)
    assert outputs[breakdown.PERCEIVE_STEP].depth.shape == (24, 40)
    outputs = {name: step() for name, step in breakdown.cycle_steps(backend).items()}
    assert [part.count for part in outputs[breakdown.SAMPLE_STEP]] == [4] * 4
    assert outputs['merge chunks'].count == 16
    assert (outputs['map to message'].width, outputs['map to message'].encoding) == (40, '32FC1')
