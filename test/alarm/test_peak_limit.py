# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""The limit over drives: by hand, against scipy, and by simulation of dependent frames."""
from itertools import pairwise
from typing import Any

from bdl_perception.alarm.conformal import p_value
from bdl_perception.alarm.cusum import peak_cusum
from bdl_perception.alarm.peak_limit import (
    peak_quantile,
    peak_rank,
    peaks_by_recording,
    share_upper_bound,
    supported_rate,
)
import numpy as np
import pytest
from scipy.stats import beta


@pytest.mark.parametrize(('drives', 'hours', 'rate', 'rank'), [
    (99, 5., 1., 5), (99, 1.2, 1., 2), (99, 1.2, 10., 12), (8, .01, 1., 2), (8, 100., 1., 8),
    (3, 2., 1.5, 3)])
def test_the_rank_is_what_the_rate_allows_and_two_or_more(drives: int, hours: float, rate: float,
                                                          rank: int) -> None:
    assert peak_rank(drives, hours, rate) == rank


def test_a_higher_rate_never_raises_the_limit() -> None:
    peaks = np.random.default_rng(0).exponential(3, 40).tolist()
    limits = [peak_quantile(peaks, peak_rank(40, 3., rate / 4)) for rate in range(1, 60)]
    assert all(later <= before for before, later in pairwise(limits))
    assert limits[0] > limits[-1]


def test_a_lower_peak_never_raises_the_limit() -> None:
    peaks = np.random.default_rng(1).exponential(3, 12).tolist()
    for index in range(12):
        lower = [*peaks[:index], peaks[index] / 2, *peaks[index + 1:]]
        assert peak_quantile(lower, 3) <= peak_quantile(peaks, 3)


def test_one_outlier_drive_does_not_move_the_limit() -> None:
    assert peak_quantile([1., 2., 3., 107.], 2) == peak_quantile([1., 2., 3., 3.5], 2) == 3


def test_pieces_of_a_recording_have_one_peak() -> None:
    assert peaks_by_recording([1., 9., 2., 9., 5.], ['', 'a', '', 'a', 'a']) == [9., 1., 2.]


@pytest.mark.parametrize(('exceeding', 'count'), [(0, 59), (1, 19), (3, 14), (7, 8), (0, 1),
                                                  (2, 500)])
def test_the_upper_bound_is_that_of_clopper_and_pearson(exceeding: int, count: int) -> None:
    assert share_upper_bound(exceeding, count) == pytest.approx(
        beta.ppf(.95, exceeding + 1, count - exceeding), rel=1e-9)


def test_the_supported_rate_counts_the_drives_beyond_the_limit() -> None:
    found = supported_rate([1., 4., 4., 5., 30.], 4.)
    assert (found.drives, found.exceeding, found.share) == (5, 2, .5)
    assert found.share_bound == pytest.approx(beta.ppf(.95, 3, 3))
    assert supported_rate([5., 6.], 1.).share_bound == 1


def dependent_scores(draw: np.random.Generator, drives: int) -> list[Any]:
    """Make drives of 40 frames that depend on each other, with a level of each drive."""
    made = []
    for _ in range(drives):
        row, value = [], draw.normal()
        for _ in range(40):
            value = .95 * value + draw.normal() * (1 - .95**2)**.5
            row.append(value)
        made.append(np.array(row) + draw.standard_t(3))
    return made


def peak(row: Any, others: Any) -> float:
    ordered = np.sort(np.concatenate(others)).tolist()
    return peak_cusum((p_value(ordered, score) for score in row), .3)


@pytest.mark.parametrize('rank', [2, 4])
def test_the_rate_of_false_alarms_holds_although_frames_of_a_drive_depend(rank: int) -> None:
    # 120 calibrations of 19 drives, each with four further drives. Frames are correlated over two
    # seconds of ten frames, and drives differ by more than their frames do.
    draw, beyond, tested = np.random.default_rng(rank), 0, 0
    for _ in range(120):
        drives = dependent_scores(draw, 19)
        limit = peak_quantile([peak(row, drives[:index] + drives[index + 1:])
                               for index, row in enumerate(drives)], rank)
        further = [peak(row, drives) > limit for row in dependent_scores(draw, 4)]
        beyond, tested = beyond + sum(further), tested + 4
    # at most rank / 20; three standard errors of 120 calibrations
    share, allowed = beyond / tested, rank / 20
    assert share <= allowed + 3 * (allowed * (1 - allowed) / 120)**.5
    assert share > allowed / 4  # the limit is not merely out of reach


def test_the_theoretical_limit_alone_does_not_hold_for_such_drives() -> None:
    draw = np.random.default_rng(0)
    beyond = 0
    for _ in range(30):
        drives = dependent_scores(draw, 19)
        [further] = dependent_scores(draw, 1)
        beyond += peak(further, drives) > np.log(40 * 20)  # one false alarm in 20 drives, if
    assert beyond > 30 / 20  # frames were independent
