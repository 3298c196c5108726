# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""Opening a model on a fake GPU whose library may reject cached engines."""
from bdl_perception.backends.tensorrt import open_with_library
from bdl_perception.backends.tensorrt.build import BuiltEngine
from bdl_perception.backends.tensorrt.library import TensorRtLibrary
from bdl_perception.model_store import ModelError
from fake_gpu import FakeGpu, FakeTensorRt
import onnx
import pytest


class Compiler:
    """Gives the graph itself, marked so that no two builds are the same bytes."""

    def __init__(self):
        self.made = []

    def __call__(self, library, graph, precision, gpu, timing_cache, title,
                 version_compatible):
        model = onnx.load_from_string(graph)
        model.producer_version = str(len(self.made))
        self.made.append(model.SerializeToString())
        return BuiltEngine(self.made[-1], b'')


def drive(files, cache, compiler, rejected=()):
    """Open as a node does, with a library that rejects these bytes; returns its engines."""
    api = FakeTensorRt()
    api.rejected_engines = set(rejected)
    library = TensorRtLibrary('tensorrt', '10.3.0', api)
    open_with_library(library, FakeGpu(), files, 'fp32', cache, compiler).close()
    return api.loaded


@pytest.mark.parametrize('which', [slice(0, 1), slice(1, 2), slice(0, 2)])
def test_a_rejected_engine_of_the_cache_is_built_again(files, cache, log_text, which):
    compiler = Compiler()
    old = drive(files, cache, compiler)
    log_text()
    loaded = drive(files, cache, compiler, old[which])
    assert loaded[-2:] == compiler.made[-2:] and len(compiler.made) == 4
    messages = log_text()
    assert 'engine failed: cudaError 35' in messages and 'is built again' in messages
    assert messages.count('the library rejected the cached one') == 2
    assert drive(files, cache, compiler, old) == compiler.made[-2:]
    assert len(compiler.made) == 4


def fail(files, cache, compiler, call, message):
    """Open as a node does, with a library that fails in this call; returns its engines."""
    api = FakeTensorRt()
    api.failing_calls = {call}
    with pytest.raises(ModelError, match=message):
        open_with_library(TensorRtLibrary('tensorrt', '10.3.0', api), FakeGpu(), files, 'fp32',
                          cache, compiler)
    return api.loaded


def test_a_rejected_new_engine_is_not_built_again(files, cache):
    compiler = Compiler()
    fail(files, cache, compiler, 'deserialize_cuda_engine',
         'loading the perceive engine failed: cudaError 35')
    assert len(compiler.made) == 2


def test_rejected_engines_are_built_again_only_once(files, cache):
    compiler = Compiler()
    drive(files, cache, compiler)
    loaded = fail(files, cache, compiler, 'deserialize_cuda_engine',
                  'loading the perceive engine failed')
    assert len(loaded) == 2 and len(compiler.made) == 4


def test_other_failures_build_nothing(files, cache):
    compiler = Compiler()
    drive(files, cache, compiler)
    fail(files, cache, compiler, 'create_execution_context',
         'preparing the perceive engine failed')
    assert len(compiler.made) == 2
