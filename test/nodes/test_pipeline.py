# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""What the node's thread says of itself is how its perceiver is run."""
from bdl_perception.nodes.pipeline import Pipeline
from bdl_perception.perception.perceiver import Perceiver
from bdl_perception.perception.regions import parse_regions
from bdl_perception.perception.scheduler import TimeBudget
from bdl_perception.perception.status import build_identity
from fake_backend import FakeBackend
import pytest


@pytest.mark.parametrize('fit_mode', ['crop', 'stretch'])
def test_the_identity_is_that_of_the_perceiver_and_its_regions(fit_mode):
    backend, regions = FakeBackend(), parse_regions('left=0,0 .5,0 .5,1 0,1')
    made = Pipeline(Perceiver(backend, 8, 3, fit_mode), TimeBudget(.1, .2, 4), None, None, print,
                    regions)
    said = made.identity()
    assert said == build_identity(backend.spec, 8, 3, backend.precision, regions, fit_mode)
    assert said.fit_mode == fit_mode
