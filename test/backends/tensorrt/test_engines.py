# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""
Preparing the engines of a model, with a fake compiler and a fake GPU.

The fake runtime records all bytes that it is given: no damaged engine may be among them.
"""
import errno
import os

from bdl_perception.backends.tensorrt import engine_cache
from bdl_perception.backends.tensorrt.backend import TensorRtBackend
from bdl_perception.backends.tensorrt.build import BuiltEngine
from bdl_perception.backends.tensorrt.engines import BuildTarget, engine_key, prepare_engines
from bdl_perception.backends.tensorrt.library import TensorRtLibrary
from bdl_perception.model_store import load_model_files
from fake_gpu import FakeGpu, FakeTensorRt
import pytest
from tiny_model import make_tiny_model


class Compiler:
    """Gives back the graph itself, which the fake runtime can run; counts what it made."""

    def __init__(self):
        self.made = []

    def __call__(self, library, graph, precision, gpu, timing_cache, title,
                 version_compatible):
        self.made.append((title, precision, gpu, timing_cache))
        return BuiltEngine(graph, b'timings of ' + title.encode())


def target(version='10.3.0', gpu='Fake GPU', precision='fp32', library='tensorrt', cuda='12.4'):
    loaded = TensorRtLibrary(library, version, FakeTensorRt())
    return BuildTarget(loaded, precision, gpu, 'sm89', cuda)


def drive(files, cache, compiler, build_target=None):
    """Open the backend as a node does; returns the deserialised engines."""
    api = FakeTensorRt()
    perceive, sample = prepare_engines(files, build_target or target(), cache, compiler)
    TensorRtBackend(files.spec, perceive.data, sample.data, api, FakeGpu()).close()
    return api.loaded


def test_the_second_start_builds_nothing(files, cache):
    compiler = Compiler()
    assert drive(files, cache, compiler) == [files.perceive, files.sample]
    assert [made[0] for made in compiler.made] == ['perceive', 'sample']
    assert drive(files, cache, compiler) == [files.perceive, files.sample]
    assert len(compiler.made) == 2


def cut(path, other):
    path.write_bytes(path.read_bytes()[:-1])


def flip(path, other):
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 0x40
    path.write_bytes(data)


def empty(path, other):
    path.write_bytes(b'')


def swap(path, other):
    first, second = path.read_bytes(), other.read_bytes()
    path.write_bytes(second)
    other.write_bytes(first)


def swap_with_records(path, other):
    swap(path, other)
    swap(path.with_suffix('.json'), other.with_suffix('.json'))


def lose_record(path, other):
    path.with_suffix('.json').unlink()


def foreign_record(path, other):
    record = path.with_suffix('.json')
    record.write_text(record.read_text().replace('10.3.0', '10.4.0'))


@pytest.mark.parametrize('harm', [cut, flip, empty, swap, swap_with_records, lose_record,
                                  foreign_record])
def test_a_damaged_engine_is_built_again_and_never_loaded(files, cache, log_text, harm):
    compiler = Compiler()
    drive(files, cache, compiler)
    paths = [cache.folder / f'{engine_key(files.spec, graph, target()).file_stem}.engine'
             for graph in ('perceive', 'sample')]
    log_text()
    harm(*paths)
    damaged = {path.read_bytes() for path in paths} - {files.perceive, files.sample}
    loaded = drive(files, cache, compiler)
    assert loaded == [files.perceive, files.sample] and damaged.isdisjoint(loaded)
    assert len(compiler.made) > 2
    assert 'building the perceive engine' in log_text()
    assert drive(files, cache, compiler) == loaded  # and is in order again
    assert [path.read_bytes() for path in paths] == loaded


@pytest.mark.parametrize('other', [
    target(version='10.4.0'), target(gpu='Another GPU'), target(precision='fp16'),
    target(library='tensorrt_rtx'), target(cuda='12.5')])
def test_an_engine_of_another_target_is_not_used(files, cache, other):
    compiler = Compiler()
    drive(files, cache, compiler)
    drive(files, cache, compiler, other)
    assert len(compiler.made) == 4
    drive(files, cache, compiler)
    assert len(compiler.made) == 4  # both are cached


def forbid_writing(monkeypatch, number):
    def fail(*arguments, **words):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(engine_cache.os, 'open', fail)  # of the lock
    monkeypatch.setattr(engine_cache.tempfile, 'mkstemp', fail)


def test_engines_in_a_read_only_folder_are_used(files, cache, monkeypatch, log_text):
    compiler = Compiler()
    drive(files, cache, compiler)
    log_text()
    forbid_writing(monkeypatch, errno.EROFS)
    assert drive(files, cache, compiler) == [files.perceive, files.sample]
    assert len(compiler.made) == 2 and log_text() == ''


@pytest.mark.parametrize('number', [errno.ENOSPC, errno.EROFS])
def test_an_engine_that_cannot_be_written_is_still_used(files, cache, monkeypatch, log_text,
                                                        number):
    forbid_writing(monkeypatch, number)
    assert drive(files, cache, Compiler()) == [files.perceive, files.sample]
    messages = log_text()
    assert messages.count('cannot be written') == 2 and os.strerror(number) in messages
    assert not any(engine.cached for engine in prepare_engines(files, target(), cache, Compiler()))


def test_an_engine_is_stored_when_its_timings_cannot_be(files, cache, monkeypatch, log_text):
    def store(key, data):
        if key.graph == 'timing':
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return real(key, data)

    real = cache.store
    monkeypatch.setattr(cache, 'store', store)
    made = prepare_engines(files, target(), cache, Compiler())
    assert [engine.cached for engine in made] == [True, True]
    assert 'the next build measures again' in log_text()


def test_a_changed_graph_is_built_again(files, cache, tmp_path):
    compiler = Compiler()
    drive(files, cache, compiler)
    drive(load_model_files(make_tiny_model(tmp_path / 'other', seed=1)), cache, compiler)
    assert len(compiler.made) == 4


def test_timings_are_reused_by_the_next_build_on_the_same_gpu(files, cache):
    compiler = Compiler()
    drive(files, cache, compiler)
    assert [made[3] for made in compiler.made] == [b'', b'timings of perceive']
    drive(files, cache, compiler, target(gpu='Another GPU'))
    assert compiler.made[2][3] == b''


def test_only_tensorrt_rtx_gets_a_target_gpu(files, cache):
    compiler = Compiler()
    drive(files, cache, compiler)
    drive(files, cache, compiler, target(library='tensorrt_rtx'))
    assert [made[2] for made in compiler.made] == ['', '', 'sm89', 'sm89']
