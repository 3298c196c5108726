# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""Steps of a frame and of a cycle, and the loop over the graphs alone."""
from types import SimpleNamespace

from bdl_perception.backends import open_backend
from bdl_perception.bench import breakdown
from bdl_perception.model_store import ModelOptions
import pytest
from tiny_model import make_tiny_model


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


@pytest.mark.parametrize(('frames', 'chunks'), [(7, 10), (7, 0), (5, 5), (6, 2)])
def test_the_loop_runs_exactly_the_requested_frames_and_chunks(frames, chunks, monkeypatch):
    calls = []

    class Counting:
        spec = SimpleNamespace(height=4, width=6, chunk=2, dropout_channels=(3,),
                               dropout_probability=0.5)

        def perceive(self, rgb):
            assert rgb.shape == (4, 6, 3)
            calls.append('perceive')
            return SimpleNamespace(features='features')

        def sample(self, features, masks):
            assert features == 'features' and masks[0].shape == (2, 3)
            calls.append('sample')

    monkeypatch.setattr(breakdown, 'open_backend', lambda *arguments: Counting())
    breakdown.time_graphs('any', frames, chunks, 1)
    del calls[0]  # for the features, before the clock starts
    assert (calls.count('perceive'), calls.count('sample')) == (frames, chunks)
