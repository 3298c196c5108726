# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""The package stays easy to find one's way in; `python test/package/structure.py` shows it."""
from functools import cache
from importlib import util
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

MAX_MODULES = 304  # without __init__.py and __main__.py
MAX_SHORT = 19  # modules under 60 lines
LARGEST_SHARE = .12  # of all lines, of a top-level package
MAX_FILES, MAX_CLIMBS = 18, 6  # of the path of an argument; `evaluate` opens four kinds of data
ENTRIES = (('bdl_perception/cli/calibrate.py', 'run', 'arguments'),
           ('bdl_perception/cli/evaluate.py', 'run', 'arguments'),
           ('bdl_perception/workflows/calibrate_model.py', 'calibrate', 'config'),
           ('bdl_perception/workflows/evaluate_drives.py', 'evaluate', 'config'))


def _loaded(file: Path) -> ModuleType:
    """Load a script that lies beside this file, where pytest does not look for modules."""
    spec = util.spec_from_file_location(file.stem, file)
    assert spec and spec.loader
    module = util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


structure = _loaded(Path(__file__).with_name('structure.py'))


@cache
def measured() -> Any:
    return structure.Structure(structure.ROOT)


def package(root: Path, **files: str) -> Path:
    """Write a tiny package, of which a__b is the module b of the layer a."""
    (root / structure.NAME).mkdir()
    for name, text in files.items():
        file = root / structure.NAME / f'{name.replace("__", "/")}.py'
        file.parent.mkdir(exist_ok=True)
        file.write_text(text.replace('our.', f'{structure.NAME}.'))
    return root


def path_of(root: Path, file: str) -> Any:
    return structure.call_path(root, f'{structure.NAME}/{file}', 'run', 'arguments')


def test_the_package_has_few_modules() -> None:
    assert len(measured().modules) <= MAX_MODULES


def test_few_modules_are_short() -> None:
    assert len(measured().short) <= MAX_SHORT, measured().short


def test_no_modules_import_each_other() -> None:
    assert measured().cycles == []


def test_no_layer_imports_a_higher_one() -> None:
    assert measured().upward == []


def test_no_top_level_package_holds_too_much() -> None:
    large = {name: share for name, share in measured().shares.items() if share > LARGEST_SHARE}
    assert large == {}


@pytest.mark.parametrize(('file', 'function', 'parameter'), ENTRIES)
def test_the_arguments_of_a_command_go_a_short_way(file: str, function: str,
                                                   parameter: str) -> None:
    path = structure.call_path(structure.ROOT, file, function, parameter)
    assert 1 < path.files <= MAX_FILES, path.stays  # 1: nothing was followed
    assert path.climbs <= MAX_CLIMBS, path.stays


def test_a_cycle_is_found_through_lazy_and_type_checking_imports(tmp_path: Path) -> None:
    root = package(
        tmp_path, low__a='def f() -> None:\n    from our.low.b import g\n',
        low__b='if TYPE_CHECKING:\n    from our.low.c import h\n',
        low__c='import our.low.a\n', low__d='import our.low.a\n')
    [found] = structure.cycles(structure.Package(root).imports())
    assert found == tuple(f'{structure.NAME}.low.{name}' for name in 'abc')


def test_an_import_of_a_higher_layer_is_found(tmp_path: Path) -> None:
    root = package(tmp_path, low__a='import our.top.b\n', top__b='import our.low.c\n',
                   low__c='', aside__d='import our.low.a\n')
    rules = root / structure.RULES
    rules.parent.mkdir(parents=True)
    rules.write_text("EVERYTHING = 'top'\nMAY_IMPORT: dict = {'low': set(), 'aside': {'low'}}\n")
    assert structure.upward_imports(root, structure.Package(root)) == [
        f'{structure.NAME}.low.a imports {structure.NAME}.top.b']


def test_a_return_to_a_file_and_a_climb_are_counted(tmp_path: Path) -> None:
    root = package(
        tmp_path, low__a='def f(x):\n    return 1\n', top__c='def h(x):\n    pass\n',
        top__b='from our.low.a import f\nfrom our.top.c import h\n\n\ndef run(arguments):\n'
               '    f(arguments.n)\n    g(arguments)\n    h(arguments)\n    f(2)\n\n\n'
               'def g(x):\n    pass\n')
    path = path_of(root, 'top/b.py')
    assert path.stays == ['top/b.py', 'low/a.py', 'top/b.py', 'top/c.py']
    assert (path.files, path.returns, path.climbs) == (3, 1, 1)


@pytest.mark.parametrize('body', [
    'y = e(arguments.n)\n    f(y)', 'y = [arguments]\n    f(y)', 'f({1: arguments})',
    'for y in arguments.n:\n        f(y)', 'f([y for y in arguments.n])', 'f(x=arguments)',
    'with arguments.n as y:\n        f(y)', 'if y := arguments.n:\n        f(y)',
    'y, z = arguments.n, 1\n    f(y)', 'c = C(1)\n    c.m(arguments)', 'C(arguments)',
    'for y in arguments.n:\n        f(f(1) + y.a)'])
def test_an_alias_is_followed(tmp_path: Path, body: str) -> None:
    root = package(
        tmp_path, low__c='def f(x):\n    return 1\n\n\nclass C:\n    def __init__(self, x):\n'
                         '        pass\n\n    def m(self, x):\n        pass\n',
        low__onward='from our.low.c import C\nfrom our.low.c import f\n',
        top__b=f'def e(x):\n    return x\n\n\ndef run(arguments):\n'
               f'    from our.low.onward import C, f\n    {body}\n')
    assert path_of(root, 'top/b.py').stays == ['top/b.py', 'low/c.py']


@pytest.mark.parametrize('body', [
    'f(1)', 'y = e(arguments)\n    f(y)', 'y = len(arguments.n)\n    f(y)',
    'y = C(arguments.n)\n    f(y)', 'y, z = arguments.n, 1\n    f(z)',
    'for y in arguments.n:\n        pass\n    for y in (1, 2):\n        f(y)'])
def test_what_is_another_value_is_not_followed(tmp_path: Path, body: str) -> None:
    root = package(
        tmp_path, low__c='def f(x):\n    return 1\n\n\nclass C:\n    x: int\n',
        top__b=f'from our.low.c import C, f\n\n\ndef e(x):\n    return 1\n\n\n'
               f'def run(arguments):\n    {body}\n')
    assert path_of(root, 'top/b.py').stays == ['top/b.py']


def test_a_function_that_calls_itself_is_walked_once(tmp_path: Path) -> None:
    root = package(tmp_path, top__b='def run(arguments):\n    run(arguments)\n')
    assert path_of(root, 'top/b.py').stays == ['top/b.py']
