# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""The engine cache: private folder, verified engines, atomic writes and one builder."""
from dataclasses import fields, replace
import fcntl
import os
from pathlib import Path
import re
import shutil
import subprocess
from threading import Thread
import time

from bdl_perception.backends.tensorrt import engine_cache
from bdl_perception.backends.tensorrt.engine_cache import (
    default_cache_folder,
    EngineCache,
    EngineKey,
    EngineUnavailable,
)
from bdl_perception.model_store import ModelError
import pytest
from source_tree import ROOT

KEY = EngineKey('perceive', 'a' * 64, 'tensorrt', '10.3.0', 'GPU sm89', '12.4', 'x86_64', 'fp32',
                '24x40', 1)
DOCUMENT = ROOT / 'docs' / 'tensorrt.md'
DATA = bytes(range(256)) * 4


@pytest.fixture
def cache(tmp_path):
    return EngineCache(tmp_path / 'engines')


def test_a_stored_engine_is_loaded_unchanged(cache):
    path = cache.store(KEY, DATA)
    assert cache.load(KEY) == DATA and path.read_bytes() == DATA
    cache.store(KEY, DATA[::-1])
    assert cache.load(KEY) == DATA[::-1]


def test_an_empty_cache_has_no_engine(cache):
    with pytest.raises(EngineUnavailable, match='none yet'):
        cache.load(KEY)


@pytest.mark.parametrize('name', [field.name for field in fields(EngineKey)])
def test_an_engine_with_another_key_is_rejected(cache, name):
    other = replace(KEY, **{name: 2 if name == 'builder' else 'other'})
    cache.store(other, DATA)
    with pytest.raises(EngineUnavailable, match='none yet'):
        cache.load(KEY)
    for ending in ('engine', 'json'):  # nor when it is given the right name
        shutil.copy(cache.folder / f'{other.file_stem}.{ending}',
                    cache.folder / f'{KEY.file_stem}.{ending}')
    with pytest.raises(EngineUnavailable, match='damaged or exchanged'):
        cache.load(KEY)


def test_every_flipped_bit_and_every_truncation_is_detected(cache):
    path = cache.store(KEY, DATA)
    for place in range(0, len(DATA), 37):
        damaged = bytearray(DATA)
        damaged[place] ^= 1
        path.write_bytes(damaged)
        with pytest.raises(EngineUnavailable, match='damaged'):
            cache.load(KEY)
    for length in (0, 1, len(DATA) - 1):
        path.write_bytes(DATA[:length])
        with pytest.raises(EngineUnavailable, match='damaged'):
            cache.load(KEY)


@pytest.mark.parametrize('record', [b'', b'{', b'[]', b'null', b'\xff\xfe', b'{"sha256": "0"}',
                                    b'[' * 10**5])
def test_an_unreadable_record_is_detected(cache, record):
    cache.store(KEY, DATA).with_suffix('.json').write_bytes(record)
    with pytest.raises(EngineUnavailable):
        cache.load(KEY)


def test_folder_and_files_are_private(tmp_path):
    before = os.umask(0)
    try:
        path = EngineCache(tmp_path / 'deep' / 'engines').store(KEY, DATA)
    finally:
        os.umask(before)
    assert path.parent.stat().st_mode & 0o777 == 0o700
    assert {file.stat().st_mode & 0o777 for file in path.parent.iterdir()} == {0o600}


@pytest.mark.parametrize('mode', [0o755, 0o770, 0o701, 0o702, 0o710, 0o740])
def test_a_folder_that_others_can_enter_is_an_error(tmp_path, mode):
    (tmp_path / 'engines').mkdir()
    (tmp_path / 'engines').chmod(mode)
    with pytest.raises(ModelError, match=f'mode 0{mode:o}.*chmod 700'):
        EngineCache(tmp_path / 'engines')


def test_a_folder_of_another_user_is_an_error(cache, monkeypatch):
    monkeypatch.setattr(engine_cache.os, 'geteuid', lambda: os.getuid() + 1)
    with pytest.raises(ModelError, match='belongs to user'):
        EngineCache(cache.folder)


def test_a_link_to_a_folder_is_an_error(cache):
    link = cache.folder.with_name('link')
    link.symlink_to(cache.folder)
    with pytest.raises(ModelError, match='is no folder of its own'):
        EngineCache(link)


@pytest.mark.parametrize('dies_at', [1, 2])
def test_an_interrupted_write_leaves_no_valid_new_engine(cache, monkeypatch, dies_at):
    cache.store(KEY, DATA)
    calls = []
    real = os.replace

    def die(source, destination):
        calls.append(destination)
        if len(calls) == dies_at:
            raise KeyboardInterrupt
        real(source, destination)

    monkeypatch.setattr(engine_cache.os, 'replace', die)
    with pytest.raises(KeyboardInterrupt):
        cache.store(KEY, DATA + b'new')
    if dies_at == 1:
        assert cache.load(KEY) == DATA
    else:
        with pytest.raises(EngineUnavailable, match='damaged'):
            cache.load(KEY)
    assert not [path for path in cache.folder.iterdir() if path.name.startswith('.')]


def test_one_process_at_a_time_builds(cache):
    with cache.lock():
        with (cache.folder / 'lock').open('r+') as other, pytest.raises(BlockingIOError):
            fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)
    with (cache.folder / 'lock').open('r+') as other:
        fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)


def test_waiting_for_another_build_is_logged(cache, log_text):
    with (cache.folder / 'lock').open('w') as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        waiting = Thread(target=lambda: cache.lock().__enter__(), daemon=True)
        waiting.start()
        message = ''
        deadline = time.monotonic() + 60
        while not message and time.monotonic() < deadline:
            time.sleep(.01)
            message = log_text()
    waiting.join(60)
    assert re.search(f'another process builds engines into {cache.folder}; waiting', message)
    assert not waiting.is_alive()


def test_taking_a_free_lock_logs_nothing(cache, log_text):
    with cache.lock():
        assert log_text() == ''


@pytest.mark.parametrize('there', [False, True])
def test_engines_copied_as_documented_are_found(cache, tmp_path, monkeypatch, there):
    cache.store(KEY, DATA)
    monkeypatch.setenv('HOME', str(tmp_path / 'home'))
    monkeypatch.delenv('XDG_CACHE_HOME', raising=False)
    if there:  # a node was started before
        EngineCache(default_cache_folder()).store(replace(KEY, graph='sample'), DATA[::-1])
        default_cache_folder().chmod(0o750)  # that of the source counts
    commands = [line for line in DOCUMENT.read_text().splitlines() if 'cp -a' in line]
    assert len(commands) == 1
    subprocess.run(['sh', '-c', commands[0].strip()], cwd=tmp_path, check=True)
    found = EngineCache(default_cache_folder())
    assert found.load(KEY) == DATA
    if there:
        assert found.load(replace(KEY, graph='sample')) == DATA[::-1]


@pytest.mark.parametrize('variable, folder', [
    ('/somewhere', '/somewhere/bdl_perception/engines'),
    ('relative', '~/.cache/bdl_perception/engines'),  # XDG: such a path is to be ignored
    ('', '~/.cache/bdl_perception/engines')])
def test_the_cache_folder_follows_xdg(monkeypatch, variable, folder):
    monkeypatch.setenv('XDG_CACHE_HOME', variable)
    assert default_cache_folder() == Path(folder).expanduser()
