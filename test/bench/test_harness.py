# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""Nodes under test, and runs of the sample graph."""
from pathlib import Path
from types import SimpleNamespace

from bdl_perception.bench.harness import count_chunks, perception_node
from bdl_perception.bench.row import BenchSettings


def test_nodes_run_the_backend_of_the_graphs_alone():
    """On a machine with a GPU 'auto' would be another one."""
    spec = perception_node(BenchSettings(Path('out'), quick=True), threads=2)
    assert spec.parameters['backend'] == 'onnxruntime'


def test_sixteen_samples_are_four_chunks_of_four():
    assert count_chunks(10, SimpleNamespace(chunk=4)) == 40
