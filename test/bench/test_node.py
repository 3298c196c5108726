# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""Rows of the group `node`, from synthetic traces."""
from pathlib import Path

from bdl_perception.bench import node
from bdl_perception.bench.camera_trace import CameraTrace
from bdl_perception.bench.harness import Measurement
from bdl_perception.bench.row import BenchSettings
from bdl_perception.bench.timing import Usage
import pytest

MS = 10**6
SECOND_MS = 1000
# Ten frames a second, 20 ms to each depth, an epistemic map every 200 ms; two seconds of it.
SENT = tuple((ms * MS, 'nominal') for ms in range(0, 2001, 100))
DEPTH = tuple((stamp, stamp + 20 * MS) for stamp, _ in SENT)
EPISTEMIC = tuple((stamp, stamp + 90 * MS) for stamp, _ in SENT[::2])
# CPU time 0.3 s a second; the first sample is before the window, the last after it.
USAGES = [Usage(ms * MS, ms * 0.3 / SECOND_MS, 100.0) for ms in (-500, 500, 1000, 1500, 2500)]


@pytest.fixture
def outcome(monkeypatch):
    requested = []
    monkeypatch.setattr(node, 'run_measurement', lambda plan, nodes: Measurement(
        {'': CameraTrace(SENT, DEPTH, EPISTEMIC, status=((0, 21, 0),))}, [USAGES, USAGES]))
    monkeypatch.setattr(node, 'nominal_plan', lambda *arguments: None)
    monkeypatch.setattr(node, 'graphs_cpu_s', lambda settings, frames, chunks: requested.append(
        (frames, chunks)) or 0.2)
    return node.run(BenchSettings(Path('out'), quick=True)), requested


def test_losses_latencies_and_rates_are_those_counted_by_hand(outcome):
    lost, median, p99, epistemic, _ = outcome[0].rows
    assert (lost.value, median.value, p99.value, epistemic.value) == (0, 20.0, 20.0, 5.0)
    assert [row.met for row in outcome[0].rows[:4]] == [True] * 4
    assert lost.note.startswith('of 21; perception_node replaced 0')


def test_overhead_is_relative_to_the_same_frames_and_chunks(outcome):
    # From 500 to 1500 ms: frames published at 520 ... 1420, maps at 690, 890, 1090, 1290, 1490
    # of 16 samples in chunks of 4; 0.3 s of the node against 0.2 s of the loop.
    assert outcome[1] == [(10, 20)]
    assert outcome[0].rows[4].value == pytest.approx(1.5)
    assert outcome[0].details['node_cpu_ms_per_frame'] == pytest.approx(30.0)
