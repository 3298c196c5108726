# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
from bdl_perception.network.feature_statistics import feature_statistics
from bdl_perception.network.feature_statistics import pool_features
from bdl_perception.network.feature_statistics import SHRINKAGE
import numpy as np
import pytest
from tiny_network import draw_pictures
from tiny_network import make_tiny_network
import torch


def test_the_whitened_distance_is_the_mahalanobis_distance():
    rng = np.random.default_rng(0)
    features = rng.normal(0, 1, (200, 5)) @ rng.normal(0, 1, (5, 5)) + 3
    statistics = feature_statistics(torch.from_numpy(features))
    covariance = np.cov(features.T, bias=True)
    shrunk = (1 - SHRINKAGE) * covariance + SHRINKAGE * np.trace(covariance) / 5 * np.eye(5)
    for point in rng.normal(0, 4, (10, 5)):
        deviation = point - features.mean(0)
        wanted = np.sqrt(deviation @ np.linalg.solve(shrunk, deviation))
        whitened = (torch.from_numpy(point).float() - statistics.mean) @ statistics.whitening
        assert float(whitened.norm()) == pytest.approx(wanted, rel=1e-4)


def test_fewer_frames_than_features_still_give_finite_distances():
    statistics = feature_statistics(torch.randn(3, 20))
    assert torch.isfinite(statistics.whitening).all()


@pytest.mark.parametrize('features', [torch.ones(1, 4), torch.ones(9, 4)])
def test_features_that_say_nothing_are_refused(features):
    with pytest.raises(ValueError, match='feature'):
        feature_statistics(features)


def test_pooled_features_are_the_mean_of_the_deepest_map():
    network = make_tiny_network()
    pictures = draw_pictures(3).permute(0, 3, 1, 2).float()
    deep = network.encoder(pictures)[-1]
    found = pool_features(network.train(), [pictures[:2], pictures[2:]])
    torch.testing.assert_close(found, deep.mean((2, 3)))
