# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
from statistics import NormalDist

from bdl_perception.training.batches import Batch
from bdl_perception.training.interval_scale import fit_sigma_factor
from bdl_perception.training.interval_scale import scale_sigma
import numpy as np
import pytest
from tiny_network import draw_pictures
from tiny_network import make_tiny_network
import torch


def _batch(network, spread, seed=0):
    """Make truth that lies around the prediction, `spread` times as far as it says."""
    rgb = draw_pictures(2, seed).permute(0, 3, 1, 2).float()
    with torch.no_grad():
        maps = network(rgb)
    noise = torch.randn(maps.log_depth.shape, generator=torch.Generator().manual_seed(seed))
    sigma = (.5 * maps.depth_log_variance).exp()
    truth = maps.log_depth + spread * sigma * noise
    truth[:, :2] = torch.nan
    return Batch(rgb, truth, torch.zeros(truth.shape, dtype=torch.uint8))


@pytest.mark.parametrize('spread', [.5, 1., 3.])
def test_the_factor_is_how_much_wider_the_truth_spreads(spread):
    network = make_tiny_network()
    found = fit_sigma_factor(network, [_batch(network, spread)])
    assert found == pytest.approx(spread, rel=.1)


def test_after_scaling_nine_tenths_of_other_frames_lie_inside():
    network = make_tiny_network()
    fitting, asked = _batch(network, 2.5, 0), _batch(network, 2.5, 1)
    scale_sigma(network, fit_sigma_factor(network, [fitting]))
    with torch.no_grad():
        maps = network(asked.rgb)
    sigma = (.5 * maps.depth_log_variance).exp().numpy()
    error = np.abs((maps.log_depth - asked.log_depth).numpy())
    known = np.isfinite(error)
    inside = error[known] <= NormalDist().inv_cdf(.95) * sigma[known]
    assert inside.mean() == pytest.approx(.9, abs=.03)


def test_without_depth_there_is_nothing_to_scale_by():
    network = make_tiny_network()
    blind = _batch(network, 1.)
    blind.log_depth[:] = torch.nan
    for batches in ([], [blind]):
        with pytest.raises(ValueError, match='no depth'):
            fit_sigma_factor(network, batches)


@pytest.mark.parametrize('factor', [0., -1., float('nan')])
def test_a_factor_that_is_no_scale_is_refused(factor):
    with pytest.raises(ValueError, match='must be positive'):
        scale_sigma(make_tiny_network(), factor)
