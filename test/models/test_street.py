# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""The shipped model: whole, small, and in its right mind on the bundled drive."""
import json
from pathlib import Path

import bdl_perception
from bdl_perception.alarm.calibrate import Wish
from bdl_perception.alarm.status import identity_of
from bdl_perception.alarm.stored_calibration import calibration_from_dict
from bdl_perception.backends.model_files import load_model_files
from bdl_perception.backends.onnxruntime_cpu import OnnxRuntimeBackend
from bdl_perception.drives import open_drive
from bdl_perception.perception.classes import CLASS_NAMES
from bdl_perception.perception.classes import SKY
from bdl_perception.perception.image_geometry import fit_image
import numpy as np
import pytest

VIDEO = Path(bdl_perception.__file__).parent / 'demo' / 'street_fog_dirt.mp4'


@pytest.fixture(scope='module')
def files():
    return load_model_files('street')


@pytest.fixture(scope='module')
def seen(files):
    backend = OnnxRuntimeBackend(files)
    picture = next(iter(open_drive(VIDEO))).rgb  # its first seconds are of a street in the sun
    fit = fit_image(picture.shape[1], picture.shape[0], files.spec.width, files.spec.height,
                    'crop')
    return backend.perceive(fit.apply(picture))


def test_the_folder_is_small_and_has_a_card(files):
    sizes = {path.name: path.stat().st_size for path in files.folder.iterdir()}
    assert sizes.pop('weights.pt', 0) < 12e6  # in the checkout only
    assert sum(sizes.values()) < 14e6
    card = (files.folder / 'MODEL_CARD.md').read_text()
    assert '## Limits' in card and 'Apache-2.0' in card


def test_its_calibration_arms_the_alarm_on_it(files):
    calibration = calibration_from_dict(json.loads(
        (files.folder / 'calibration.json').read_text()))
    assert calibration.refusals(identity_of(files.spec, samples=16, seed=0)) == ()
    assert calibration.watched == Wish().watched


def test_the_model_is_of_the_classes_of_this_version(files):
    assert files.spec.class_names == CLASS_NAMES
    assert files.spec.name == files.folder.name == 'street'


def test_every_number_is_finite(seen):
    for name in seen._fields[:-1]:
        assert np.isfinite(getattr(seen, name)).all(), name


def test_sky_is_above_and_road_below_and_nearer_at_the_bottom(seen):
    middle = np.s_[130:190]
    assert (seen.classes[:20, middle] == SKY).mean() > .9
    assert (seen.classes[150:, middle] == CLASS_NAMES.index('road')).mean() > .9
    assert np.median(seen.depth[185:, middle]) < .6 * np.median(seen.depth[115:120, middle])
    assert (seen.aleatoric_std > 0).all()
