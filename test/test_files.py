# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
from pathlib import Path

from bdl_perception.files import write_atomic
import pytest


def test_it_writes_and_leaves_nothing_else_behind(tmp_path: Path) -> None:
    for text in ('old', 'new, in µm'):
        write_atomic(tmp_path / 'a.txt', text.encode())
        assert (tmp_path / 'a.txt').read_text(encoding='utf-8') == text
    assert [path.name for path in tmp_path.iterdir()] == ['a.txt']


def test_what_fails_midway_leaves_the_old_file_and_no_other(
        tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / 'a.txt'
    write_atomic(path, b'old')

    def fill_the_disk(self: Path, data: bytes) -> None:
        self.touch()
        raise OSError('no space left on device')
    monkeypatch.setattr(Path, 'write_bytes', fill_the_disk)
    with pytest.raises(OSError, match='no space'):
        write_atomic(path, b'new')
    assert path.read_bytes() == b'old'
    assert [one.name for one in tmp_path.iterdir()] == ['a.txt']
