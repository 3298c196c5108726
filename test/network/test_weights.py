# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""weights.pt is restored without change, and other files are rejected."""
from io import BytesIO
import os

from bdl_perception.network.weights import (
    is_weights,
    Weights,
    weights_from_bytes,
    weights_to_bytes,
)
import pytest
from tiny_network import draw_frames, make_tiny_network, TINY, tiny_statistics
import torch


@pytest.fixture(scope='module')
def weights():
    network = make_tiny_network(2)
    return Weights(network, tiny_statistics(network))


def changed(data, **changes):
    values = {**torch.load(BytesIO(data), weights_only=True), **changes}
    file = BytesIO()
    torch.save({name: value for name, value in values.items() if value is not None}, file)
    return file.getvalue()


def test_a_network_comes_back_as_it_was_and_ready_to_predict(weights):
    found = weights_from_bytes(weights_to_bytes(weights), 'x')
    assert found.network.config == TINY and not found.network.training
    frame = draw_frames(1).permute(0, 3, 1, 2).float()
    with torch.no_grad():
        for one, other in zip(found.network(frame), weights.network(frame), strict=True):
            assert torch.equal(one, other)
    assert torch.equal(found.statistics.mean, weights.statistics.mean)
    assert torch.equal(found.statistics.whitening, weights.statistics.whitening)


def test_weights_are_stored_in_float32(weights):
    values = torch.load(BytesIO(weights_to_bytes(weights)), weights_only=True)
    kinds = {tensor.dtype for name, tensor in values['network'].items()
             if not name.endswith('num_batches_tracked')}
    assert kinds == {torch.float32}


@pytest.mark.parametrize(('changes', 'message'), [
    ({'weights_format': 1}, 'file.pt has format 1, this version reads 4'),
    ({'mean': None}, 'file.pt is no weights.pt'),
    ({'optimizer': 1}, 'file.pt is no weights.pt'),
    ({'config': {'colour': 'red'}}, 'file.pt is of another version of the network'),
    ({'config': {}}, 'file.pt is of another version of the network'),
    ({'network': {}}, 'file.pt is of another version of the network')])
def test_invalid_weights_are_rejected_with_the_file(weights, changes, message):
    with pytest.raises(ValueError, match=message) as caught:
        weights_from_bytes(changed(weights_to_bytes(weights), **changes), 'file.pt')
    assert len(str(caught.value)) < 120  # torch names every tensor


class Attack:
    """Create a folder when unpickled."""

    def __init__(self, place):
        self.place = place

    def __reduce__(self):
        return os.mkdir, (self.place,)


@pytest.mark.parametrize('make', [
    lambda attack: b'', lambda attack: b'not of torch', lambda attack: saved([1, 2]),
    lambda attack: saved({'weights_format': 1, 'network': attack})])
def test_other_files_are_no_weights_and_run_no_code(tmp_path, make):
    data = make(Attack(str(tmp_path / 'attacked')))
    assert not is_weights(data)
    with pytest.raises(ValueError, match='is no weights.pt'):
        weights_from_bytes(data, 'file.pt')
    assert not (tmp_path / 'attacked').exists()


def saved(values):
    file = BytesIO()
    torch.save(values, file)
    return file.getvalue()
