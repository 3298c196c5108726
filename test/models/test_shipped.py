# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""The shipped models: complete, small, and plausible on the bundled drive."""
from pathlib import Path

import bdl_perception
from bdl_perception.alarm.arming import rejection_reasons
from bdl_perception.alarm.calibration import design_limits
from bdl_perception.backends.onnxruntime_backend import OnnxRuntimeBackend
from bdl_perception.drives import open_drive
from bdl_perception.model_store import (
    has_weights,
    load_calibration,
    load_model_files,
    shipped_models,
)
from bdl_perception.perception.data_types import CLASS_NAMES, SKY
from bdl_perception.perception.image_geometry import fit_image
from bdl_perception.perception.monte_carlo import draw_masks, merge_all
from bdl_perception.perception.status import build_identity
import numpy as np
import pytest

VIDEO = Path(bdl_perception.__file__).parent / 'demo' / 'street_fog_dirt.mp4'


@pytest.fixture(scope='module', params=shipped_models())
def files(request):
    return load_model_files(request.param)


@pytest.fixture(scope='module')
def image(files):
    rgb = next(iter(open_drive(VIDEO))).rgb  # it starts on a street in the sun
    return fit_image(rgb.shape[1], rgb.shape[0], files.spec.width, files.spec.height,
                     'crop').apply(rgb)


@pytest.fixture(scope='module')
def prediction(files, image):
    return OnnxRuntimeBackend(files).perceive(image)


def test_the_folder_is_small_and_has_a_card(files):
    sizes = {path.name: path.stat().st_size for path in files.folder.iterdir()}
    assert sizes.pop('weights.pt', 0) < 12e6  # in the checkout only
    assert sum(sizes.values()) < 14e6
    card = (files.folder / 'MODEL_CARD.md').read_text()
    assert '## Limits' in card and 'Apache-2.0' in card
    assert files.spec.terms  # of each data set, which the card names too
    assert [text for text in files.spec.terms if text.split()[0].lower() not in card.lower()] == []


def test_its_calibration_arms_the_alarm_on_it(files):
    calibration = load_calibration(files.folder)
    assert rejection_reasons(calibration, build_identity(files.spec, samples=16, seed=0)) == ()
    card = (files.folder / 'MODEL_CARD.md').read_text()
    assert all(f'`{name}`' in card for name in calibration.distribution.watched)


@pytest.mark.parametrize('model', [*shipped_models(), 'street:real'])
def test_the_second_highest_drive_sets_its_limits_where_the_target_rate_does_not(model):
    calibration = load_calibration(model)
    limits, known = calibration.limits, calibration.provenance
    design = design_limits(limits.false_alarms_per_hour, limits.step_s, limits.slow_step_s,
                           limits.exponent)
    fast, slow = (sorted(peaks)[-2] for peaks in (known.held_out_peaks,
                                                  known.held_out_slow_peaks))
    assert limits.cusum == pytest.approx(max(design.cusum, fast))
    assert limits.slow == pytest.approx(max(design.slow, slow))


def test_the_shipped_alarm_of_street_has_the_alpha_and_the_limits_of_its_card():
    calibration = load_calibration('street')
    card = (load_model_files('street').folder / 'MODEL_CARD.md').read_text()
    assert calibration.distribution.alpha == .002 and 'target .2 %' in card
    assert (f'{calibration.limits.cusum:.1f} for the fast alarm and '
            f'{calibration.limits.slow:.1f} for the slow one') in card


def test_the_model_is_of_the_classes_of_this_version(files):
    assert files.spec.class_names == CLASS_NAMES
    assert files.spec.name == files.folder.name


def test_every_number_is_finite(prediction):
    for name in prediction._fields[:-1]:
        assert np.isfinite(getattr(prediction, name)).all(), name


def test_sky_is_above_and_road_below_and_nearer_at_the_bottom(prediction):
    middle = np.s_[130:190]
    assert (prediction.classes[:20, middle] == SKY).mean() > .9
    assert (prediction.classes[150:, middle] == CLASS_NAMES.index('road')).mean() > .9
    near, far = (np.median(prediction.depth[rows, middle]) for rows in (
        np.s_[185:], np.s_[115:120]))
    assert near < .6 * far
    assert (prediction.aleatoric_std > 0).all()


def test_chunks_of_the_graph_merge_to_one_batch_of_torch_within_1e_5(files, image):
    """As a share of each map's largest value and norm; pixels that hardly spread may be worse."""
    torch = pytest.importorskip('torch', reason='the batch is of torch')
    if not has_weights(files):
        pytest.skip('weights.pt is in the checkout only')
    from bdl_perception.backends.torch_backend import open_torch
    spec, count = files.spec, 4 * files.spec.chunk
    masks = draw_masks(0, count, spec.dropout_channels, spec.dropout_probability)
    backend = OnnxRuntimeBackend(files, threads=1)
    features = backend.perceive(image).features
    found = merge_all(backend.sample(features, [mask[start:start + spec.chunk] for mask in masks])
                      for start in range(0, count, spec.chunk))
    wanted = open_torch(files).sample(
        tuple(torch.from_numpy(features[name]) for name in sorted(features)), masks)
    assert found.count == wanted.count == 16
    for name in ('log_depth_mean', 'log_depth_m2', 'probability_sum', 'entropy_sum'):
        truth = getattr(wanted, name).astype(np.float64)
        error = getattr(found, name) - truth
        assert np.abs(error).max() <= 1e-5 * np.abs(truth).max(), name
        assert np.linalg.norm(error) <= 1e-5 * np.linalg.norm(truth), name
