# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
from dataclasses import replace
import math

from bdl_perception.network.concrete_dropout import (
    kl_divergence,
    PRIOR_LENGTH,
    relaxed_mask,
    TEMPERATURE,
)
from bdl_perception.network.export import export_graphs, export_model
from bdl_perception.network.model import Network
from bdl_perception.perception.backend import spec_from_dict, spec_to_dict
from bdl_perception.perception.monte_carlo import draw_masks
import numpy as np
import onnx
import pytest
from scipy.stats import bernoulli
from tiny_network import draw_frames, make_tiny_network, TINY, tiny_statistics
import torch
from torch.distributions import RelaxedBernoulli

CONCRETE = replace(TINY, concrete=True)
LEARNED = (.05, .1, .3, .6)


def _network(probabilities=LEARNED):
    """Make the tiny network of the other tests with learned probabilities."""
    network = Network(CONCRETE)
    network.load_state_dict(make_tiny_network().state_dict(), strict=False)
    with torch.no_grad():
        network.dropout_logits.copy_(torch.tensor(probabilities).logit())
    return network.eval()


@pytest.mark.parametrize('p', [.05, .3, .8])
def test_a_relaxed_mask_is_torchs_relaxed_bernoulli(p):
    logit = torch.tensor(p).logit()
    torch.manual_seed(1)
    mask = relaxed_mask(logit, 3, 50)
    torch.manual_seed(1)
    dropped = RelaxedBernoulli(torch.tensor(TEMPERATURE), logits=logit).rsample((3, 50, 1, 1))
    torch.testing.assert_close(mask * (1 - p), 1 - dropped, rtol=1e-4, atol=1e-5)


def test_relaxed_masks_drop_the_share_p_and_keep_the_mean():
    torch.manual_seed(2)
    mask = relaxed_mask(torch.tensor(.2).logit(), 500, 100)
    assert float((mask < .5 / .8).float().mean()) == pytest.approx(.2, abs=.01)
    assert float(mask.mean()) == pytest.approx(1, abs=.02)


def _divergence(probabilities, squares, channels):
    """Sum the paper's terms with M = W / (1 - p) and scipy's entropy."""
    return sum(
        PRIOR_LENGTH**2 * (1 - p) / 2 * square / (1 - p)**2 - count * bernoulli(p).entropy()
        for p, square, count in zip(probabilities, squares, channels, strict=True))


def test_the_divergence_and_its_gradient_are_the_papers():
    rng = np.random.default_rng(0)
    kernels = [rng.normal(0, 40, (6, 5, 1, 1)), rng.normal(0, 90, (2, 7, 3, 3))]
    squares, logits = [float((kernel**2).sum()) for kernel in kernels], np.array([-1.5, .8])

    def by_hand(values):
        return _divergence(1 / (1 + np.exp(-values)), squares, (5, 7))

    leaf = torch.tensor(logits, requires_grad=True)
    weights = [torch.tensor(kernel, requires_grad=True) for kernel in kernels]
    found = kl_divergence(leaf, weights)
    found.backward()
    assert float(found.detach()) == pytest.approx(by_hand(logits), rel=1e-6)
    for index in (0, 1):
        step = 1e-5 * np.eye(2)[index]
        slope = (by_hand(logits + step) - by_hand(logits - step)) / 2e-5
        assert float(leaf.grad[index]) == pytest.approx(slope, rel=1e-6)
        keep = 1 - 1 / (1 + math.exp(-logits[index]))
        expected = PRIOR_LENGTH**2 / keep * kernels[index]  # d/dW of l^2 W^2 / (2 (1 - p))
        torch.testing.assert_close(weights[index].grad, torch.from_numpy(expected))


def test_the_divergence_gives_the_number_worked_in_its_docstring():
    found = kl_divergence(torch.zeros(1), [torch.zeros(4, 2, 1, 1)])
    assert float(found) == pytest.approx(-1.39, abs=.005)


def test_the_divergence_of_a_network_uses_the_layer_behind_each_mask():
    network = _network()
    decoder = network.decoder
    layers = [*(level.narrow for level in decoder.levels), decoder.heads]
    squares = [float(layer.weight.detach().square().sum()) for layer in layers]
    expected = _divergence(LEARNED, squares, TINY.decoder_channels)
    assert float(network.dropout_divergence().detach()) == pytest.approx(expected, rel=1e-5)


def _learned_probability(frames, steps=500):
    """Fit a sine of noise .1 with `frames` points by a hidden layer with concrete dropout."""
    torch.manual_seed(5)
    x = torch.rand(frames, 1) * 4 - 2
    y = (2 * x).sin() + .1 * torch.randn(frames, 1)
    first, second = torch.nn.Linear(1, 40), torch.nn.Linear(40, 1)
    logit = torch.full((1,), .2).logit().requires_grad_()
    log_variance = torch.zeros(1, requires_grad=True)
    parameters = [*first.parameters(), *second.parameters(), logit, log_variance]
    optimizer = torch.optim.Adam(parameters, .02)
    for _ in range(steps):
        chosen = torch.randint(frames, (64,))
        hidden = torch.relu(first(x[chosen])) * relaxed_mask(logit[0], 64, 40).flatten(1)
        error = (second(hidden) - y[chosen]).square().mean()
        loss = .5 * (error * (-log_variance).exp() + log_variance).sum()
        loss = loss + kl_divergence(logit, [second.weight]) / frames
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return float(logit.detach().sigmoid())


def test_the_probability_falls_with_more_data():
    few, many = map(_learned_probability, (20, 400))
    assert few > .3 and many < .02


def test_masks_of_the_evaluation_follow_each_learned_probability():
    torch.manual_seed(4)
    for mask, p in zip(_network().draw_masks(3000), LEARNED, strict=True):
        values = mask.unique()
        torch.testing.assert_close(values, torch.tensor([0, 1 / (1 - p)]))
        assert float((mask == 0).float().mean()) == pytest.approx(p, abs=.02)
        assert not mask.requires_grad


def test_masks_in_training_have_a_gradient_in_each_probability():
    network = _network().train()
    sum(mask.square().sum() for mask in network.draw_masks(20)).backward()
    assert (network.dropout_logits.grad != 0).all()


def test_a_network_starts_with_the_configured_probability():
    assert Network(CONCRETE).dropout_probabilities == pytest.approx([.2] * 4)
    assert 'dropout_logits' not in Network(TINY).state_dict()


@pytest.mark.parametrize('dropout', ['none', 'deep_encoder', 'everywhere'])
def test_masks_without_one_layer_behind_each_are_rejected(dropout):
    with pytest.raises(ValueError, match=f"dropout is '{dropout}' with concrete"):
        replace(CONCRETE, dropout=dropout)


def _without_names(data):
    """List the operators and the constants of a graph; torch numbers their names."""
    graph = onnx.load_from_string(data).graph
    return ([node.op_type for node in graph.node],
            [onnx.numpy_helper.to_array(value).tobytes() for value in graph.initializer])


def test_the_graphs_are_those_of_a_network_with_fixed_probabilities():
    network, plain = _network(), make_tiny_network()
    statistics = tiny_statistics(plain)
    exported, expected = (export_graphs(one, statistics, 2) for one in (network, plain))
    for name in ('perceive', 'sample'):
        assert _without_names(getattr(exported, name)) == _without_names(getattr(expected, name))


def test_an_exported_model_draws_masks_with_the_learned_probabilities(tmp_path):
    network = _network()
    spec = export_model(tmp_path / 'tiny', network, tiny_statistics(network), name='tiny',
                        chunk=2, frames=list(draw_frames(1)))
    assert spec.dropout_probability == pytest.approx(LEARNED)
    assert spec_from_dict(spec_to_dict(spec)) == spec
    masks = draw_masks(0, 400, spec.dropout_channels, spec.dropout_probability)
    for index, (mask, p) in enumerate(zip(masks, LEARNED, strict=True)):
        alone = draw_masks(0, 400, spec.dropout_channels, spec.dropout_probability[index])
        np.testing.assert_array_equal(mask, alone[index])
        assert float((mask == 0).mean()) == pytest.approx(p, abs=.06)
