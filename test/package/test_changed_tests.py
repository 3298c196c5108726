# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""`make check` runs the tests of what changed."""
from importlib import util
from types import ModuleType

import pytest
from source_tree import ROOT


@pytest.fixture(scope='module')
def script() -> ModuleType:
    spec = util.spec_from_file_location('changed_tests', ROOT / 'test/package/changed_tests.py')
    assert spec and spec.loader
    module = util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(('path', 'tests'), [
    ('bdl_perception/alarm/alert.py', ['test/alarm', 'test/package', 'test/regression']),
    ('bdl_perception/model_store.py',
     ['test/package', 'test/regression', 'test/test_model_store.py']),
    ('test/alarm/test_alert.py', ['test/alarm', 'test/package']),
    ('test/test_parameters.py', ['test/package', 'test/test_parameters.py']),
    ('examples/one_image.py', ['test/examples', 'test/package']),
    ('config/perception.yaml', ['test/package', 'test/test_parameters.py']),
    ('test/support/tiny_model.py', ['test']),
    ('README.md', ['test/package'])])
def test_a_change_runs_the_tests_that_cover_it(
        script: ModuleType, path: str, tests: list[str]) -> None:
    assert script.changed_tests([path]) == tests
