# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""Engines that TensorRT builds and tensorrt_lean runs, on a fake GPU."""
from bdl_perception.backends.tensorrt import open_with_library
from bdl_perception.backends.tensorrt.build import BuiltEngine
from bdl_perception.backends.tensorrt.engines import BuildTarget, prepare_engines
from bdl_perception.backends.tensorrt.library import TensorRtLibrary
from bdl_perception.model_store import ModelError
from fake_gpu import FakeGpu, FakeTensorRt
import pytest


def build_for_lean(files, cache, version='11.2.0', precision='fp32'):
    """Build as `bdl compile --lean` does; returns whether each build was version-compatible."""
    compatible = []

    def build(library, graph, precision, gpu, timing_cache, title, version_compatible):
        compatible.append(version_compatible)
        return BuiltEngine(graph, b'')

    library = TensorRtLibrary('tensorrt', version, FakeTensorRt())
    target = BuildTarget.for_gpu(library, FakeGpu(), precision)
    prepare_engines(files, target._replace(version_compatible=True), cache, build)
    return compatible


def run_lean(files, cache, version='11.4.0', gpu=None, rejected=()):
    """Open as a node with tensorrt_lean does; returns the engines that it loaded."""
    api = FakeTensorRt()
    api.rejected_engines = set(rejected)
    library = TensorRtLibrary('tensorrt_lean', version, api)
    open_with_library(library, gpu or FakeGpu(), files, 'fp32', cache, build=None).close()
    return api.loaded


def test_engines_of_an_earlier_version_run(files, cache):
    assert build_for_lean(files, cache) == [True, True]
    assert run_lean(files, cache) == [files.perceive, files.sample]


def test_the_driver_of_the_other_machine_may_be_another(files, cache):
    build_for_lean(files, cache)
    gpu = FakeGpu()
    gpu.cuda = '13.0'
    assert run_lean(files, cache, gpu=gpu) == [files.perceive, files.sample]


@pytest.mark.parametrize('build', [{}, {'version': '10.9.0'}, {'precision': 'fp16'}])
def test_without_its_engines_the_error_names_the_command(files, cache, build):
    if build:
        build_for_lean(files, cache, **build)
    with pytest.raises(ModelError, match='tensorrt_lean 11.4.0 has no compiler; the perceive '
                                         'engine for Fake GPU sm89, fp32: there is none yet. Run '
                                         '`bdl compile --lean` with this or an earlier TensorRT '
                                         '11 on this kind of GPU, .*engines$'):
        run_lean(files, cache)


def test_an_engine_for_another_gpu_is_not_used(files, cache):
    build_for_lean(files, cache)
    gpu = FakeGpu()
    gpu.name = 'Another GPU'
    with pytest.raises(ModelError, match='has no compiler; .*Another GPU'):
        run_lean(files, cache, gpu=gpu)


def test_a_rejected_engine_such_as_one_of_a_later_version_is_named(files, cache):
    build_for_lean(files, cache, version='11.9.0')
    with pytest.raises(ModelError, match='the library rejected the cached one. Run `bdl comp'):
        run_lean(files, cache, rejected=[files.sample])


def test_an_engine_of_the_full_library_is_no_engine_for_the_lean_one(files, cache):
    library = TensorRtLibrary('tensorrt', '11.4.0', FakeTensorRt())
    target = BuildTarget.for_gpu(library, FakeGpu(), 'fp32')
    assert not target.version_compatible
    prepare_engines(files, target, cache, lambda library, graph, *_: BuiltEngine(graph, b''))
    with pytest.raises(ModelError, match='there is none yet'):
        run_lean(files, cache)
