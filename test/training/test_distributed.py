# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
from bdl_perception.perception.data_types import IGNORE
from bdl_perception.training import distributed
from bdl_perception.training.distributed import (
    convert_batch_norms,
    join_process_group,
    local_noise,
    ProcessGroup,
    SINGLE_PROCESS,
    SyncBatchNorm2d,
)
import pytest
import torch
from torch import nn


@pytest.mark.parametrize(('count', 'size'), [(3, 2), (12, 5), (4, 4), (7, 1)])
def test_slices_cover_the_batch_and_are_nearly_equal(count, size):
    parts = [range(count)[ProcessGroup(rank, size).batch_slice(count)] for rank in range(size)]
    assert [index for part in parts for index in part] == [*range(count)]
    lengths = [len(part) for part in parts]
    assert 0 < min(lengths) and max(lengths) - min(lengths) <= 1


def test_more_processes_than_frames_are_rejected():
    with pytest.raises(ValueError, match='batch of 3 frames is too small for 4 processes'):
        ProcessGroup(0, 4).batch_slice(3)


def test_noise_does_not_depend_on_the_number_of_processes():
    classes = torch.full((3, 2, 2), IGNORE, dtype=torch.uint8)
    classes[0, 0] = 1  # two labelled pixels, then three, then none
    classes[1].flatten()[:3] = 2
    drawn = []
    for group in (SINGLE_PROCESS, ProcessGroup(0, 3), ProcessGroup(1, 3), ProcessGroup(2, 3)):
        torch.manual_seed(7)
        drawn.append(local_noise(classes, group.batch_slice(3), 4, 11))
    torch.manual_seed(7)
    torch.testing.assert_close(drawn[0], torch.randn(4, 5, 11), rtol=0, atol=0)
    assert [len(part[0]) for part in drawn[1:]] == [2, 3, 0]
    torch.testing.assert_close(torch.cat(drawn[1:], 1), drawn[0], rtol=0, atol=0)


def test_without_torchrun_there_is_a_single_main_process(monkeypatch):
    monkeypatch.delenv('RANK', raising=False)
    with join_process_group(torch.device('cpu')) as group:
        assert group == SINGLE_PROCESS and group.is_main
        network = torch.nn.Linear(1, 1)
        assert group.wrap_ddp(network) is network and group.broadcast(3) == 3
        assert group.weighted_mean(torch.tensor(.5), torch.tensor(7)) == .5


@pytest.fixture
def alone(monkeypatch):
    """Sum over one process; test_processes sums over two."""
    monkeypatch.setattr(distributed, 'all_reduce_sum', lambda own: own)


def _pair():
    torch.manual_seed(0)
    plain = nn.Sequential(nn.BatchNorm2d(3, eps=1e-3, momentum=.2))
    nn.init.normal_(plain[0].weight)
    nn.init.normal_(plain[0].bias)
    shared = nn.Sequential(nn.BatchNorm2d(3, eps=1e-3, momentum=.2))
    shared.load_state_dict(plain.state_dict())
    convert_batch_norms(shared)
    return plain, shared


def test_a_single_process_agrees_with_torchs_batch_norm(alone):
    outputs, gradients, states = [], [], []
    for norm in _pair():
        torch.manual_seed(1)
        x = (5 + 3 * torch.randn(4, 3, 5, 6)).requires_grad_()
        y = norm(x)
        (y * torch.randn(y.shape)).sum().backward()
        outputs.append(y.detach())
        gradients.append([x.grad, norm[0].weight.grad, norm[0].bias.grad])
        states.append(norm.state_dict())
    torch.testing.assert_close(outputs[1], outputs[0])
    torch.testing.assert_close(gradients[1], gradients[0], rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(states[1], states[0])


def test_evaluation_mode_does_not_communicate(monkeypatch):
    plain, shared = (norm.eval() for norm in _pair())
    x = torch.randn(2, 3, 4, 4)
    torch.testing.assert_close(shared(x), plain(x), rtol=0, atol=0)


def test_nested_batch_norms_are_replaced():
    network = nn.Sequential(nn.Conv2d(3, 3, 1), nn.Sequential(nn.BatchNorm2d(3)))
    names = [*network.state_dict()]
    convert_batch_norms(network)
    assert isinstance(network[1][0], SyncBatchNorm2d)
    assert [*network.state_dict()] == names
