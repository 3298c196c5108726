# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
from bdl_perception.experiments.faults import defocused
from bdl_perception.experiments.faults import FAULTS
from bdl_perception.experiments.faults import Faulty
from bdl_perception.experiments.faults import half_lost
from bdl_perception.experiments.faults import underexposed
from bdl_perception.training.datasets import Sample
import numpy as np
import pytest

PICTURE = np.random.default_rng(0).integers(0, 256, (40, 80, 3)).astype(np.uint8)


def test_a_defocused_picture_keeps_its_light_and_loses_its_edges():
    blurred = defocused(PICTURE)
    assert blurred.mean() == pytest.approx(PICTURE.mean(), rel=.02)
    assert blurred.std() < .5 * PICTURE.std()


def test_an_underexposed_picture_has_fifteen_percent_of_its_light():
    assert underexposed(PICTURE).mean() == pytest.approx(.15 * PICTURE.mean(), rel=.01)


def test_half_a_picture_is_lost_and_the_other_half_is_as_it_was():
    left = half_lost(PICTURE)
    np.testing.assert_array_equal(left[:, :40], PICTURE[:, :40])
    assert left[:, 40:].max() == 0


@pytest.mark.parametrize('name', FAULTS)
def test_a_fault_changes_the_picture_and_neither_its_truth_nor_its_source(name):
    before = PICTURE.copy()
    sample = Sample(PICTURE, np.ones((40, 80), np.float32), np.zeros((40, 80), np.uint8), 50.)
    faulty = Faulty([sample], FAULTS[name])
    assert len(faulty) == 1
    assert (faulty[0].rgb != before).any()
    assert faulty[0].depth is sample.depth and faulty[0].classes is sample.classes
    np.testing.assert_array_equal(PICTURE, before)


def test_faults_are_on_test_frames_only():
    assert all(name.startswith('test_') for name in FAULTS)
