# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
from bdl_perception.network.class_distance import fit_whitening
from bdl_perception.network.feature_statistics import (
    CELLS_PER_FRAME,
    collect_features,
    fit_feature_statistics,
    pool_features,
)
import numpy as np
import pytest
from tiny_network import draw_frames, make_tiny_network, TINY
import torch

SHRINKAGE = .05


def test_the_whitened_distance_is_the_mahalanobis_distance():
    rng = np.random.default_rng(0)
    features = rng.normal(0, 1, (200, 5)) @ rng.normal(0, 1, (5, 5)) + 3
    fitted = fit_whitening(torch.from_numpy(features), SHRINKAGE)
    covariance = np.cov(features.T, bias=True)
    shrunk = (1 - SHRINKAGE) * covariance + SHRINKAGE * np.trace(covariance) / 5 * np.eye(5)
    for point in rng.normal(0, 4, (10, 5)):
        deviation = point - features.mean(0)
        wanted = np.sqrt(deviation @ np.linalg.solve(shrunk, deviation))
        whitened = (torch.from_numpy(point).float() - fitted.mean) @ fitted.matrix
        assert float(whitened.norm()) == pytest.approx(wanted, rel=1e-4)


def test_fewer_frames_than_features_still_give_finite_distances():
    assert torch.isfinite(fit_whitening(torch.randn(3, 20), SHRINKAGE).matrix).all()


def test_features_that_do_not_vary_are_rejected():
    with pytest.raises(ValueError, match='features do not vary'):
        fit_whitening(torch.ones(9, 4), SHRINKAGE)


def test_one_frame_is_no_training_set():
    collected = collect_features(make_tiny_network(), batches(1))
    with pytest.raises(ValueError, match='1 frames'):
        fit_feature_statistics(collected, 11)


def test_collected_features_do_not_depend_on_the_batch_size():
    network = make_tiny_network()
    together = collect_features(network.train(), batches(4))
    apart = collect_features(network, [*batches(4, slice(0, 1)), *batches(4, slice(1, 4))])
    torch.testing.assert_close(together.pooled, apart.pooled)
    cells = min(CELLS_PER_FRAME, TINY.height // 8 * TINY.width // 8)
    assert together.cells.features.shape == (4 * cells, sum(TINY.decoder_channels[1:]))
    assert sorted(together.cells.classes.tolist()) == sorted(apart.cells.classes.tolist())


def batches(count, chosen=slice(None)):
    rgb = draw_frames(count).permute(0, 3, 1, 2).float()[chosen]
    truth = torch.arange(count, dtype=torch.uint8)[chosen, None, None]
    return [(rgb, truth.expand(-1, TINY.height // 2, TINY.width // 2))]


def test_pooled_features_are_the_mean_of_the_deepest_map():
    network = make_tiny_network()
    frames = draw_frames(3).permute(0, 3, 1, 2).float()
    deep = network.encoder(frames)[-1]
    found = pool_features(network.train(), [frames[:2], frames[2:]])
    torch.testing.assert_close(found, deep.mean((2, 3)))
