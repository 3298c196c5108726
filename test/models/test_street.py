# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""The shipped model: whole, small, and in its right mind on a street of three colours."""
from bdl_perception.backends.model_files import load_model_files
from bdl_perception.backends.onnxruntime_cpu import OnnxRuntimeBackend
from bdl_perception.perception.classes import CLASS_NAMES
from bdl_perception.perception.classes import SKY
import numpy as np
import pytest


@pytest.fixture(scope='module')
def files():
    return load_model_files('street')


@pytest.fixture(scope='module')
def seen(files):
    backend = OnnxRuntimeBackend(files)
    rng = np.random.default_rng(0)
    picture = np.empty((files.spec.height, files.spec.width, 3))
    picture[:90], picture[90:] = (205, 215, 225), (110, 110, 112)  # bright sky over asphalt
    picture += rng.normal(0, 4, picture.shape)
    return backend.perceive(picture.clip(0, 255).astype(np.uint8))


def test_the_folder_is_small_and_has_a_card(files):
    sizes = [path.stat().st_size for path in files.folder.iterdir()]
    assert sum(sizes) < 10e6
    card = (files.folder / 'MODEL_CARD.md').read_text()
    assert '## Limits' in card and 'Apache-2.0' in card


def test_the_model_is_of_the_classes_of_this_version(files):
    assert files.spec.class_names == CLASS_NAMES
    assert files.spec.name == files.folder.name == 'street'


def test_every_number_is_finite(seen):
    for name in seen._fields[:-1]:
        assert np.isfinite(getattr(seen, name)).all(), name


def test_sky_is_above_and_road_below_and_nearer_at_the_bottom(seen):
    assert (seen.classes[:40] == SKY).mean() > .9
    assert (seen.classes[150:] == CLASS_NAMES.index('road')).mean() > .9
    assert np.median(seen.depth[185:]) < .6 * np.median(seen.depth[105:115])
    assert (seen.aleatoric_std > 0).all()
