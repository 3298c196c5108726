# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""Atomic writing of files, and folders that commands may replace."""
from contextlib import contextmanager
from fnmatch import fnmatchcase
import os
from pathlib import Path
import shutil
from typing import Collection, Iterator


def write_atomic(path: Path, data: bytes) -> None:
    """Write to a hidden file beside path and rename it; a failure leaves the old file."""
    temporary = path.with_name(f'.{path.name}.{os.getpid()}')
    try:
        with temporary.open('wb') as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())  # the data must be on disk before the rename
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


MARKER_FILE = '.bdl_output'  # in a folder whose known entries a command may replace
NEW_FOLDER = '.new'  # in it, for the entries of an unfinished run


def check_output_folder(folder: Path, known: Collection[str], others: Collection[str] = (),
                        marker: str = MARKER_FILE) -> None:
    """
    Raise ValueError unless folder is missing, empty, or the output of an earlier run.

    known: names or patterns of the output. Only the marker proves that a run wrote them: a user
    may have files with the same names. others: names that are never written, so never refused.
    """
    existing = next(path for path in (folder, *folder.absolute().parents) if path.exists())
    if not existing.is_dir() or not os.access(existing, os.W_OK | os.X_OK):
        raise ValueError(f'output folder {folder}: {existing} is not a writable folder; choose '
                         f'another one')
    names = {path.name for path in folder.iterdir()} if folder.exists() else set()
    allowed = (*others, *((marker, NEW_FOLDER, *known) if marker in names else ()))
    foreign = sorted(name for name in names if not _matches(name, allowed))
    if foreign:
        raise ValueError(f'output folder {folder} has {foreign[0]!r}, which no earlier run wrote '
                         f'there; choose a new or empty folder')


def mark_output_folder(folder: Path) -> None:
    """Make an output folder, which was checked, and its marker."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / MARKER_FILE).touch()


@contextmanager
def replaced_entries(folder: Path, known: Collection[str]) -> Iterator[Path]:
    """
    Give a new folder, whose entries replace the known ones of a checked folder at the end.

    After an exception the earlier entries are unchanged.
    """
    mark_output_folder(folder)
    new, old = folder / NEW_FOLDER, folder / NEW_FOLDER / '.old'
    shutil.rmtree(new, ignore_errors=True)
    try:
        old.mkdir(parents=True)
        yield new
        for path in [path for path in folder.iterdir() if _matches(path.name, known)]:
            path.rename(old / path.name)
        for path in [path for path in new.iterdir() if path != old]:
            path.rename(folder / path.name)
    finally:
        shutil.rmtree(new, ignore_errors=True)


def _matches(name: str, patterns: Collection[str]) -> bool:
    return any(fnmatchcase(name, pattern) for pattern in patterns)
