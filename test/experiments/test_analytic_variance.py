# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""Analytic variances against their formulas in numpy."""
from bdl_perception.experiments.analytic_variance import (
    decoder_maps,
    fit_last_layer,
    fit_pixel_features,
    fit_random_features,
    fourier_features,
    mean_variance,
    N_FEATURES,
    RELATIVE_PRIOR,
    whitening_from_moment,
)
from bdl_perception.network.decoder import rms_normalised
import numpy as np
import pytest
from tiny_network import draw_frames, make_tiny_network
import torch


def _frames(count, seed):
    return draw_frames(count, seed).permute(0, 3, 1, 2).float()


@torch.no_grad()
def test_linear_variance_is_the_formula_pixel_by_pixel():
    network = make_tiny_network()
    train, test = _frames(2, 0), _frames(1, 1)
    fitted = fit_last_layer(network, [train])
    for level, whitening in enumerate(fitted):
        phi = decoder_maps(network, network.encode(train).features)[level].double().numpy()
        phi = phi.transpose(0, 2, 3, 1).reshape(-1, phi.shape[1])  # (N, C)
        moment = phi.T @ phi / len(phi)
        prior = RELATIVE_PRIOR * np.trace(moment) / len(moment) * np.eye(len(moment))
        new = decoder_maps(network, network.encode(test).features)[level]
        rows = new.double().numpy()[0].reshape(new.shape[1], -1).T
        expected = np.mean([row @ np.linalg.solve(moment + prior, row) for row in rows])
        found = mean_variance(new, whitening)
        assert float(found) == pytest.approx(expected / len(moment), rel=1e-3)


def test_an_unused_direction_has_a_large_variance():
    whitening = whitening_from_moment(torch.tensor([[2., 0.], [0., 0.]]))
    along, across = (torch.tensor(phi).reshape(1, 2, 1, 1) for phi in ([1., 0.], [0., 1.]))
    assert float(mean_variance(along, whitening)) == pytest.approx(.5 / (2 + RELATIVE_PRIOR))
    assert float(mean_variance(across, whitening)) == pytest.approx(.5 / RELATIVE_PRIOR)


def _coarsest(network, features):
    """Return the normalised coarsest map of one frame, (N, C) float64, without the decoder."""
    return rms_normalised(features[0])[0].flatten(1).T.double().numpy()


@torch.no_grad()
def test_random_feature_variance_is_the_formula_pixel_by_pixel():
    network = make_tiny_network()
    train, test = _frames(3, 3), _frames(2, 2)
    fitted = fit_random_features(network, [train[:2], train[2:]])
    known = np.concatenate([_coarsest(network, network.encode(one[None]).features)
                            for one in train])
    pairs = ((known[:, None] - known[None]) ** 2).sum(2)
    w, b = (values.double().numpy() for values in (fitted.frequencies, fitted.phases))
    assert np.std(w) * np.sqrt(pairs.mean()) == pytest.approx(1, rel=.05)  # W / l, W standard
    z = np.sqrt(2 / N_FEATURES) * np.cos(known @ w + b)  # (N, D)
    matrix = z.T @ z / len(z)
    matrix += RELATIVE_PRIOR * np.trace(matrix) / N_FEATURES * np.eye(N_FEATURES)
    found = fitted.variance(network, network.encode(test).features)
    for index, one in enumerate(test):
        new = np.sqrt(2 / N_FEATURES) * np.cos(
            _coarsest(network, network.encode(one[None]).features) @ w + b)
        expected = np.mean([row @ np.linalg.solve(matrix, row) for row in new]) / N_FEATURES
        assert float(found[index]) == pytest.approx(expected, rel=5e-3)


def _variance_of(fitted, pixels):
    z = fourier_features(pixels, fitted.frequencies, fitted.phases)
    return (z @ fitted.whitening).square().mean(-1)


def test_variance_grows_with_distance_along_one_direction():
    torch.manual_seed(0)
    pixels = torch.randn(2000, 4) * .1 + torch.tensor([1., 0., 0., 0.])
    fitted = fit_pixel_features(pixels)
    steps = torch.tensor([0., .25, .5, .75, 1.])
    away = torch.outer(1 + steps, torch.tensor([1., 0., 0., 0.]))
    found = _variance_of(fitted, away)
    assert (found.diff() > 0).all() and found[-1] > 50 * found[0]
    assert 0 < _variance_of(fitted, pixels).mean() < 1 < .01 * found[-1]


def test_the_features_stand_for_a_gaussian_kernel():
    torch.manual_seed(0)
    pixels = torch.randn(400, 3)
    fitted = fit_pixel_features(pixels)
    z = fourier_features(pixels, fitted.frequencies, fitted.phases).numpy()
    x = pixels.numpy()
    squares = ((x[:, None] - x[None]) ** 2).sum(2)
    assert np.abs(z @ z.T - np.exp(-squares / (2 * squares.mean()))).mean() < .05


def test_maps_that_do_not_vary_are_rejected():
    with pytest.raises(ValueError, match='does not vary'):
        fit_pixel_features(torch.ones(5, 3))
