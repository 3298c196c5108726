# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""The public API: its names, what importing it loads, and the pages that explain it."""
import re
import subprocess
import sys

import bdl_perception
import pytest
from source_tree import ROOT

DOCUMENTED = {'CameraFrame', 'Perceiver', 'open_backend', 'frame_scores', 'cycle_scores',
              'load_calibration', 'AlertMachine', 'AlertLevel', 'open_drive', 'calibrate',
              'evaluate', '__version__'}


def test_the_promised_names_are_public() -> None:
    assert set(bdl_perception.__all__) >= DOCUMENTED
    assert set(bdl_perception.__all__) <= set(dir(bdl_perception))


@pytest.mark.parametrize('name', bdl_perception.__all__)
def test_a_public_name_can_be_loaded_and_is_on_the_api_page(name: str) -> None:
    assert getattr(bdl_perception, name) is not None
    page = (ROOT / 'docs' / 'reference' / 'python.md').read_text(encoding='utf-8')
    assert re.search(rf'(?<!\w){re.escape(name)}(?!\w)', page)


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'no_such_name'"):
        vars(bdl_perception)['__getattr__']('no_such_name')


def test_importing_the_package_loads_numpy_at_most() -> None:
    code = 'import bdl_perception, sys; print(*{name.split(".")[0] for name in sys.modules})'
    loaded = subprocess.run([sys.executable, '-c', code], cwd=ROOT, capture_output=True,
                            text=True, check=True).stdout.split()
    plain = subprocess.run([sys.executable, '-c', code.replace('bdl_perception, ', '')],
                           capture_output=True, text=True, check=True).stdout.split()
    assert set(loaded) - set(plain) - set(sys.stdlib_module_names) <= {'bdl_perception', 'numpy'}
