# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
from bdl_perception.experiments.analytic_variance import (
    fit_pixel_features,
    fit_random_features,
    fourier_features,
    N_FEATURES,
    RELATIVE_PRIOR,
)
from bdl_perception.network.decoder import rms_normalised
import numpy as np
import pytest
from tiny_network import draw_frames, make_tiny_network
import torch


def _coarsest(network, features):
    """Give the normalised coarsest map of one picture, (N, C) float64, without the decoder."""
    return rms_normalised(features[0])[0].flatten(1).T.double().numpy()


@torch.no_grad()
def test_it_is_the_formula_pixel_by_pixel():
    network = make_tiny_network()
    taught, asked = (draw_frames(count, count).permute(0, 3, 1, 2).float() for count in (3, 2))
    fitted = fit_random_features(network, [taught[:2], taught[2:]])
    known = np.concatenate([_coarsest(network, network.encode(one[None]).features)
                            for one in taught])
    pairs = ((known[:, None] - known[None]) ** 2).sum(2)
    w, b = (values.double().numpy() for values in (fitted.frequencies, fitted.phases))
    assert np.std(w) * np.sqrt(pairs.mean()) == pytest.approx(1, rel=.05)  # W / l, W standard
    z = np.sqrt(2 / N_FEATURES) * np.cos(known @ w + b)  # (N, D)
    matrix = z.T @ z / len(z)
    matrix += RELATIVE_PRIOR * np.trace(matrix) / N_FEATURES * np.eye(N_FEATURES)
    found = fitted.variance(network, network.encode(asked).features)
    for index, one in enumerate(asked):
        new = np.sqrt(2 / N_FEATURES) * np.cos(
            _coarsest(network, network.encode(one[None]).features) @ w + b)
        expected = np.mean([row @ np.linalg.solve(matrix, row) for row in new]) / N_FEATURES
        assert float(found[index]) == pytest.approx(expected, rel=5e-3)


def _variance_of(fitted, pixels):
    z = fourier_features(pixels, fitted.frequencies, fitted.phases)
    return (z @ fitted.whitening).square().mean(-1)


def test_it_grows_with_the_distance_from_the_training_pixels_in_their_own_direction():
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


def test_maps_that_do_not_vary_are_refused():
    with pytest.raises(ValueError, match='does not vary'):
        fit_pixel_features(torch.ones(5, 3))
