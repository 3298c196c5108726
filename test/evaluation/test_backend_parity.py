# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""The comparison of two backends names exactly the outputs that differ."""
from dataclasses import replace as replace_field

from bdl_perception.backends.onnxruntime_backend import OnnxRuntimeBackend
from bdl_perception.backends.tensorrt.fp16 import to_fp16
from bdl_perception.cli.parity import BUNDLED_VIDEO
from bdl_perception.evaluation.backend_parity import (
    BOUNDS,
    compare_backends,
    comparison_table,
    ErrorBounds,
    MAPS,
    MOMENTS,
    OutputError,
)
from bdl_perception.model_store import load_model_files
from bdl_perception.perception.image_geometry import fit_image
from bdl_perception.workflows.labelled_frames import read_evenly_spaced
from fake_backend import FakeBackend
import numpy as np
import pytest

NONE = ErrorBounds(0., 0., 0.)
IMAGES = [np.random.default_rng(seed).integers(0, 200, (24, 40, 3)).astype(np.uint8)
          for seed in range(3)]


class Scaled(FakeBackend):
    """A backend that multiplies the output of this name."""

    def __init__(self, name, factor=1.01):
        super().__init__()
        self._scaled = name, factor

    def _bend(self, values):
        name, factor = self._scaled
        if hasattr(values, name):
            changed = {name: getattr(values, name) * np.float32(factor)}
            return (values._replace(**changed) if hasattr(values, '_replace')
                    else replace_field(values, **changed))
        return values

    def perceive(self, rgb):
        return self._bend(super().perceive(rgb))

    def sample(self, features, masks):
        return self._bend(super().sample(features, masks))


def test_a_backend_agrees_with_itself_to_the_last_bit():
    result = compare_backends(FakeBackend(), FakeBackend(), IMAGES, 4, 0)
    assert result.exceeded_outputs(NONE) == []
    assert (result.frames, result.pixels) == (3, 3 * 24 * 40)
    assert all(row.count and row.reference_sum for row in result.outputs.values())


@pytest.mark.parametrize('name', MAPS + MOMENTS)
def test_a_scaled_output_is_listed(name):
    result = compare_backends(Scaled(name), FakeBackend(), IMAGES, 4, 0)
    follows = {'log_depth_m2': {'epistemic_log_depth_std'}, 'log_depth_mean':
               {'log_depth_m2', 'epistemic_log_depth_std'}}  # the means of chunks are part of M2
    assert name in result.exceeded_outputs(NONE)
    assert set(result.exceeded_outputs(NONE)) <= {name} | follows.get(name, set())
    share = result.outputs[name].mean_error_share
    assert 0 < share < .0101 and (share > .0099 or name == 'log_depth_m2')


@pytest.mark.parametrize('poison', [np.nan, np.inf])
@pytest.mark.parametrize('which', [0, 1])
def test_a_non_finite_number_exceeds_all_bounds(poison, which):
    backends = [FakeBackend(), FakeBackend()]
    backends[which].poison = poison
    with np.errstate(invalid='ignore'):
        result = compare_backends(*backends, IMAGES, 4, 0)
    assert 'depth' in result.exceeded_outputs(ErrorBounds(1e9, 1e9, 1.))


def test_classes_that_differ_are_counted():
    class Blind(FakeBackend):

        def perceive(self, rgb):
            raw = super().perceive(rgb)
            classes = raw.classes.copy()
            classes[:2] += 1
            return raw._replace(classes=classes)

    result = compare_backends(Blind(), FakeBackend(), IMAGES, 4, 0)
    assert result.class_flips == pytest.approx(2 / 24)
    assert result.exceeded_outputs(ErrorBounds(0., 0., .08)) == ['classes']
    assert result.exceeded_outputs(ErrorBounds(0., 0., .09)) == []


def test_errors_match_the_docstring():
    row = OutputError('depth')
    row.update(np.array([10.]), np.array([10.]))
    row.update(np.array([40.02]), np.array([40.]))
    assert (row.count, row.reference_sum, row.max_reference) == (2, 50, 40)
    assert row.mean_error_share == pytest.approx(.0004)
    assert row.max_error_share == pytest.approx(.0005)


def test_a_reference_of_zero_allows_no_error():
    row = OutputError('log_depth_m2')
    row.update(np.zeros(3), np.zeros(3))
    assert (row.mean_error_share, row.max_error_share) == (0, 0)
    row.update(np.ones(3), np.zeros(3))
    assert (row.mean_error_share, row.max_error_share) == (1, 1)


@pytest.mark.parametrize('samples', [0, 1, 3])
def test_samples_that_fill_no_chunks_raise(samples):
    with pytest.raises(ValueError, match=f'samples is {samples}, .* multiple of 2'):
        compare_backends(FakeBackend(), FakeBackend(), IMAGES, samples, 0)


def test_comparing_without_images_raises():
    with pytest.raises(ValueError, match='no image'):
        compare_backends(FakeBackend(), FakeBackend(), [], 4, 0)


def test_the_table_has_a_line_for_every_output():
    result = compare_backends(Scaled('depth'), FakeBackend(), IMAGES, 4, 0)
    text = comparison_table(result, BOUNDS['fp32'])
    lines = text.splitlines()
    assert {line.split()[0] for line in lines} >= {*MAPS, *MOMENTS, 'epistemic_log_depth_std'}
    assert len({len(line) for line in lines[:-1]}) == 1  # the columns are aligned


def test_half_precision_stays_within_its_bounds():
    """The graphs that TensorRT gets in float16, by ONNX Runtime; the GPU's were never run."""
    files = load_model_files('street')
    half = replace_field(files, perceive=to_fp16(files.perceive), sample=to_fp16(files.sample))
    images = []
    for labelled in read_evenly_spaced(str(BUNDLED_VIDEO), 2):
        height, width = labelled.frame.rgb.shape[:2]
        images.append(fit_image(width, height, files.spec.width, files.spec.height, 'crop')
                      .apply(labelled.frame.rgb))
    result = compare_backends(OnnxRuntimeBackend(half, 1), OnnxRuntimeBackend(files, 1),
                              images, 4, 0)
    assert result.exceeded_outputs(BOUNDS['fp16']) == []
    assert len(result.exceeded_outputs(BOUNDS['fp32'])) > 5  # so it is not the same graph
