# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
import math

from bdl_perception.network.decoder import HeadMaps
from bdl_perception.network.graphs import (
    MAP_NAMES,
    moderated_logits,
    Perceive,
    Sample,
    softmax_entropy,
)
import numpy as np
import pytest
from tiny_network import draw_frames, make_tiny_network, TINY, tiny_statistics
import torch

pytestmark = pytest.mark.usefixtures('no_gradients')


@pytest.fixture
def no_gradients():
    with torch.no_grad():
        yield


@pytest.fixture
def network():
    return make_tiny_network()


@pytest.fixture
def outputs(network):
    torch.manual_seed(1)
    statistics = tiny_statistics(network)
    found = Perceive(network, statistics)(draw_frames(1))
    return dict(zip([*MAP_NAMES, *(f'features_{k}' for k in range(4))], found, strict=True))


@pytest.fixture
def maps(network):
    return network(draw_frames(1).permute(0, 3, 1, 2).float())


def _double(x):
    """Enlarge (h, w) to twice its size, bilinear with pixel centres at halves, by hand."""
    def rows(a):
        padded = np.concatenate([a[:1], a, a[-1:]])
        out = np.empty((2 * len(a), *a.shape[1:]))
        out[0::2] = .75 * a + .25 * padded[:-2]
        out[1::2] = .75 * a + .25 * padded[2:]
        return out
    return rows(rows(np.asarray(x, float)).T).T


def test_depth_is_the_exponential_of_the_enlarged_log_depth(outputs, maps):
    depth = np.exp(_double(maps.log_depth[0]))
    np.testing.assert_allclose(outputs['depth'][0], depth, rtol=1e-5)


def test_aleatoric_std_is_depth_times_the_std_of_log_depth(outputs, maps):
    small = np.exp(.5 * maps.depth_log_variance[0].double().numpy())
    np.testing.assert_allclose(outputs['log_depth_std'][0], small, rtol=1e-5)
    np.testing.assert_allclose(
        outputs['aleatoric_std'][0], outputs['depth'][0].numpy() * _double(small), rtol=1e-5)


def test_classes_are_those_of_the_largest_enlarged_logit(outputs, maps):
    large = np.stack([_double(logits) for logits in maps.logits[0]])
    assert outputs['classes'].dtype == torch.uint8
    np.testing.assert_array_equal(outputs['classes'][0], large.argmax(0))


def test_probability_and_entropy_are_of_the_moderated_softmax(outputs, maps):
    sigma2 = np.exp(maps.logit_log_variance[0].double().numpy())
    logits = maps.logits[0].double().numpy() / np.sqrt(1 + math.pi / 8 * sigma2)
    p = np.exp(logits) / np.exp(logits).sum(0)
    np.testing.assert_allclose(outputs['max_probability'][0], p.max(0), rtol=1e-5)
    np.testing.assert_allclose(
        outputs['entropy'][0], _double(-(p * np.log(p)).sum(0)), rtol=1e-4, atol=1e-6)


def test_energy_is_of_the_raw_logits(outputs, maps):
    energy = -np.log(np.exp(maps.logits[0].double().numpy()).sum(0))
    np.testing.assert_allclose(outputs['energy'][0], energy, rtol=1e-5, atol=1e-5)


def test_moderated_softmax_approximates_the_average_over_noise():
    torch.manual_seed(0)
    logits, sigma = torch.tensor([0., 1.5]), 1.5
    maps = HeadMaps(torch.empty(0), torch.empty(0), logits.reshape(1, 2, 1, 1),
                    torch.full((1, 1, 1, 1), 2 * math.log(sigma)))
    # MacKay's formula is for the difference of two logits; noise on it alone has sd sigma.
    difference = 1.5 + sigma * torch.randn(200_000)
    wanted = float(difference.sigmoid().mean())
    assert float(moderated_logits(maps).softmax(1)[0, 1]) == pytest.approx(wanted, abs=.01)


def test_softmax_and_entropy_survive_huge_logits():
    softmax = softmax_entropy(torch.tensor([[1e4, -1e4, 0.]]).reshape(1, 3, 1, 1))
    assert softmax.probabilities.flatten().tolist() == [1, 0, 0]
    assert float(softmax.entropy) == 0


def test_samples_with_masks_of_ones_are_the_deterministic_pass(network, outputs, maps):
    features = [outputs[f'features_{k}'] for k in range(4)]
    ones = [torch.ones(3, channels, 1, 1) for channels in TINY.decoder_channels]
    mean, m2, probability, entropy = Sample(network)(*features, *ones)
    torch.testing.assert_close(mean, maps.log_depth[0, ::2, ::2])
    assert float(m2.max()) < 1e-10
    softmax = softmax_entropy(moderated_logits(maps))
    torch.testing.assert_close(probability, 3 * softmax.probabilities[0, :, ::2, ::2])
    torch.testing.assert_close(entropy, 3 * softmax.entropy[0, ::2, ::2])


def test_moments_are_those_of_the_single_passes(network):
    frames = draw_frames(1).permute(0, 3, 1, 2).float()
    masks = network.draw_masks(5)
    features = network.encode(frames).features
    moments = Sample(network)(*features, *masks)
    passes = [network(frames, [mask[t:t + 1] for mask in masks]) for t in range(5)]
    log_depth = np.stack([maps.log_depth[0, ::2, ::2].double().numpy() for maps in passes])
    np.testing.assert_allclose(moments[0], log_depth.mean(0), rtol=1e-5)
    np.testing.assert_allclose(moments[1], 5 * log_depth.var(0), rtol=1e-3, atol=1e-8)
    p = np.stack([softmax_entropy(moderated_logits(maps)).probabilities[0, :, ::2, ::2]
                  .double().numpy() for maps in passes])
    np.testing.assert_allclose(moments[2], p.sum(0), rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(moments[3], -(p * np.log(p)).sum((0, 1)), rtol=1e-4, atol=1e-5)
