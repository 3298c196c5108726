# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""The backend that fails on demand."""
from threading import Thread

from bdl_perception.faults.faulty_network import FaultyBackend, NetworkFault
from bdl_perception.faults.injections import NETWORK_FAULTS
from fake_backend import FakeBackend
import numpy as np
import pytest

RGB = np.random.default_rng(0).integers(0, 256, (24, 40, 3), np.uint8)


@pytest.fixture
def path(tmp_path):
    return tmp_path / 'fault'


@pytest.fixture
def backend(path):
    return FaultyBackend(FakeBackend(), NetworkFault(path))


def masks(backend):
    return [np.ones((backend.spec.chunk, channels), np.float32)
            for channels in backend.spec.dropout_channels]


def perceive(backend, brightness=1):
    height, width = backend.spec.height, backend.spec.width
    return backend.perceive(np.full((height, width, 3), brightness, np.uint8))


def test_without_a_fault_the_outputs_are_those_of_the_backend(backend):
    plain = FakeBackend()
    assert np.array_equal(perceive(backend).depth, perceive(plain).depth)


@pytest.mark.parametrize(('name', 'holds'), [
    ('depth_nan', lambda depth: np.isnan(depth).all()),
    ('depth_inf', lambda depth: np.isinf(depth).all()),
    ('depth_one_nan', lambda depth: np.isnan(depth).sum() == 1),
    ('depth_zero', lambda depth: not depth.any()),
    ('depth_negative', lambda depth: (depth < 0).all()),
    ('depth_equal', lambda depth: np.ptp(depth) == 0)])
def test_depth_has_the_fault_until_it_ends(backend, path, name, holds):
    nominal = perceive(backend).depth
    path.write_text(name)
    assert holds(perceive(backend).depth)
    path.unlink()
    assert np.array_equal(perceive(backend).depth, nominal)


def test_a_constant_network_repeats_its_first_output(backend, path):
    path.write_text('constant')
    first = perceive(backend, 10)
    assert perceive(backend, 200) is first
    path.unlink()
    assert perceive(backend, 200) is not first


@pytest.mark.parametrize(('name', 'error'), [
    ('frame_raises', RuntimeError), ('frame_memory', MemoryError), ('worker_ends', SystemExit)])
def test_a_pass_raises(backend, path, name, error):
    path.write_text(name)
    with pytest.raises(error):
        perceive(backend)


def test_samples_are_damaged_or_raise(backend, path):
    features = perceive(backend).features
    path.write_text('samples_nan')
    assert np.isnan(backend.sample(features, masks(backend)).log_depth_mean).all()
    path.write_text('no_spread')
    moments = backend.sample(features, masks(backend))
    assert not moments.log_depth_m2.any() and np.ptp(moments.log_depth_mean) == 0
    path.write_text('sample_raises')
    with pytest.raises(RuntimeError, match='sample graph'):
        backend.sample(features, masks(backend))


@pytest.mark.parametrize('name', ['hang', 'hang_in_sample'])
def test_a_hang_lasts_until_the_fault_ends(backend, path, name):
    features, results = perceive(backend).features, []
    path.write_text(name)
    call = (lambda: perceive(backend)) if name == 'hang' else (
        lambda: backend.sample(features, masks(backend)))
    thread = Thread(target=lambda: results.append(call()))
    thread.start()
    thread.join(.1)
    assert thread.is_alive() and not results
    path.unlink()
    thread.join()
    assert len(results) == 1


def test_every_fault_of_the_table_is_known_to_the_backend(backend, path):
    done = set()
    for name in NETWORK_FAULTS:
        path.write_text(name)
        fault = NetworkFault(path)
        done |= {name} if fault.name == name else set()
    assert done == set(NETWORK_FAULTS)
