# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""Against the analytic variance of a Bayesian linear layer."""
from bdl_perception.experiments.analytic_variance import finest_map, fit_last_layer
from bdl_perception.experiments.laplace_samples import (
    draw_kernels,
    laplace_forward,
    noise_variances,
)
import pytest
from tiny_network import draw_frames, make_tiny_network
import torch


def frames(seed, count=6):
    return draw_frames(count, seed).permute(0, 3, 1, 2).float()


@pytest.fixture(scope='module')
def sampled():
    network, training = make_tiny_network(), [frames(1), frames(2)]
    fitted = fit_last_layer(network, training)
    kernels = draw_kernels(network, fitted, training, 600)
    return network, training, fitted, laplace_forward(network, frames(3, 2), kernels, True)


def analytic(network, fitted, rgb):
    """Return phi' A^-1 phi of each pixel, divided by the 12 training frames; (B, h, w)."""
    with torch.no_grad():
        phi = finest_map(network, network.encode(rgb).features).movedim(1, -1)
    inverse = fitted.whitening @ fitted.whitening.T
    return torch.einsum('bhwc,cd,bhwd->bhw', phi, inverse, phi) / 12


def test_the_variance_of_the_samples_is_the_analytic_one(sampled):
    network, training, fitted, output = sampled
    with torch.no_grad():
        maps = [network.decode(network.encode(rgb).features, None) for rgb in training]
    noise = torch.cat([each.depth_log_variance for each in maps]).exp().mean()
    wanted = noise * analytic(network, fitted, frames(3, 2))
    assert float((output.epistemic / wanted).mean()) == pytest.approx(1, abs=.1)
    assert float((output.epistemic / wanted).std()) < .1  # sqrt(2 / 599) = .058


def test_logits_vary_with_the_inverse_of_their_curvature(sampled):
    network, training, fitted, output = sampled
    with torch.no_grad():
        p = torch.cat([network.decode(network.encode(rgb).features, None).logits.softmax(1)
                       for rgb in training])
    wanted = analytic(network, fitted, frames(3, 2)) / (p * (1 - p)).mean()
    assert float((output.samples.logits.var(0).mean(1) / wanted).mean()) == pytest.approx(1,
                                                                                          abs=.1)


def test_the_mean_of_the_samples_is_the_single_pass_and_the_variances_do_not_change(sampled):
    network, training, _, output = sampled
    deviation = (output.mean_log_depth - output.single.log_depth) / output.epistemic.sqrt()
    assert float(deviation.abs().max()) < 4 / 600 ** .5
    assert torch.equal(output.samples.variance[0], output.samples.variance[-1])
    with torch.no_grad():
        assert noise_variances(network, training)[1:3].tolist() == [0, 0]
