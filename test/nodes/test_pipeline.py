# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""The identity of a pipeline is that of its perceiver and its regions."""
from bdl_perception.nodes.pipeline import Pipeline
from bdl_perception.perception.perceiver import Perceiver
from bdl_perception.perception.regions import parse_regions
from bdl_perception.perception.scheduler import TimeBudget
from bdl_perception.perception.status import build_identity
from fake_backend import FakeBackend
import pytest


@pytest.mark.parametrize('fit_mode', ['crop', 'stretch'])
def test_the_identity_has_all_settings_of_the_perceiver(fit_mode):
    backend, regions = FakeBackend(), parse_regions('left=0,0 .5,0 .5,1 0,1')
    perceiver = Perceiver(backend, 8, 3, fit_mode)
    pipeline = Pipeline(perceiver, TimeBudget(.1, .2, 4), None, None, print, regions)
    identity = pipeline.identity()
    assert identity == build_identity(backend.spec, 8, 3, backend.precision, regions, fit_mode)
    assert identity.fit_mode == fit_mode
