# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""Values that are cache: taken again only when they are whole and of the same origin."""
import json
from pathlib import Path

from bdl_perception.workflows.job_results import ResultCache
import pytest

VALUE = [1, {'a': 1 / 3, 'b': -0.0}]


def test_a_value_comes_back_to_the_bit(tmp_path: Path) -> None:
    ResultCache(tmp_path, {'model': 'x', 'seed': 1}).put('drive', VALUE)
    text = ResultCache(tmp_path, {'seed': 1, 'model': 'x'}).get('drive')
    assert text is not None and repr(json.loads(text)) == repr(VALUE)
    assert [path.name for path in tmp_path.iterdir()] == ['drive.json']


@pytest.mark.parametrize(('fingerprint', 'marks'), [
    ({'seed': 2}, {'drive': 1}), ({'seed': 1, 'step': 0}, {'drive': 1}), ({'seed': 1}, {}),
    ({'seed': 1}, {'drive': 2})])
def test_a_value_of_another_origin_is_not_taken(
        tmp_path: Path, fingerprint: dict[str, int], marks: dict[str, int],
        capsys: pytest.CaptureFixture[str]) -> None:
    ResultCache(tmp_path, {'seed': 1}, {'drive': 1}).put('drive', VALUE)
    assert ResultCache(tmp_path, fingerprint, marks).get('drive') is None
    assert 'runs again' in capsys.readouterr().out


@pytest.mark.parametrize('damage', [
    lambda text: text[:-5], lambda text: '', lambda text: '[]', lambda text: '{}',
    lambda text: text.replace('0.333', '0.334')])
def test_a_damaged_file_is_reported_and_ignored(
        tmp_path: Path, damage: object, capsys: pytest.CaptureFixture[str]) -> None:
    cache = ResultCache(tmp_path, {})
    cache.put('drive', VALUE)
    path = cache.path('drive')
    path.write_text(damage(path.read_text()))  # type: ignore[operator]
    assert cache.get('drive') is None
    assert 'is damaged' in capsys.readouterr().out
    cache.put('drive', VALUE)
    assert cache.get('drive') is not None


def test_a_file_that_was_renamed_is_not_taken_for_another_drive(tmp_path: Path) -> None:
    cache = ResultCache(tmp_path, {})
    cache.put('drive', VALUE)
    cache.path('drive').rename(cache.path('other'))
    assert cache.get('other') is None


def test_names_that_are_no_file_names_stay_apart_and_inside(tmp_path: Path) -> None:
    cache = ResultCache(tmp_path, {})
    names = ['/a/b', 'a/b', 'a_b', 'a b', '..', '.', '', '../../etc/x', 'A_b', 'b' * 300,
             'b' * 301, 'ä', 'ö', 'a\nb', '.hidden']
    for name in names:
        cache.put(name, name)
    assert [json.loads(cache.get(name) or '') for name in names] == names
    assert len({path.name.lower() for path in tmp_path.iterdir()}) == len(names)
    assert all(cache.path(name).parent == tmp_path for name in names)


def test_a_write_that_fails_leaves_the_old_value_and_no_rest(tmp_path: Path) -> None:
    cache = ResultCache(tmp_path, {})
    cache.put('drive', VALUE)
    with pytest.raises(TypeError):
        cache.put('drive', {1, 2})
    assert cache.get('drive') is not None and len(list(tmp_path.iterdir())) == 1
