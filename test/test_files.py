# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
from pathlib import Path

from bdl_perception import files
from bdl_perception.files import (
    check_output_folder,
    mark_output_folder,
    replaced_entries,
    write_atomic,
)
import pytest


def test_a_file_is_written_and_no_temporary_file_remains(tmp_path: Path) -> None:
    for text in ('old', 'new, in µm'):
        write_atomic(tmp_path / 'a.txt', text.encode())
        assert (tmp_path / 'a.txt').read_text(encoding='utf-8') == text
    assert [path.name for path in tmp_path.iterdir()] == ['a.txt']


def test_a_failed_write_leaves_the_old_file(
        tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / 'a.txt'
    write_atomic(path, b'old')

    def fail(descriptor: int) -> None:
        raise OSError('no space left on device')
    monkeypatch.setattr(files.os, 'fsync', fail)
    with pytest.raises(OSError, match='no space'):
        write_atomic(path, b'new')
    assert path.read_bytes() == b'old'
    assert [one.name for one in tmp_path.iterdir()] == ['a.txt']


def written(folder: Path, **texts: str) -> None:
    with replaced_entries(folder, ['logs', 'a*']) as new:
        for name, text in texts.items():
            (new / name).write_text(text)


def texts_in(folder: Path) -> dict[str, str]:
    return {path.name: path.read_text() for path in folder.iterdir()}


def test_the_entries_of_an_earlier_run_are_replaced(tmp_path: Path) -> None:
    out = tmp_path / 'deep' / 'out'
    written(out, a1='old', a2='old')
    check_output_folder(out, ['logs', 'a*'])
    written(out, a1='new', logs='new')
    assert texts_in(out) == {'a1': 'new', 'logs': 'new', '.bdl_output': ''}


def test_an_exception_leaves_the_earlier_entries(tmp_path: Path) -> None:
    written(tmp_path, a1='old')
    with pytest.raises(KeyboardInterrupt), replaced_entries(tmp_path, ['a*']) as new:
        (new / 'a1').write_text('half')
        raise KeyboardInterrupt
    assert texts_in(tmp_path) == {'a1': 'old', '.bdl_output': ''}


def test_a_killed_run_does_not_block_the_next_one(tmp_path: Path) -> None:
    mark_output_folder(tmp_path)
    (tmp_path / '.new' / 'logs').mkdir(parents=True)
    check_output_folder(tmp_path, ['logs'])
    written(tmp_path, a1='new')
    assert texts_in(tmp_path) == {'a1': 'new', '.bdl_output': ''}


@pytest.mark.parametrize('name', ['logs', 'a1', 'thesis.txt', '.new', '.hidden'])
def test_a_folder_that_no_run_wrote_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / name).mkdir()
    with pytest.raises(ValueError, match=f"has '{name}', which no earlier run wrote"):
        check_output_folder(tmp_path, ['logs', 'a*'])


def test_other_entries_beside_an_output_are_refused(tmp_path: Path) -> None:
    written(tmp_path, a1='old')
    (tmp_path / 'thesis.txt').write_text('dear')
    with pytest.raises(ValueError, match='thesis.txt'):
        check_output_folder(tmp_path, ['logs', 'a*'])
    check_output_folder(tmp_path, ['logs', 'a*'], others=['thesis.txt'])


def test_an_empty_folder_and_a_new_one_are_accepted(tmp_path: Path) -> None:
    check_output_folder(tmp_path, [])
    check_output_folder(tmp_path / 'a' / 'b', [])
    assert list(tmp_path.iterdir()) == []


def test_a_file_is_no_output_folder(tmp_path: Path) -> None:
    (tmp_path / 'file').touch()
    for folder in (tmp_path / 'file', tmp_path / 'file' / 'in'):
        with pytest.raises(ValueError, match='is not a writable folder'):
            check_output_folder(folder, [])
