# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""GPU access without a GPU: its errors, and the members of cuda-core that are used."""
import re
import subprocess
import sys
from types import SimpleNamespace

from bdl_perception.backends.graph_contract import TensorSpec
from bdl_perception.backends.tensorrt import cuda
from bdl_perception.backends.tensorrt.cuda import (
    array_view,
    byte_size,
    CudaGpu,
    gpu_unavailable_reason,
)
from fake_gpu import FakeMemory
import pytest


def need_cuda_core():
    return pytest.importorskip('cuda.core', reason='cuda-core is not there')


def test_without_a_gpu_the_error_names_the_cause_and_the_driver():
    need_cuda_core()
    if not gpu_unavailable_reason():
        pytest.skip('there is a GPU')
    with pytest.raises(RuntimeError, match='no GPU can be used .*driver.*nvidia-smi'):
        CudaGpu()


def test_without_cuda_core_the_error_names_the_package():
    code = ('import sys; sys.modules["cuda"] = None\n'
            'from bdl_perception.backends.tensorrt.cuda import CudaGpu, gpu_unavailable_reason\n'
            'assert gpu_unavailable_reason()\n'
            'try:\n    CudaGpu()\nexcept ModuleNotFoundError as error:\n    print(error)')
    done = subprocess.run([sys.executable, '-c', code], capture_output=True, text=True, check=True)
    assert 'pip install cuda-core' in done.stdout


def test_cuda_core_has_the_declared_members():
    core = need_cuda_core()
    for name in ('set_current', 'create_stream', 'allocate', 'name', 'arch', 'get_all_devices'):
        assert hasattr(core.Device, name), name
    assert hasattr(core.LegacyPinnedMemoryResource, 'allocate')
    for name in ('copy_to', 'handle', 'size'):
        assert hasattr(core.Buffer, name), name
    assert hasattr(core.Stream, 'sync') and hasattr(core.Stream, 'handle')


def test_a_missing_driver_is_reported_without_cuda_core(monkeypatch):
    monkeypatch.setattr(cuda, 'DRIVER_LIBRARY', 'libnothing.so.1')
    monkeypatch.setattr(cuda, '_count_gpus', lambda: pytest.fail('asked cuda-core'))
    assert re.match('no NVIDIA driver: libnothing.so.1', gpu_unavailable_reason())


def test_an_empty_list_of_gpus_means_no_gpu(monkeypatch):
    monkeypatch.setattr(cuda, 'DRIVER_LIBRARY', None)  # this process itself, which can be loaded
    monkeypatch.setattr(cuda, '_count_gpus', lambda: 0)
    assert gpu_unavailable_reason() == 'CUDA sees no GPU'
    monkeypatch.setattr(cuda, '_count_gpus', lambda: 1)
    assert gpu_unavailable_reason() == ''


@pytest.mark.parametrize('number, failed, version', [
    (12040, 0, '12.4'), (13000, 0, '13.0'), (11080, 0, '11.8'), (0, 3, '')])
def test_the_cuda_version_comes_from_the_driver(monkeypatch, number, failed, version):
    def answer(pointer):
        pointer._obj.value = number
        return failed

    monkeypatch.setattr(cuda.ctypes, 'CDLL', lambda name: SimpleNamespace(
        cuDriverGetVersion=answer))
    assert cuda.cuda_version() == version


class CudaError(Exception):
    """As cuda-core's own, which is no RuntimeError."""


def fail(*arguments, **words):
    raise CudaError('CUDA_ERROR_LAUNCH_FAILED: a kernel died\nand more')


@pytest.mark.parametrize('call, action', [
    (lambda gpu: gpu.make_current(), 'selecting the GPU'),
    (lambda gpu: gpu.allocate(TensorSpec('float32', (3,))), 'reserving 12 bytes on the GPU'),
    (lambda gpu: gpu.allocate_pinned(TensorSpec('float32', (3,))), 'pinning 12 bytes'),
    (lambda gpu: gpu.copy(SimpleNamespace(copy_to=fail), None), 'copying'),
    (lambda gpu: gpu.synchronize(), 'waiting for the GPU')])
def test_a_cuda_error_has_action_cause_and_remedy_in_one_line(
        monkeypatch, call, action):
    device = SimpleNamespace(
        set_current=lambda: None, create_stream=lambda: SimpleNamespace(handle=1, sync=fail),
        name='GPU', arch='89', allocate=fail)
    monkeypatch.setattr(cuda, '_import_cuda_core', lambda: (
        lambda number: device, lambda: SimpleNamespace(allocate=fail)))
    monkeypatch.setattr(cuda, 'cuda_version', lambda: '12.4')
    gpu = CudaGpu()
    device.set_current = fail
    message = rf'^{action}.* failed \(CUDA_ERROR.*died\); is '
    with pytest.raises(RuntimeError, match=message) as caught:
        call(gpu)
    assert isinstance(caught.value.__cause__, CudaError) and '\n' not in str(caught.value)


def test_an_array_view_writes_to_its_address():
    memory = FakeMemory(24)
    array = array_view(memory.handle, TensorSpec('float32', (2, 3)))
    array[1, 2] = 1
    assert array.shape == (2, 3) and array.flags.writeable
    assert memory.bytes[20:].tolist() == [0, 0, 128, 63]  # 1.0, little end first
    memory.bytes[:4] = 0
    assert array[0, 0] == 0


def test_the_size_of_a_tensor_is_in_bytes():
    assert byte_size(TensorSpec('float32', (2, 3))) == 24
    assert byte_size(TensorSpec('uint8', (2, 3))) == 6
    assert byte_size(TensorSpec('float32', ())) == 4
