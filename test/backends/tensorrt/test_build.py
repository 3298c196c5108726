# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""NVIDIA's compiler (TensorRT-RTX) on the shipped graphs, for a GPU that is not present."""
from functools import cache

from bdl_perception.backends.graph_contract import check_graphs, GraphSpec, TensorSpec
from bdl_perception.backends.tensorrt.api import ErrorLog
from bdl_perception.backends.tensorrt.build import build_engine, supported_gpus
from bdl_perception.backends.tensorrt.cuda import gpu_unavailable_reason
from bdl_perception.backends.tensorrt.fp16 import to_fp16
from bdl_perception.backends.tensorrt.library import load_library, TENSORRT_RTX
from bdl_perception.model_store import load_model_files, ModelError
import numpy as np
import onnx
import pytest

pytest.importorskip('tensorrt_rtx_bindings', reason='the wheels of TensorRT-RTX are not there')
LARGER_THAN_ITS_WEIGHTS = {'perceive': 4e6, 'sample': 1e5}  # bytes, in float16


@pytest.fixture(scope='module')
def library():
    return load_library(TENSORRT_RTX)


@pytest.fixture(scope='module')
def files():
    return load_model_files('street')


@pytest.fixture(scope='module')
def built(library, files):
    """Compile each graph in each precision, as it is asked for."""
    @cache
    def build(graph, precision):
        return build_engine(library, getattr(files, graph), precision, 'sm89').engine
    return build


@pytest.mark.parametrize('graph', ['perceive', 'sample'])
@pytest.mark.parametrize('precision', ['fp32', 'fp16'])
def test_both_shipped_graphs_compile_for_another_gpu(built, graph, precision):
    assert len(built(graph, precision)) > LARGER_THAN_ITS_WEIGHTS[graph]


def test_half_precision_makes_a_smaller_engine(built):
    assert len(built('perceive', 'fp16')) < .8 * len(built('perceive', 'fp32'))


@pytest.mark.parametrize('half', [False, True])
def test_the_parsed_graphs_satisfy_the_contract(library, files, half):
    """Static shapes too, which the exported graphs leave to whoever reads them."""
    api, log = library.api, ErrorLog(library.api)
    found = []
    networks = []
    for graph in (files.perceive, files.sample):
        network = api.Builder(log.logger).create_network(0)
        assert api.OnnxParser(network, log.logger).parse(to_fp16(graph) if half else graph)
        sides = ([network.get_input(index) for index in range(network.num_inputs)],
                 [network.get_output(index) for index in range(network.num_outputs)])
        found.append(GraphSpec(*({tensor.name: TensorSpec(np.dtype(api.nptype(tensor.dtype)).name,
                                                          tuple(tensor.shape)) for tensor in side}
                                 for side in sides)))
        networks.append(network)
    assert check_graphs(files.spec, *found) == tuple(f'features_{k}' for k in range(4))


def test_loading_an_engine_without_a_gpu_is_an_error(library, built):
    if not gpu_unavailable_reason():
        pytest.skip('there is a GPU')
    engine = built('sample', 'fp32')
    log = ErrorLog(library.api)
    runtime = log.require(library.api.Runtime(log.logger), 'starting', '')
    with pytest.raises(ModelError, match='loading failed: .*CUDA driver.* Get a GPU'):
        log.require(runtime.deserialize_cuda_engine(engine), 'loading', 'Get a GPU')


def test_an_unknown_gpu_lists_the_supported_ones(library, files):
    assert 'sm89' in supported_gpus(library)
    with pytest.raises(ValueError, match="gpu is 'sm11', tensorrt_rtx .* knows sm75, .*sm89"):
        build_engine(library, files.sample, gpu='sm11')


def test_an_unreadable_graph_has_the_message_of_the_parser(library):
    with pytest.raises(ModelError, match='reading the ONNX graph failed: .*parse.*Export'):
        build_engine(library, b'nothing')


def test_an_unknown_operator_is_named(library, files):
    model = onnx.load_from_string(files.sample)
    next(node for node in model.graph.node if node.op_type == 'Relu').op_type = 'Levitate'
    with pytest.raises(ModelError, match='Levitate'):
        build_engine(library, model.SerializeToString())


def test_dynamic_shapes_are_an_error(library, files):
    model = onnx.load_from_string(files.sample)
    mask, = (value for value in model.graph.input if value.name == 'mask_0')
    mask.type.tensor_type.shape.dim[0].dim_param = 'S'
    with pytest.raises(ModelError, match=r'mask_0 has the open shape \[-1, 64, 1, 1\]'):
        build_engine(library, model.SerializeToString())


@pytest.mark.filterwarnings('ignore::DeprecationWarning')  # TensorRT-RTX has no use for it
def test_tensorrt_reads_and_returns_a_timing_cache(library, files):
    """The calls are the same, so NVIDIA's library can answer them here."""
    as_tensorrt = library._replace(name='tensorrt')
    first = build_engine(as_tensorrt, files.sample)
    assert first.timing_cache and first.engine
    assert build_engine(as_tensorrt, files.sample, timing_cache=first.timing_cache).timing_cache
    with pytest.raises(ValueError, match='compiles only for the present GPU'):
        build_engine(as_tensorrt, files.sample, gpu='sm89')


@pytest.mark.filterwarnings('ignore::DeprecationWarning')
@pytest.mark.parametrize('version_compatible', [False, True])
def test_an_engine_for_the_lean_run_time_is_version_compatible_and_contains_none(
        library, files, monkeypatch, version_compatible):
    """The library takes the calls; what the flags do, it does not say."""
    config, names = library.api.IBuilderConfig, ('VERSION_COMPATIBLE', 'EXCLUDE_LEAN_RUNTIME')
    flags = []
    real = config.set_flag
    monkeypatch.setattr(config, 'set_flag', lambda self, flag: flags.append(flag) or real(
        self, flag))
    as_tensorrt = library._replace(name='tensorrt')
    assert build_engine(as_tensorrt, files.sample, version_compatible=version_compatible).engine
    assert flags == ([getattr(library.api.BuilderFlag, name) for name in names]
                     if version_compatible else [])


def test_an_unknown_precision_is_an_error(library, files):
    with pytest.raises(ValueError, match="precision is 'int3', must be one of fp32, fp16"):
        build_engine(library, files.sample, 'int3')
