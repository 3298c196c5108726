# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
from bdl_perception.experiments.network_variants import (
    BoundedBatchNorm2d,
    MAX_GAIN,
    SpectralNetwork,
)
from bdl_perception.network.model import Network
import numpy as np
import pytest
from tiny_network import draw_frames, TINY
import torch
from torch import nn


@pytest.fixture(scope='module')
def network():
    """Learn with steps that would make every kernel large."""
    torch.manual_seed(0)
    network = SpectralNetwork(TINY)
    rgb = draw_frames(4).permute(0, 3, 1, 2).float()
    steps = torch.optim.SGD(network.parameters(), 1.)
    for _ in range(5):
        steps.zero_grad()
        (-network(rgb).log_depth.var()).backward()
        nn.utils.clip_grad_norm_(network.parameters(), 1.)
        steps.step()
    for _ in range(30):  # power iterations follow a moving kernel; let them arrive
        network(rgb)
    return network.eval()


def kernels(module):
    return [child.weight.detach().flatten(1).numpy() for child in module.modules()
            if isinstance(child, nn.Conv2d)]


def largest(kernel):
    return np.linalg.svd(kernel, compute_uv=False)[0]


def test_no_kernel_of_encoder_and_projection_has_a_singular_value_above_one(network):
    plain = Network(TINY)
    for part in ('encoder', 'project'):
        found = kernels(getattr(network, part))
        assert len(found) == len(kernels(getattr(plain, part)))
        for kernel in found:
            assert largest(kernel) == pytest.approx(1, abs=.02)
    assert any(largest(kernel) > 1.1 or largest(kernel) < .9 for kernel in kernels(plain.encoder))


def test_the_decoder_is_as_it_was(network):
    assert not any(nn.utils.parametrize.is_parametrized(child)
                   for child in network.decoder.modules())


@torch.no_grad()
def test_a_batch_norm_stretches_by_no_more_than_its_bound():
    torch.manual_seed(0)
    norm, plain = BoundedBatchNorm2d(3), nn.BatchNorm2d(3)
    for one in (norm, plain):
        one.running_var.copy_(torch.tensor([1e-4, 1., 4.]))
        one.eval()
    ends = torch.eye(3)[:, :, None, None]
    gains = (norm(ends) - norm(torch.zeros(1, 3, 1, 1)))[range(3), range(3)].flatten()
    free = (plain(ends) - plain(torch.zeros(1, 3, 1, 1)))[range(3), range(3)].flatten()
    assert float(gains.max()) == pytest.approx(MAX_GAIN)
    torch.testing.assert_close(gains / gains.max(), free / free.max())


def test_below_the_bound_a_batch_norm_is_the_usual_one():
    torch.manual_seed(0)
    norm, plain = BoundedBatchNorm2d(3), nn.BatchNorm2d(3)
    for _ in range(3):
        x = torch.randn(4, 3, 5, 5)
        torch.testing.assert_close(norm(x), plain(x))
    for name, value in plain.state_dict().items():
        torch.testing.assert_close(norm.state_dict()[name], value)


def test_every_batch_norm_of_the_encoder_is_bounded(network):
    norms = [child for child in network.encoder.modules() if isinstance(child, nn.BatchNorm2d)]
    assert norms and all(isinstance(norm, BoundedBatchNorm2d) for norm in norms)
