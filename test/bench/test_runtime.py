# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""Settings of ONNX Runtime: alternation and comparison with the defaults."""
from bdl_perception.bench.row import BenchSettings
from bdl_perception.bench.runtime import (
    DEFAULT_LABEL,
    run,
    runtime_rows,
    time_interleaved_cpu,
    TurnTime,
    WARM_UP_ROUNDS,
)
from tiny_model import make_tiny_model


def test_a_setting_is_divided_by_the_default_round_by_round():
    default = [TurnTime(10., 20.), TurnTime(20., 40.), TurnTime(40., 50.)]
    slow = [TurnTime(20., 20.), TurnTime(30., 60.), TurnTime(60., 100.)]
    first, second = runtime_rows({DEFAULT_LABEL: default, 'slow': slow}, 2)
    assert (first.value, first.unit) == (20., 'ms')
    assert (second.what, second.value, second.note) == ('slow / default', 1.5, 'CPU time 1.50')
    assert second.met is None


def test_settings_alternate_and_their_results_stay_separate():
    order = []
    workloads = {name: lambda name=name: order.append(name) for name in 'ab'}
    times = time_interleaved_cpu(workloads, 3)
    assert order == ['a', 'b'] * (WARM_UP_ROUNDS + 3)
    assert [len(series) for series in times.values()] == [3, 3]


def test_every_setting_runs_a_frame_with_its_samples(tmp_path):
    model = make_tiny_model(tmp_path / 'tiny', chunk=4)
    result = run(BenchSettings(tmp_path, str(model), quick=True, threads=1))
    assert len(result.rows) == 1 + 5 and all(row.value > 0 for row in result.rows)
    assert len(result.details['idle threads spin']) == 5
