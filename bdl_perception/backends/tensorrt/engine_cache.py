# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""
A cache of compiled engines on disk, accessible to the current user only.

An engine is executable code. It is stored in a folder of mode 0700 that belongs to the user, with
a record of its key and its sha256. Only bytes that match their record are returned.
"""
from contextlib import contextmanager
from dataclasses import asdict, dataclass
import fcntl
import hashlib
import json
import logging
import os
from pathlib import Path
import stat
import tempfile
from typing import Iterator

from bdl_perception.model_store import ModelError

LOG = logging.getLogger(__name__)


class EngineUnavailable(Exception):
    """The cache has no valid engine for a key; the message has the reason."""


@dataclass(frozen=True)
class EngineKey:
    """Everything that an engine depends on."""

    graph: str  # perceive or sample
    graph_sha256: str
    library: str
    version: str
    gpu: str  # name and compute capability
    cuda: str  # of the driver; empty where an engine is built without one
    machine: str  # x86_64, aarch64
    precision: str
    shapes: str  # of the inputs
    builder: int  # BUILDER_VERSION of build.py

    @property
    def file_stem(self) -> str:
        """Return the name of the files of this engine, without suffix."""
        text = json.dumps(asdict(self), sort_keys=True)
        return f'{self.graph}-{hashlib.sha256(text.encode()).hexdigest()[:24]}'


def default_cache_folder() -> Path:
    """Return the cache folder of the current user (XDG); it may not exist yet."""
    home = os.environ.get('XDG_CACHE_HOME', '')
    base = Path(home) if os.path.isabs(home) else Path.home() / '.cache'
    return base / 'bdl_perception' / 'engines'


class EngineCache:
    """The engines in one folder."""

    def __init__(self, folder: Path) -> None:
        """Create the folder, or check its owner and mode; ModelError if others can enter it."""
        self.folder = folder
        folder.parent.mkdir(parents=True, exist_ok=True)
        try:
            folder.mkdir(mode=0o700)
        except FileExistsError:
            _check_private(folder)

    def load(self, key: EngineKey) -> bytes:
        """Read an engine that matches its record; EngineUnavailable otherwise."""
        try:
            record = json.loads(self._path(key, 'json').read_bytes())
            data = self._path(key, 'engine').read_bytes()
        except FileNotFoundError as error:
            raise EngineUnavailable('there is none yet') from error
        except (OSError, ValueError, RecursionError) as error:  # the last one: nested too deep
            raise EngineUnavailable(f'its files cannot be read ({error})') from error
        if record != _engine_record(key, data):
            raise EngineUnavailable(f'{self._path(key, "engine")} does not match its record; it '
                                    f'was damaged or exchanged')
        return data

    def store(self, key: EngineKey, data: bytes) -> Path:
        """Write an engine and its record; a kill leaves the old pair or a mismatch."""
        path = self._path(key, 'engine')
        _write_durable(path, data)
        record = json.dumps(_engine_record(key, data), indent=1).encode()
        _write_durable(self._path(key, 'json'), record)
        return path

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Exclude other processes, so that one of several nodes builds and all use the result."""
        try:
            lock = os.open(self.folder / 'lock', os.O_CREAT | os.O_RDWR, 0o600)
        except OSError as error:  # read-only: no process can build into it
            LOG.warning('%s cannot be locked (%s)', self.folder, error)
            yield
            return
        try:
            self._acquire_lock(lock)
            yield
        finally:
            os.close(lock)

    def _acquire_lock(self, lock: int) -> None:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            LOG.info('another process builds engines into %s; waiting for it', self.folder)
            fcntl.flock(lock, fcntl.LOCK_EX)

    def _path(self, key: EngineKey, suffix: str) -> Path:
        return self.folder / f'{key.file_stem}.{suffix}'


def _engine_record(key: EngineKey, data: bytes) -> dict[str, object]:
    return {**asdict(key), 'bytes': len(data), 'sha256': hashlib.sha256(data).hexdigest()}


def _check_private(folder: Path) -> None:
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode):
        raise ModelError(f'{folder} is no folder of its own; remove it, engines are stored there')
    if found.st_uid != os.geteuid():
        raise ModelError(f'{folder} belongs to user {found.st_uid}, not to the current one; '
                         f'remove it or set XDG_CACHE_HOME to another folder')
    if stat.S_IMODE(found.st_mode) & 0o077:
        raise ModelError(f'{folder} can be entered by others (mode '
                         f'{stat.S_IMODE(found.st_mode):04o}); an engine is code: remove the '
                         f'folder, or `chmod 700` it if no other user wrote to it')


def _write_durable(path: Path, data: bytes) -> None:
    """
    Write so that a reader finds the old file or the whole new one, even after a power failure.

    Unlike files.write_atomic it synchronises file and folder and sets mode 0600.
    """
    handle, name = tempfile.mkstemp(prefix=f'.{path.name}.', dir=path.parent)  # mode 0600
    try:
        with os.fdopen(handle, 'wb') as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(name, path)
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
