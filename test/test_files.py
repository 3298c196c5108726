# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
from pathlib import Path

from bdl_perception import files
from bdl_perception.files import write_atomic
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
