# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""Variants of the network against plain networks and numpy."""
from dataclasses import replace

from bdl_perception.experiments.mc_sampling import mc_forward, mc_masks
from bdl_perception.experiments.network_variants import (
    BoundedBatchNorm2d,
    HIDDEN_CHANNELS,
    MasksemblesNetwork,
    MAX_GAIN,
    N_MASKS,
    overlapping_masks,
    PRIOR_SCALE,
    RandomisedPriorNetwork,
    SpectralNetwork,
)
from bdl_perception.network.model import Network
import numpy as np
import pytest
from tiny_network import draw_frames, TINY
import torch
from torch import nn

DEEP = replace(TINY, dropout='deep')


@pytest.mark.parametrize('scale', [1.5, 2., 3.])
def test_masks_overlap_by_their_scale_and_have_equal_size(scale):
    masks = [set(np.flatnonzero(mask)) for mask in overlapping_masks(8, 64, scale)]
    count, = {len(mask) for mask in masks}
    shared = [len(one & other) / count for index, one in enumerate(masks)
              for other in masks[index + 1:]]
    assert np.mean(shared) == pytest.approx(1 / scale, abs=.03)
    assert set.union(*masks) == set(range(64)) and max(shared) < 1


def test_a_scale_of_one_keeps_everything():
    assert overlapping_masks(3, 5, 1.).all()


def test_impossible_masks_are_rejected():
    with pytest.raises(ValueError, match='choose a smaller scale'):
        overlapping_masks(8, 2, 1000.)


def test_training_and_evaluation_use_the_same_masks():
    torch.manual_seed(0)
    network = MasksemblesNetwork(DEEP)
    choices, = mc_masks(network, 3)
    drawn, = network.draw_masks(100)
    chosen = {next(index for index, mask in enumerate(choices) if torch.equal(one, mask))
              for one in drawn}
    assert chosen == set(range(N_MASKS)) and drawn.shape == (100, 8, 1, 1)
    torch.testing.assert_close(choices.mean(1), torch.ones(N_MASKS, 1, 1))


def test_a_sample_is_the_plain_network_under_one_mask():
    torch.manual_seed(0)
    network = MasksemblesNetwork(DEEP).eval()
    plain = Network(DEEP).eval()
    plain.load_state_dict({name: value for name, value in network.state_dict().items()
                           if name != 'choices'})
    rgb = draw_frames(2).permute(0, 3, 1, 2).float()
    output = mc_forward(network, rgb, mc_masks(network, 3), True)
    with torch.no_grad():
        wanted = torch.stack([plain(rgb, [mask[None]]).log_depth for mask in network.choices])
    torch.testing.assert_close(output.samples.log_depth, wanted)
    assert (output.epistemic > 0).any()


def test_there_must_be_one_layer_of_masks():
    with pytest.raises(ValueError, match="must be 'deep'"):
        MasksemblesNetwork(TINY)


@pytest.fixture
def prior_network():
    torch.manual_seed(0)
    return RandomisedPriorNetwork(DEEP).eval()


def frames(count=2):
    return draw_frames(count).permute(0, 3, 1, 2).float()


def set_to_zero(heads):
    """Set all weights of the heads to zero."""
    with torch.no_grad():
        for weight in heads.parameters():
            weight.zero_()


def test_equal_members_differ_by_their_priors_only(prior_network):
    masks = mc_masks(prior_network, 2)
    set_to_zero(prior_network.decoder.heads.trained)
    assert (mc_forward(prior_network, frames(), masks, True).epistemic > 1e-4).all()
    set_to_zero(prior_network.decoder.heads.prior)
    assert not mc_forward(prior_network, frames(), masks, True).epistemic.any()


def _member(layers, x, member, outputs):
    """Compute one head in numpy; x: (N, C)."""
    first, _, second = layers
    rows = slice(member * HIDDEN_CHANNELS, (member + 1) * HIDDEN_CHANNELS)
    hidden = np.maximum(x @ first.weight[rows, :, 0, 0].detach().numpy().T
                        + first.bias[rows].detach().numpy(), 0)
    rows = slice(member * outputs, (member + 1) * outputs)
    return hidden @ second.weight[rows, :, 0, 0].detach().numpy().T + (
        second.bias[rows].detach().numpy())


def test_a_sample_is_one_member_and_the_single_pass_the_mean(prior_network):
    output = mc_forward(prior_network, frames(1), mc_masks(prior_network, 2), True)
    with torch.no_grad():
        levels = prior_network.decoder.level_maps(output.encoded.features, None)
    x = levels[-1][0].flatten(1).T.numpy()
    heads, outputs = prior_network.decoder.heads, TINY.classes + 3
    depths = []
    for member in range(N_MASKS):
        wanted = (_member(heads.trained, x, member, outputs)
                  + PRIOR_SCALE * _member(heads.prior, x, member, outputs))
        depths.append(wanted[:, 0] + TINY.log_depth_centre)
        np.testing.assert_allclose(output.samples.log_depth[member, 0].flatten(), depths[-1],
                                   rtol=1e-4, atol=1e-5)
        np.testing.assert_allclose(output.samples.logits[member, 0].flatten(1).T, wanted[:, 3:],
                                   rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(output.single.log_depth[0].flatten(), np.mean(depths, axis=0),
                               rtol=1e-4, atol=1e-5)


def test_a_prior_has_no_gradient(prior_network):
    prior_network.train()
    maps = prior_network(frames(4), prior_network.draw_masks(4))
    (maps.log_depth.square().sum() + maps.logits.square().sum()).backward()
    heads = prior_network.decoder.heads
    assert all(weight.grad is None for weight in heads.prior.parameters())
    assert any(weight.grad.any() for weight in heads.trained.parameters())
    prior_network.zero_grad()
    set_to_zero(heads.trained)
    prior_network(frames(4), prior_network.draw_masks(4)).log_depth.sum().backward()
    assert not any(weight.grad.any() for weight in prior_network.encoder.parameters()
                   if weight.grad is not None)


def test_every_pixel_is_trained_with_its_drawn_member(prior_network):
    torch.manual_seed(0)
    drawn, = prior_network.draw_masks(2)
    assert drawn.shape == (2, N_MASKS, 16, 32) and set(drawn.unique().tolist()) == {0, 1}
    assert (drawn.sum(1) == 1).all() and (drawn.sum((2, 3)) > 0).all()
    output = mc_forward(prior_network, frames(), mc_masks(prior_network, 2), True)
    with torch.no_grad():
        found = prior_network(frames(), [drawn]).log_depth
    wanted = np.take_along_axis(output.samples.log_depth.numpy(),
                                drawn.argmax(1)[None].numpy(), 0)[0]
    np.testing.assert_allclose(found, wanted, rtol=1e-4, atol=1e-5)


def test_a_member_is_trained_by_its_own_pixels_only(prior_network):
    prior_network.train()
    masks = prior_network.choices[[2]].expand(4, -1, -1, -1)
    prior_network(frames(4), [masks]).log_depth.sum().backward()
    trained = prior_network.decoder.heads.trained[0].weight.grad.flatten(1).any(1)
    assert trained.nonzero().flatten().tolist() and {
        int(row) // HIDDEN_CHANNELS for row in trained.nonzero()} == {2}


@pytest.fixture(scope='module')
def spectral_network():
    """Train with steps that would make every kernel large."""
    torch.manual_seed(0)
    network = SpectralNetwork(TINY)
    rgb = draw_frames(4).permute(0, 3, 1, 2).float()
    steps = torch.optim.SGD(network.parameters(), 1.)
    for _ in range(5):
        steps.zero_grad()
        (-network(rgb).log_depth.var()).backward()
        nn.utils.clip_grad_norm_(network.parameters(), 1.)
        steps.step()
    for _ in range(30):  # power iterations follow a moving kernel; let them converge
        network(rgb)
    return network.eval()


def kernels(module):
    return [child.weight.detach().flatten(1).numpy() for child in module.modules()
            if isinstance(child, nn.Conv2d)]


def largest(kernel):
    return np.linalg.svd(kernel, compute_uv=False)[0]


def test_spectral_kernels_have_singular_values_of_at_most_one(spectral_network):
    plain = Network(TINY)
    for part in ('encoder', 'project'):
        found = kernels(getattr(spectral_network, part))
        assert len(found) == len(kernels(getattr(plain, part)))
        for kernel in found:
            assert largest(kernel) == pytest.approx(1, abs=.02)
    assert any(largest(kernel) > 1.1 or largest(kernel) < .9 for kernel in kernels(plain.encoder))


def test_the_spectral_decoder_is_unchanged(spectral_network):
    assert not any(nn.utils.parametrize.is_parametrized(child)
                   for child in spectral_network.decoder.modules())


@torch.no_grad()
def test_the_gain_of_a_batch_norm_is_bounded():
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


def test_below_the_bound_a_batch_norm_is_unchanged():
    torch.manual_seed(0)
    norm, plain = BoundedBatchNorm2d(3), nn.BatchNorm2d(3)
    for _ in range(3):
        x = torch.randn(4, 3, 5, 5)
        torch.testing.assert_close(norm(x), plain(x))
    for name, value in plain.state_dict().items():
        torch.testing.assert_close(norm.state_dict()[name], value)


def test_every_batch_norm_of_the_encoder_is_bounded(spectral_network):
    norms = [child for child in spectral_network.encoder.modules()
             if isinstance(child, nn.BatchNorm2d)]
    assert norms and all(isinstance(norm, BoundedBatchNorm2d) for norm in norms)
