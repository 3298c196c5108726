# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
import sys

from bdl_perception.backends.tensorrt import library
from bdl_perception.backends.tensorrt.library import installed_libraries, load_library
import pytest

MODULES = [module for names in library.MODULES.values() for module in names]


@pytest.fixture
def site(tmp_path, monkeypatch):
    """Give an empty folder of packages in which modules can be put; nothing else is found."""
    real = library.find_spec

    def find_spec(module):
        return real(module) if (tmp_path / module).exists() else None

    monkeypatch.setattr(library, 'find_spec', find_spec)
    monkeypatch.setattr(sys, 'path', [str(tmp_path), *sys.path])
    for module in MODULES:
        monkeypatch.delitem(sys.modules, module, raising=False)
    yield tmp_path
    for module in MODULES:
        sys.modules.pop(module, None)


def put(site, module, version='10.3.0'):
    (site / module).mkdir()
    (site / module / '__init__.py').write_text(f'__version__ = {version!r}')


def test_without_a_library_the_error_names_the_packages(site):
    assert installed_libraries() == ()
    with pytest.raises(ModuleNotFoundError, match='pip install tensorrt`.*tensorrt-rtx'):
        load_library()
    with pytest.raises(ModuleNotFoundError, match=r'tensorrt` \(or JetPack, which brings it\)$'):
        load_library('tensorrt')  # no other can replace it


def test_tensorrt_is_preferred_to_tensorrt_rtx(site):
    put(site, 'tensorrt_rtx_bindings', '1.7')
    assert installed_libraries() == ('tensorrt_rtx',)
    put(site, 'tensorrt')
    assert installed_libraries() == ('tensorrt', 'tensorrt_rtx')
    library = load_library()
    assert (library.name, library.version) == ('tensorrt', '10.3.0')
    assert not library.can_cross_compile


def test_tensorrt_rtx_can_be_requested(site):
    put(site, 'tensorrt')
    put(site, 'tensorrt_rtx_bindings', '1.7')
    library = load_library('tensorrt_rtx')
    assert (library.name, library.version) == ('tensorrt_rtx', '1.7')
    assert library.can_cross_compile


def test_the_lean_run_time_is_the_last_choice(site):
    put(site, 'tensorrt_lean_bindings', '11.4')
    library = load_library()
    assert (library.name, library.version, library.can_build) == ('tensorrt_lean', '11.4', False)
    put(site, 'tensorrt_rtx_bindings', '1.7')
    assert installed_libraries() == ('tensorrt_rtx', 'tensorrt_lean')
    assert load_library().can_build


def test_a_folder_of_types_is_no_library(site):
    (site / 'tensorrt').mkdir()
    (site / 'tensorrt' / '__init__.pyi').write_text('')
    assert installed_libraries() == ()


@pytest.mark.parametrize('error', ['ImportError', 'OSError', 'ModuleNotFoundError'])
def test_a_library_that_does_not_load_has_cause_and_remedy(site, error):
    (site / 'tensorrt').mkdir()
    cause = 'libnvinfer.so.10: cannot open shared object file'
    (site / 'tensorrt' / '__init__.py').write_text(f'raise {error}({cause!r})')
    with pytest.raises(RuntimeError, match=f'does not load .{cause}.*pip install.*LIBRARY_PATH'):
        load_library()
