# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""The processes of the benchmark on a real ROS domain, with a tiny model."""
from bdl_perception.bench.camera_trace import NOMINAL, Plan, Scene
from bdl_perception.bench.harness import BENCH_PACKAGE, NodeSpec, our_nodes, run_measurement
from bdl_perception.bench.row import BenchSettings
import numpy as np
import pytest

pytestmark = pytest.mark.slow  # starts processes
FRAMES = 10


@pytest.fixture
def plan(tmp_path):
    random = np.random.default_rng(0)
    np.savez(tmp_path / 'frames.npz',
             **{NOMINAL: random.integers(60, 180, (3, 96, 160, 3), np.uint8)})

    def make(*cameras):
        return Plan(tmp_path / 'run', tmp_path / 'frames.npz', 5.0,
                    (Scene('warm_up', 2), Scene(NOMINAL, FRAMES)), cameras or ('',))
    return make


@pytest.fixture(scope='module')
def tiny(tmp_path_factory):
    from tiny_model import make_tiny_model
    return make_tiny_model(tmp_path_factory.mktemp('model') / 'tiny', height=48, width=80, chunk=4)


def test_the_baseline_node_publishes_depth_and_its_deviation(plan, tiny):
    spec = NodeSpec('baseline_node', {'model': tiny, 'samples': 2, 'threads': 1},
                    package=BENCH_PACKAGE)
    measurement = run_measurement(plan(), [spec])
    trace = measurement.single_trace
    stamps = {stamp for stamp, _ in trace.sent}
    assert len(stamps) == 2 + FRAMES and len(trace.measured_stamps) == FRAMES
    depth, epistemic = ([stamp for stamp, _ in records]
                        for records in (trace.depth, trace.epistemic))
    both = set(depth) & set(epistemic)
    assert both and set(depth) | set(epistemic) <= stamps
    # the listener may discover one topic before the other, and end between the two of a frame
    assert [stamp for stamp in depth if min(both) <= stamp <= max(both)] == [
        stamp for stamp in epistemic if min(both) <= stamp <= max(both)]
    assert all(published > stamp for stamp, published in trace.depth)
    assert measurement.usages[0][-1].rss_mb > 50


def test_two_cameras_have_separate_traces_with_alerts(plan, tiny, tmp_path):
    settings = BenchSettings(tmp_path, str(tiny), threads=1)
    nodes = [spec for name in ('front', 'rear') for spec in our_nodes(settings, name)]
    measurement = run_measurement(plan('front', 'rear'), nodes)
    assert list(measurement.traces) == ['front', 'rear'] and len(measurement.usages) == 4
    for trace in measurement.traces.values():
        assert trace.depth and trace.epistemic and trace.alerts
        assert trace.status[-1][1] > 0 and trace.percentile_ms(50) > 0
    front, rear = measurement.traces.values()
    assert front.depth != rear.depth  # separate publications


def test_a_node_that_fails_ends_the_measurement_with_its_log(plan, tmp_path):
    spec = NodeSpec('baseline_node', {'model': tmp_path / 'nowhere'}, package=BENCH_PACKAGE)
    with pytest.raises(RuntimeError, match='nowhere is no folder'):
        run_measurement(plan(), [spec])
