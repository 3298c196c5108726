# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
import json
import math

from bdl_perception.metrics.pixels import LabelledPrediction
from bdl_perception.metrics.reliability import (
    apply_temperature,
    bin_confidence,
    reliability_quality,
    ReliabilityMetricState,
    ReliabilityQuality,
)
from bdl_perception.perception.data_types import IGNORE
from made_predictions import (
    assert_states_merge,
    labelled_prediction,
    random_prediction,
    update_all,
)
import numpy as np
import pytest


def reliability(*frames: LabelledPrediction) -> ReliabilityQuality | None:
    return reliability_quality(update_all(ReliabilityMetricState(), *frames).state())


def rows_of(frames: list) -> list:
    """Return (sample probabilities, single confidence, single class, label) of each pixel."""
    return [([float(p) for p in one.epistemic.probability[:, y, x]],
             float(one.prediction.max_probability[y, x]), int(one.prediction.classes[y, x]),
             int(one.classes[y, x]))
            for one in frames for y, x in np.ndindex(one.classes.shape)
            if one.classes[y, x] != IGNORE]


def bins_of(pairs: list, bins: int) -> list:
    found = [[pair for pair in pairs if min(int(pair[0] * bins), bins - 1) == n]
             for n in range(bins)]
    return [(len(b), sum(c for c, _ in b) / len(b), sum(r for _, r in b) / len(b))
            for b in found if b]


def ece_of(pairs: list) -> float:
    return sum(n * abs(c - r) for n, c, r in bins_of(pairs, 15)) / len(pairs)


def mse_of(pairs: list) -> float:
    found = bins_of(pairs, 10)
    return sum((c - r) ** 2 for _, c, r in found) / len(found)


def test_scores_match_the_docstring() -> None:
    probability = np.zeros((11, 1, 10), np.float32)
    probability[0], probability[1] = .9, .1
    labelled = labelled_prediction(max_probability=[[.9] * 10], label=[[0] * 8 + [1] * 2],
                                   probability=probability)
    found = reliability(labelled)
    assert found.ece == pytest.approx(.1) and found.ece_single == pytest.approx(.1)
    assert found.calibration_mse_single == pytest.approx(.01)
    confident = np.zeros((11, 1, 1), np.float32)
    confident[:2, 0, 0] = .8, .2
    one = reliability(labelled_prediction(label=[[0]], probability=confident))
    assert (one.brier, one.nll) == (pytest.approx(.08), pytest.approx(.223, abs=1e-3))
    np.testing.assert_allclose(apply_temperature(np.array([[.8, .2]]), .5), [[16 / 17, 1 / 17]])


def test_scores_match_a_plain_loop() -> None:
    frames = [random_prediction(seed) for seed in range(3)]
    rows = rows_of(frames)
    found = reliability(*frames)
    total = [([p / sum(ps) for p in ps], t) for ps, _, _, t in rows]
    assert found.brier == pytest.approx(
        sum(sum((p - (k == t)) ** 2 for k, p in enumerate(ps)) for ps, t in total) / len(rows))
    assert found.nll == pytest.approx(-sum(math.log(ps[t]) for ps, t in total) / len(rows))
    top = [(max(ps), ps.index(max(ps)) == t) for ps, t in total]
    assert found.ece == pytest.approx(ece_of(top))
    single = [(c, k == t) for _, c, k, t in rows]
    assert found.ece_single == pytest.approx(ece_of(single))
    assert found.calibration_mse_single == pytest.approx(mse_of(single))
    every = [(p, k == t) for ps, t in total for k, p in enumerate(ps)]
    assert found.calibration_mse == pytest.approx(mse_of(every))
    assert sum(found.curve.counts) == len(every)


def test_probabilities_are_enlarged_to_the_size_of_the_truth() -> None:
    small = np.zeros((11, 1, 2), np.float32)
    small[0], small[1] = [[1, 0]], [[0, 1]]
    labelled = labelled_prediction(label=[[0, 0, 0, 0]], probability=small)
    found = reliability(labelled._replace(classes=np.zeros((1, 4), np.uint8)))
    by_hand = [0, 2 * .25 ** 2, 2 * .75 ** 2, 2]  # bilinear: 1, .75, .25, 0
    assert found.brier == pytest.approx(sum(by_hand) / 4)


def test_pixels_without_finite_probabilities_are_left_out() -> None:
    broken = np.zeros((11, 1, 2), np.float32)
    broken[0], broken[5, 0, 1] = 1, np.nan
    found = reliability(labelled_prediction(label=[[0, 0]], probability=broken))
    assert found.brier == pytest.approx(0, abs=1e-9) and sum(found.curve.counts) == 11


def test_probabilities_of_one_fall_in_the_last_bin() -> None:
    np.testing.assert_array_equal(
        bin_confidence(np.array([0., .5, 1.]), np.array([False, True, True]), 2),
        [[1, 2], [0, 1.5], [0, 2]])


def test_the_temperature_applies_to_the_samples_only() -> None:
    plain, soft = (reliability_quality(
        update_all(ReliabilityMetricState(t), random_prediction(0)).state()) for t in (1., 3.))
    assert soft.ece != plain.ece and soft.ece_single == plain.ece_single
    with pytest.raises(ValueError, match='temperature is 0'):
        ReliabilityMetricState(0)


def test_without_labels_none_without_samples_single_pass_only() -> None:
    assert reliability(labelled_prediction(depth=[[1.]])) is None
    found = reliability(labelled_prediction(label=[[0]]))
    assert math.isnan(found.ece) and math.isnan(found.brier) and found.ece_single == .5
    json.dumps(found._asdict())


def test_states_merge() -> None:
    assert_states_merge(ReliabilityMetricState)
