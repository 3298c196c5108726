# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""The declared types of TensorRT's interface against NVIDIA's library."""
import inspect
import re

from bdl_perception.backends.tensorrt import api as declared
from bdl_perception.backends.tensorrt.api import ErrorLog
from bdl_perception.backends.tensorrt.library import load_library, TENSORRT_RTX
from bdl_perception.model_store import ModelError
import pytest

pytest.importorskip('tensorrt_rtx_bindings', reason='the wheels of TensorRT-RTX are not there')
NAMES = {  # ours -> the library's
    'HostMemory': 'IHostMemory', 'TimingCache': 'ITimingCache', 'BuilderConfig': 'IBuilderConfig',
    'NetworkTensor': 'ITensor', 'Network': 'INetworkDefinition', 'Builder': 'Builder',
    'Parser': 'OnnxParser', 'ExecutionContext': 'IExecutionContext', 'Engine': 'ICudaEngine',
    'Runtime': 'Runtime'}


@pytest.fixture(scope='module')
def api():
    return load_library(TENSORRT_RTX).api


def test_every_declared_class_is_compared():
    ours = {name for name, value in vars(declared).items()
            if getattr(value, '_is_protocol', False) and value.__module__ == declared.__name__}
    assert ours == {*NAMES, 'Api'}


@pytest.mark.parametrize('name', NAMES)
def test_declared_members_exist_with_the_declared_arguments(api, name):
    ours, theirs = getattr(declared, name), getattr(api, NAMES[name])
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


def test_the_module_has_the_declared_names(api):
    members = {*declared.Api.__annotations__, 'Builder', 'OnnxParser', 'Runtime', 'nptype'}
    assert [name for name in members if not hasattr(api, name)] == []
    assert hasattr(api.BuilderFlag, 'TF32') and hasattr(api.TensorIOMode, 'INPUT')
    assert hasattr(api.NetworkDefinitionCreationFlag, 'STRONGLY_TYPED')


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
