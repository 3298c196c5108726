# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""How often something happens, from how often it was seen."""
from typing import NamedTuple

from scipy.stats import chi2

CONFIDENCE = .95


class Rate(NamedTuple):
    """Events an hour with an exact 95 % interval of a Poisson rate."""

    events: int
    hours: float
    per_hour: float
    low: float
    high: float


def rate(events: int, hours: float) -> Rate:
    """
    Give an exact interval (Garwood 1936): of k events, chi2(2k) / 2 to chi2(2k + 2) / 2.

    By hand: none in one hour is 0 an hour, at most -ln(.025) = 3.69. ValueError without time.
    """
    if not hours > 0:
        raise ValueError(f'{hours} hours were watched, of which no rate can be told')
    tail = (1 - CONFIDENCE) / 2
    low = float(chi2.ppf(tail, 2 * events)) / 2 if events else 0.
    return Rate(events, hours, events / hours, low / hours,
                float(chi2.ppf(1 - tail, 2 * events + 2)) / 2 / hours)
