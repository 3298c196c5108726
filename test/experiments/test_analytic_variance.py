# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""Against numpy and the ridge posterior of scikit-learn."""
from bdl_perception.experiments.analytic_variance import (
    finest_map,
    fit_last_layer,
    mean_variance,
    RELATIVE_PRIOR,
    whitening_from_moment,
)
import numpy as np
from sklearn.linear_model import BayesianRidge
from tiny_network import draw_frames, make_tiny_network
import torch


def frames(seed, count=6):
    return draw_frames(count, seed).permute(0, 3, 1, 2).float()


def test_the_variance_is_that_of_a_bayesian_linear_layer():
    network, batches = make_tiny_network(), [frames(1), frames(2)]
    fitted = fit_last_layer(network, batches)
    phi = torch.cat([finest_map(network, network.encode(rgb).features).movedim(1, -1).flatten(0, 2)
                     for rgb in batches]).detach().double().numpy()
    assert fitted.pixels == len(phi)
    moment = phi.T @ phi / len(phi)
    inverse = np.linalg.inv(
        moment + RELATIVE_PRIOR * np.trace(moment) / len(moment) * np.eye(len(moment)))
    other = frames(3, 2)
    with torch.no_grad():
        encoded = network.encode(other)
        found = fitted.variance(network, encoded.features)
        maps = finest_map(network, encoded.features).movedim(1, -1).double().numpy()
    wanted = np.einsum('bhwc,cd,bhwd->bhw', maps, inverse, maps).mean((1, 2)) / len(moment)
    np.testing.assert_allclose(found.numpy(), wanted, rtol=1e-3)


def test_the_variance_is_in_proportion_to_that_of_scikit_learn():
    rng = np.random.default_rng(0)
    x = rng.standard_normal((200, 3)) * [1, 2, .5]
    ridge = BayesianRidge(fit_intercept=False).fit(x, x @ [1., -1., 2.]
                                                   + rng.standard_normal(200))
    probes = rng.standard_normal((5, 3))
    posterior = ridge.predict(probes, return_std=True)[1] ** 2 - 1 / ridge.alpha_
    whitening = whitening_from_moment(torch.from_numpy(x.T @ x / 200).float())
    found = [float(mean_variance(torch.tensor(probe, dtype=torch.float32)[None, :, None, None],
                                 whitening)) for probe in probes]
    np.testing.assert_allclose(np.divide(found, posterior), found[0] / posterior[0], rtol=.05)
