# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""Conformal p-values compared with crepes (Boström 2022), also by group and with ties."""
from bdl_perception.alarm.conformal import p_value, threshold
import numpy as np
import pytest

crepes = pytest.importorskip('crepes')


def made_scores(seed: int) -> tuple[list[float], list[float]]:
    """Draw ascending calibration scores and new scores; odd seeds have ties."""
    rng = np.random.default_rng(seed)
    digits = 1 if seed % 2 else 15
    calibration, new = rng.normal(0, 1, 87).round(digits), rng.normal(.5, 2, 40).round(digits)
    return sorted(calibration.tolist()), [*new.tolist(), calibration.min(), calibration.max()]


@pytest.mark.parametrize('seed', range(4))
def test_p_values_are_those_of_crepes(seed: int) -> None:
    calibration, new = made_scores(seed)
    classifier = crepes.ConformalClassifier().fit(np.array(calibration))
    expected = classifier.predict_p(np.array(new)[:, None], smoothing=False)[:, 0]
    assert [p_value(calibration, score) for score in new] == pytest.approx(expected.tolist())


@pytest.mark.parametrize('seed', range(2))
def test_p_values_by_group_are_those_of_a_mondrian_classifier(seed: int) -> None:
    (day, new), (night, _) = made_scores(seed), made_scores(seed + 2)
    classifier = crepes.ConformalClassifier().fit(
        np.array(day + night), bins=np.array(['day'] * len(day) + ['night'] * len(night)))
    for name, group in (('day', day), ('night', night)):
        expected = classifier.predict_p(np.array(new)[:, None], bins=np.array([name] * len(new)),
                                        smoothing=False)[:, 0]
        assert [p_value(group, score) for score in new] == pytest.approx(expected.tolist())


@pytest.mark.parametrize('alpha', [.02, .1, .37])
def test_a_threshold_is_exceeded_where_crepes_rejects_the_score(alpha: float) -> None:
    calibration, new = made_scores(1)
    classifier = crepes.ConformalClassifier().fit(np.array(calibration))
    accepted = classifier.predict_set(np.array(new)[:, None], confidence=1 - alpha,
                                      smoothing=False)[:, 0]
    assert [score <= threshold(calibration, alpha) for score in new] == accepted.tolist()
