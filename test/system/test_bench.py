# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""The processes of the benchmark on a real ROS domain, with a tiny model."""
from bdl_perception.bench.camera import NOMINAL
from bdl_perception.bench.harness import BENCH_PACKAGE, NodeSpec, our_nodes, run_measurement
from bdl_perception.bench.row import BenchSettings
from bdl_perception.bench.trace import Plan, Scene
import numpy as np
import pytest

pytestmark = pytest.mark.slow  # starts processes
FRAMES = 10


@pytest.fixture
def plan(tmp_path):
    random = np.random.default_rng(0)
    np.savez(tmp_path / 'pictures.npz',
             **{NOMINAL: random.integers(60, 180, (3, 96, 160, 3), np.uint8)})

    def make(*cameras):
        return Plan(tmp_path / 'run', tmp_path / 'pictures.npz', 5.0,
                    (Scene('warm_up', 2), Scene(NOMINAL, FRAMES)), cameras or ('',))
    return make


@pytest.fixture(scope='module')
def tiny(tmp_path_factory):
    from tiny_model import make_tiny_model
    return make_tiny_model(tmp_path_factory.mktemp('model') / 'tiny', height=48, width=80, chunk=4)


def test_the_obvious_node_answers_a_real_picture_with_depth_and_its_deviation(plan, tiny):
    actor = NodeSpec('obvious_node', {'model': tiny, 'samples': 2, 'threads': 1}, package=BENCH_PACKAGE)
    seen = run_measurement(plan(), [actor])
    watched = seen.single_trace
    stamps = {stamp for stamp, _ in watched.sent}
    assert len(stamps) == 2 + FRAMES and len(watched.measured_stamps) == FRAMES
    depth, epistemic = ([stamp for stamp, _ in notes]
                        for notes in (watched.depth, watched.epistemic))
    both = set(depth) & set(epistemic)
    assert both and set(depth) | set(epistemic) <= stamps
    # the listener may meet one topic before the other, and leave between the two of a picture
    assert [stamp for stamp in depth if min(both) <= stamp <= max(both)] == [
        stamp for stamp in epistemic if min(both) <= stamp <= max(both)]
    assert all(published > stamp for stamp, published in watched.depth)
    assert seen.usages[0][-1].rss_mb > 50


def test_two_cameras_are_answered_apart_and_their_alerts_heard(plan, tiny, tmp_path):
    setting = BenchSettings(tmp_path, str(tiny), threads=1)
    actors = [actor for name in ('front', 'rear') for actor in our_nodes(setting, name)]
    seen = run_measurement(plan('front', 'rear'), actors)
    assert list(seen.traces) == ['front', 'rear'] and len(seen.usages) == 4
    for watched in seen.traces.values():
        assert watched.depth and watched.epistemic and watched.alerts
        assert watched.status[-1][1] > 0 and watched.percentile_ms(50) > 0
    assert seen.traces['front'].depth != seen.traces['rear'].depth  # published apart


def test_a_node_that_dies_ends_the_measurement_with_its_words(plan, tmp_path):
    actor = NodeSpec('obvious_node', {'model': tmp_path / 'nowhere'}, package=BENCH_PACKAGE)
    with pytest.raises(RuntimeError, match='nowhere is no folder'):
        run_measurement(plan(), [actor])
