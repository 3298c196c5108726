# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
from dataclasses import replace

from bdl_perception.experiments.mc_sampling import mc_forward, mc_masks
from bdl_perception.experiments.network_variants import (
    HIDDEN_CHANNELS,
    N_MASKS,
    PRIOR_SCALE,
    RandomisedPriorNetwork,
)
import numpy as np
import pytest
from tiny_network import draw_frames, TINY
import torch


@pytest.fixture
def network():
    torch.manual_seed(0)
    return RandomisedPriorNetwork(replace(TINY, dropout='deep')).eval()


def pictures(count=2):
    return draw_frames(count).permute(0, 3, 1, 2).float()


def silence(heads):
    """Let equal members say nothing."""
    with torch.no_grad():
        for weight in heads.parameters():
            weight.zero_()


def test_equal_members_spread_by_their_priors_alone(network):
    silence(network.decoder.heads.trained)
    assert (mc_forward(network, pictures(), mc_masks(network, 2), True).epistemic > 1e-4).all()
    silence(network.decoder.heads.prior)
    assert not mc_forward(network, pictures(), mc_masks(network, 2), True).epistemic.any()


def _member(layers, x, member, outputs):
    """Compute one head in numpy; x: (N, C)."""
    first, _, second = layers
    rows = slice(member * HIDDEN_CHANNELS, (member + 1) * HIDDEN_CHANNELS)
    hidden = np.maximum(x @ first.weight[rows, :, 0, 0].detach().numpy().T
                        + first.bias[rows].detach().numpy(), 0)
    rows = slice(member * outputs, (member + 1) * outputs)
    return hidden @ second.weight[rows, :, 0, 0].detach().numpy().T + (
        second.bias[rows].detach().numpy())


def test_a_sample_is_one_member_and_the_single_pass_their_mean(network):
    seen = mc_forward(network, pictures(1), mc_masks(network, 2), True)
    with torch.no_grad():
        x = network.decoder.level_maps(seen.encoded.features, None)[-1][0].flatten(1).T.numpy()
    heads, outputs = network.decoder.heads, TINY.classes + 3
    depths = []
    for member in range(N_MASKS):
        said = (_member(heads.trained, x, member, outputs)
                + PRIOR_SCALE * _member(heads.prior, x, member, outputs))
        depths.append(said[:, 0] + TINY.log_depth_centre)
        np.testing.assert_allclose(seen.samples.log_depth[member, 0].flatten(), depths[-1],
                                   rtol=1e-4, atol=1e-5)
        np.testing.assert_allclose(seen.samples.logits[member, 0].flatten(1).T, said[:, 3:],
                                   rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(seen.single.log_depth[0].flatten(), np.mean(depths, axis=0),
                               rtol=1e-4, atol=1e-5)


def test_a_prior_neither_learns_nor_teaches(network):
    network.train()
    maps = network(pictures(4), network.draw_masks(4))
    (maps.log_depth.square().sum() + maps.logits.square().sum()).backward()
    heads = network.decoder.heads
    assert all(weight.grad is None for weight in heads.prior.parameters())
    assert any(weight.grad.any() for weight in heads.trained.parameters())
    network.zero_grad()
    silence(heads.trained)
    network(pictures(4), network.draw_masks(4)).log_depth.sum().backward()
    assert not any(weight.grad.any() for weight in network.encoder.parameters()
                   if weight.grad is not None)


def test_training_lets_every_pixel_hear_the_member_that_it_drew(network):
    torch.manual_seed(0)
    drawn, = network.draw_masks(2)
    assert drawn.shape == (2, N_MASKS, 16, 32) and set(drawn.unique().tolist()) == {0, 1}
    assert (drawn.sum(1) == 1).all() and (drawn.sum((2, 3)) > 0).all()
    seen = mc_forward(network, pictures(), mc_masks(network, 2), True)
    with torch.no_grad():
        found = network(pictures(), [drawn]).log_depth
    wanted = np.take_along_axis(seen.samples.log_depth.numpy(),
                                drawn.argmax(1)[None].numpy(), 0)[0]
    np.testing.assert_allclose(found, wanted, rtol=1e-4, atol=1e-5)


def test_a_member_is_taught_by_its_own_pixels_only(network):
    network.train()
    network(pictures(4), [network.choices[[2]].expand(4, -1, -1, -1)]).log_depth.sum().backward()
    taught = network.decoder.heads.trained[0].weight.grad.flatten(1).any(1)
    assert taught.nonzero().flatten().tolist() and {
        int(row) // HIDDEN_CHANNELS for row in taught.nonzero()} == {2}
