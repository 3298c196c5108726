# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""Metrics compared with torchmetrics, on which torch-uncertainty builds."""
from bdl_perception.metrics.ood import bootstrap_separation, separation
from bdl_perception.metrics.reliability import (
    bin_confidence,
    ECE_BINS,
    reliability_quality,
    ReliabilityMetricState,
)
from made_predictions import labelled_prediction
import numpy as np
import pytest

torchmetrics = pytest.importorskip('torchmetrics.functional.classification')
torch = pytest.importorskip('torch')


def made_scores(seed: int) -> tuple[list[float], list[float]]:
    """Draw nominal and OOD scores; odd seeds have ties."""
    rng = np.random.default_rng(seed)
    nominal, ood = rng.normal(0, 1, 90), rng.normal(1, 2, 35)
    digits = 1 if seed % 2 else 15
    return nominal.round(digits).tolist(), ood.round(digits).tolist()


def as_probabilities(nominal: list[float], ood: list[float]) -> tuple:
    """Rank the scores into [0, 1], where torchmetrics applies no sigmoid; 1 is OOD."""
    ranks = np.unique([*nominal, *ood], return_inverse=True)[1]
    truth = [0] * len(nominal) + [1] * len(ood)
    return torch.tensor(ranks / ranks.max(), dtype=torch.float64), torch.tensor(truth)


@pytest.mark.parametrize('seed', range(10))
def test_separation_is_that_of_torchmetrics(seed: int) -> None:
    nominal, ood = made_scores(seed)
    found, given = separation(nominal, ood), as_probabilities(nominal, ood)
    assert found.auroc == pytest.approx(float(torchmetrics.binary_auroc(*given)))
    assert found.aupr == pytest.approx(float(torchmetrics.binary_average_precision(*given)))
    specificity, _ = torchmetrics.binary_specificity_at_sensitivity(*given, min_sensitivity=.95)
    assert found.fpr_95 == pytest.approx(1 - float(specificity))


@pytest.mark.parametrize('seed', range(4))
def test_a_replicate_of_all_drives_is_that_of_torchmetrics(seed: int) -> None:
    nominal, ood = made_scores(seed)
    once = [np.ones((1, len(scores))) for scores in (nominal, ood)]
    found = bootstrap_separation([[score] for score in nominal], [[score] for score in ood], *once)
    given = as_probabilities(nominal, ood)
    assert found.auroc[0] == pytest.approx(float(torchmetrics.binary_auroc(*given)))
    assert found.aupr[0] == pytest.approx(float(torchmetrics.binary_average_precision(*given)))


@pytest.mark.parametrize('seed', range(4))
def test_the_calibration_error_is_that_of_torchmetrics(seed: int) -> None:
    rng = np.random.default_rng(seed)
    probability = rng.dirichlet([.5] * 11, 200).astype(np.float32)  # (N, K)
    truth = np.where(rng.random(200) < .5, probability.argmax(1), rng.integers(0, 11, 200))
    state = ReliabilityMetricState()
    state.update(labelled_prediction(
        max_probability=probability.max(1)[None], label=truth[None].tolist(),
        probability=probability.T[:, None]))
    found = reliability_quality(state.state())
    expected = torchmetrics.multiclass_calibration_error(
        torch.from_numpy(probability), torch.from_numpy(truth), num_classes=11, n_bins=ECE_BINS,
        norm='l1')
    assert found is not None and found.ece == pytest.approx(float(expected), rel=1e-4)


def test_the_bins_of_all_classes_are_those_of_torchmetrics() -> None:
    rng = np.random.default_rng(0)
    confidence, correct = rng.random(500), rng.random(500) < .4
    count, total, hits = bin_confidence(confidence, correct, 10)
    expected = torchmetrics.binary_calibration_error(
        torch.from_numpy(confidence), torch.from_numpy(correct).long(), n_bins=10, norm='l1')
    assert np.abs(hits - total).sum() / count.sum() == pytest.approx(float(expected), rel=1e-4)
