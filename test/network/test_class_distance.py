# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""Class distance of cells, against a computation in numpy."""
from bdl_perception.network.class_distance import (
    cell_classes,
    cell_features,
    CellDistance,
    CellSamples,
    CLASS_SHRINKAGE,
    fit_cell_statistics,
    frequent_classes,
    MIN_CELLS_PER_FEATURE,
    MIN_CLASS_FRACTION,
    SHRINKAGE,
    statistics_from_constants,
)
import numpy as np
import pytest
import torch

FEATURES, DIRECTIONS = 5, 3


@pytest.fixture
def cells():
    """Draw two classes that lie apart, and a few cells of a third that are too few."""
    rng = np.random.default_rng(0)
    drawn = [rng.normal(centre, 1, (60, FEATURES)) @ rng.normal(0, 1, (FEATURES, FEATURES))
             for centre in (0, 5)]
    few = rng.normal(50, 1, (MIN_CELLS_PER_FEATURE * FEATURES - 1, FEATURES))
    classes = np.repeat([0, 2, 1], [60, 60, len(few)]).astype(np.uint8)
    return CellSamples(torch.from_numpy(np.concatenate([*drawn, few])), torch.from_numpy(classes))


def slow_distance(cells, point):
    """Compute the distance from each frequent class with numpy."""
    own = [cells.features[cells.classes == k].numpy() for k in (0, 2)]
    common = np.cov(np.concatenate([one - one.mean(0) for one in own]), rowvar=False, bias=True)
    values, axes = np.linalg.eigh((1 - SHRINKAGE) * common
                                  + SHRINKAGE * np.trace(common) / FEATURES * np.eye(FEATURES))
    projection = axes[:, :DIRECTIONS] / np.sqrt(values[:DIRECTIONS])
    found = []
    for one in own:
        off = (point - one.mean(0)) @ projection
        shrunk = ((1 - CLASS_SHRINKAGE) * np.cov(one @ projection, rowvar=False, bias=True)
                  + CLASS_SHRINKAGE * np.eye(len(off)))
        found.append(np.sqrt(off @ np.linalg.solve(shrunk, off) / len(off)))
    return min(found)


def test_the_distance_is_that_of_the_nearest_frequent_class(cells):
    distance = CellDistance(fit_cell_statistics(cells, 11))
    frame = torch.from_numpy(np.random.default_rng(1).normal(3, 5, (1, FEATURES, 2, 3)))
    found = distance(frame.float())
    assert found.shape == (1, 2, 3)
    for row in range(2):
        for column in range(3):
            wanted = slow_distance(cells, frame[0, :, row, column].numpy())
            assert float(found[0, row, column]) == pytest.approx(wanted, rel=1e-4)


def test_without_a_frequent_class_all_cells_are_one_class(cells):
    ignored = CellSamples(cells.features, torch.full_like(cells.classes, 255))
    assert frequent_classes(ignored, 11) == [] and frequent_classes(cells, 11) == [0, 2]
    assert fit_cell_statistics(ignored, 11).class_means.shape == (1, DIRECTIONS)
    assert fit_cell_statistics(cells, 11).class_means.shape == (2, DIRECTIONS)


def test_a_class_with_too_small_a_share_of_the_cells_is_left_out(cells):
    many = round(MIN_CELLS_PER_FEATURE * FEATURES / MIN_CLASS_FRACTION) + 100
    rng = np.random.default_rng(0)
    for rare, classes in ((MIN_CELLS_PER_FEATURE * FEATURES, 1), (many // 100, 2)):
        drawn = CellSamples(torch.from_numpy(rng.normal(0, 1, (many, FEATURES))),
                            (torch.arange(many) < rare).to(torch.uint8))
        assert len(fit_cell_statistics(drawn, 11).class_means) == classes


def test_equal_cells_of_a_class_give_a_finite_distance(cells):
    same = CellSamples(torch.cat([cells.features, torch.ones(100, FEATURES)]),
                       torch.cat([cells.classes, torch.full((100,), 5, dtype=torch.uint8)]))
    distance = CellDistance(fit_cell_statistics(same, 11))
    assert float(distance(torch.ones(1, FEATURES, 1, 1))) == pytest.approx(0, abs=1e-3)


def test_a_nan_feature_has_a_nan_distance(cells):
    frame = torch.zeros(1, FEATURES, 1, 2)
    frame[0, 1, 0, 1] = torch.nan
    found = CellDistance(fit_cell_statistics(cells, 11))(frame)
    assert found.isnan().tolist() == [[[False, True]]]


def test_one_cell_is_rejected():
    with pytest.raises(ValueError, match='1 cells'):
        fit_cell_statistics(CellSamples(torch.ones(1, FEATURES), torch.zeros(1)), 11)


def test_the_statistics_come_back_from_the_constants(cells):
    statistics = fit_cell_statistics(cells, 11)
    distance = CellDistance(statistics)
    restored = statistics_from_constants(distance.state_dict())
    for found, wanted in zip(restored, statistics, strict=True):
        torch.testing.assert_close(found, wanted, rtol=1e-3, atol=1e-4)


def test_finer_levels_are_averaged_over_the_cells_of_the_second():
    levels = [torch.zeros(1, 2, 1, 1), torch.full((1, 1, 2, 2), 7.),
              torch.arange(16.).reshape(1, 1, 4, 4)]
    found = cell_features(levels)
    assert found[0, 0].tolist() == [[7, 7], [7, 7]]
    assert found[0, 1].tolist() == [[2.5, 4.5], [10.5, 12.5]]


def test_the_class_of_a_cell_is_the_one_at_its_centre():
    classes = torch.zeros(1, 8, 8, dtype=torch.uint8)
    classes[0, 2, 6] = 3
    assert cell_classes(classes, 2, 2).tolist() == [[[0, 3], [0, 0]]]
