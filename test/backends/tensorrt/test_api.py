# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""The declared types of TensorRT's interface against NVIDIA's libraries."""
import inspect
import re

from bdl_perception.backends.tensorrt import api as declared
from bdl_perception.backends.tensorrt.api import ErrorLog
from bdl_perception.backends.tensorrt.library import load_library, TENSORRT_LEAN, TENSORRT_RTX
from bdl_perception.model_store import ModelError
import numpy as np
import pytest

NAMES = {  # ours -> the library's
    'HostMemory': 'IHostMemory', 'TimingCache': 'ITimingCache', 'BuilderConfig': 'IBuilderConfig',
    'NetworkTensor': 'ITensor', 'Network': 'INetworkDefinition', 'Builder': 'Builder',
    'Parser': 'OnnxParser', 'ExecutionContext': 'IExecutionContext', 'Engine': 'ICudaEngine',
    'Runtime': 'Runtime'}
COMPILER = ('TimingCache', 'BuilderConfig', 'NetworkTensor', 'Network', 'Builder', 'Parser')
WITHOUT_COMPILER = {'Builder', 'OnnxParser', 'NetworkDefinitionCreationFlag', 'ComputeCapability'}


@pytest.fixture(scope='module', params=[TENSORRT_RTX, TENSORRT_LEAN])
def library(request):
    pytest.importorskip(f'{request.param}_bindings', reason='its wheels are not there')
    return load_library(request.param)


@pytest.fixture(scope='module')
def api(library):
    return library.api


def test_every_declared_class_is_compared():
    ours = {name for name, value in vars(declared).items()
            if getattr(value, '_is_protocol', False) and value.__module__ == declared.__name__}
    assert ours == {*NAMES, 'Api'}


@pytest.mark.parametrize('name', NAMES)
def test_declared_members_exist_with_the_declared_arguments(library, name):
    if name in COMPILER and not library.can_build:
        assert not hasattr(library.api, 'Builder')
        return
    ours, theirs = getattr(declared, name), getattr(library.api, NAMES[name])
    methods = {key: value for key, value in vars(ours).items() if inspect.isfunction(value)
               and not key.startswith('_')}
    assert methods or ours.__annotations__
    for member in (*methods, *ours.__annotations__):
        assert hasattr(theirs, member), member
    for member, method in methods.items():
        ours_take = list(inspect.signature(method).parameters)[1:]
        signatures = re.findall(rf'{member}\((.*?)\) ->', getattr(theirs, member).__doc__ or '')
        theirs_take = [re.findall(r'(\w+): ', signature)[1:] for signature in signatures]
        assert any(take[:len(ours_take)] == ours_take for take in theirs_take), signatures


def test_the_module_has_the_declared_names(library):
    api, members = library.api, {*declared.Api.__annotations__, 'Builder', 'OnnxParser',
                                 'Runtime', 'nptype'}
    missing = {name for name in members if not hasattr(api, name)}
    assert missing == (set() if library.can_build else WITHOUT_COMPILER)
    assert hasattr(api.TensorIOMode, 'INPUT')
    for flag in ('TF32', 'VERSION_COMPATIBLE', 'EXCLUDE_LEAN_RUNTIME'):
        assert hasattr(api.BuilderFlag, flag)
    if library.can_build:
        assert hasattr(api.NetworkDefinitionCreationFlag, 'STRONGLY_TYPED')


@pytest.mark.parametrize('name', ['float32', 'uint8'])
def test_the_types_of_our_tensors_have_a_type_of_numpy(api, name):
    assert np.dtype(api.nptype(getattr(api.DataType, {'float32': 'FLOAT'}.get(
        name, name.upper())))).name == name


@pytest.mark.parametrize('result', [None, False])
def test_a_failure_has_the_message_of_the_library(api, result):
    log = ErrorLog(api)
    log.logger.log(api.ILogger.ERROR, 'out of luck')
    log.logger.log(api.ILogger.WARNING, 'not this')
    with pytest.raises(ModelError, match=r'^trying failed: out of luck\. Try again$'):
        log.require(result, 'trying', 'Try again')
    with pytest.raises(ModelError, match='gave no reason'):
        log.require(result, 'trying', 'Try again')


@pytest.mark.parametrize('result', [0, '', [], True])
def test_only_none_and_false_are_failures(api, result):
    assert ErrorLog(api).require(result, 'trying', '') is result
