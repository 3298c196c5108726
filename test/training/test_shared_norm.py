# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
from bdl_perception.training import shared_norm
from bdl_perception.training.shared_norm import share_batch_norms
from bdl_perception.training.shared_norm import SharedBatchNorm2d
import pytest
import torch
from torch import nn


@pytest.fixture
def alone(monkeypatch):
    """Sum over one process; test_processes sums over two."""
    monkeypatch.setattr(shared_norm, 'summed', lambda own: own)


def _pair():
    torch.manual_seed(0)
    plain = nn.Sequential(nn.BatchNorm2d(3, eps=1e-3, momentum=.2))
    nn.init.normal_(plain[0].weight)
    nn.init.normal_(plain[0].bias)
    shared = nn.Sequential(nn.BatchNorm2d(3, eps=1e-3, momentum=.2))
    shared.load_state_dict(plain.state_dict())
    share_batch_norms(shared)
    return plain, shared


def test_alone_it_is_the_batch_norm_of_torch_with_the_same_gradients(alone):
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


def test_in_evaluation_it_shares_nothing(monkeypatch):
    plain, shared = (norm.eval() for norm in _pair())
    x = torch.randn(2, 3, 4, 4)
    torch.testing.assert_close(shared(x), plain(x), rtol=0, atol=0)


def test_every_batch_norm_is_replaced_however_deep_it_lies():
    network = nn.Sequential(nn.Conv2d(3, 3, 1), nn.Sequential(nn.BatchNorm2d(3)))
    names = [*network.state_dict()]
    share_batch_norms(network)
    assert isinstance(network[1][0], SharedBatchNorm2d)
    assert [*network.state_dict()] == names
