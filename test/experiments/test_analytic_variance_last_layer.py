# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
from bdl_perception.experiments.analytic_variance import (
    decoder_maps,
    fit_last_layer,
    mean_variance,
    RELATIVE_PRIOR,
    whitening_from_moment,
)
import numpy as np
import pytest
from tiny_network import draw_frames, make_tiny_network
import torch


def _pictures(count, seed):
    return draw_frames(count, seed).permute(0, 3, 1, 2).float()


@torch.no_grad()
def test_it_is_the_formula_pixel_by_pixel():
    network = make_tiny_network()
    taught, asked = _pictures(2, 0), _pictures(1, 1)
    fitted = fit_last_layer(network, [taught])
    for level, whitening in enumerate(fitted):
        phi = decoder_maps(network, network.encode(taught).features)[level].double().numpy()
        phi = phi.transpose(0, 2, 3, 1).reshape(-1, phi.shape[1])  # (N, C)
        moment = phi.T @ phi / len(phi)
        prior = RELATIVE_PRIOR * np.trace(moment) / len(moment) * np.eye(len(moment))
        new = decoder_maps(network, network.encode(asked).features)[level]
        rows = new.double().numpy()[0].reshape(new.shape[1], -1).T
        expected = np.mean([row @ np.linalg.solve(moment + prior, row) for row in rows])
        found = mean_variance(new, whitening)
        assert float(found) == pytest.approx(expected / len(moment), rel=1e-3)


def test_a_direction_that_no_training_pixel_took_has_a_large_variance():
    whitening = whitening_from_moment(torch.tensor([[2., 0.], [0., 0.]]))
    along, across = (torch.tensor(phi).reshape(1, 2, 1, 1) for phi in ([1., 0.], [0., 1.]))
    assert float(mean_variance(along, whitening)) == pytest.approx(.5 / (2 + RELATIVE_PRIOR))
    assert float(mean_variance(across, whitening)) == pytest.approx(.5 / RELATIVE_PRIOR)
