# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""
The limit of an alarm as a conformal quantile of the peaks of nominal drives.

The peak of a drive is the highest evidence it reaches when the other drives form the score
distribution. The unit is the drive, so frames of one drive may depend on each other in any way.
Of n exchangeable peaks the m-th largest, as a limit, is exceeded by a further drive with
probability m / (n + 1) at most (Vovk, Gammerman & Shafer 2005). Given these n drives, the share
of further drives beyond it is Beta(m, n + 1 - m) distributed, or lower (Wilks 1941).

m is 2 or more: one odd drive, however extreme, cannot raise the limit for all. It is larger where
the target rate allows more drives with a false ERROR among those of the calibration. A higher
target rate, or a lower peak, never raises the limit. By hand: 19 peaks and m = 2: one further
drive in ten exceeds the limit; with m = 1 it would be one in twenty.
"""
import math
from typing import NamedTuple, Sequence

MIN_RANK = 2
CONFIDENCE = .95


class SupportedRate(NamedTuple):
    """What n drives show of a limit that k of them exceed."""

    drives: int  # n
    exceeding: int  # k
    share: float  # (k + 1) / (n + 1), of further drives that exceed it, on average at most
    share_bound: float  # upper bound of the share at CONFIDENCE


def peak_rank(drives: int, hours: float, false_alarms_per_hour: float) -> int:
    """
    Return m: the largest with m / (n + 1) drives of hours / n each within the target, from 2 on.

    By hand: 99 drives in 5 h and one false alarm an hour: m = 5; in 1.2 h it is 2.
    """
    allowed = false_alarms_per_hour * hours * (drives + 1) / drives
    return min(drives, max(MIN_RANK, math.floor(allowed + 1e-9)))


def peak_quantile(peaks: Sequence[float], rank: int) -> float:
    """Return the rank-th largest peak; of 3, 9, 4 the second is 4."""
    return sorted(peaks, reverse=True)[rank - 1]


def peaks_by_recording(peaks: Sequence[float], recordings: Sequence[str]) -> list[float]:
    """Return the highest peak of each recording; a drive without a name is one of its own."""
    named: dict[str, float] = {}
    for peak, name in zip(peaks, recordings, strict=True):
        if name:
            named[name] = max(peak, named.get(name, peak))
    return [*named.values(), *(peak for peak, name in zip(peaks, recordings, strict=True)
                               if not name)]


def supported_rate(peaks: Sequence[float], limit: float) -> SupportedRate:
    """Return what the peaks show of a limit, whichever rule it was set by."""
    count, exceeding = len(peaks), sum(peak > limit for peak in peaks)
    return SupportedRate(count, exceeding, (exceeding + 1) / (count + 1),
                         share_upper_bound(exceeding, count))


def share_upper_bound(exceeding: int, count: int) -> float:
    """
    Return the exact upper bound of a share after k of n (Clopper & Pearson 1934), at CONFIDENCE.

    It is the q with P(Binomial(n, q) <= k) = 1 - CONFIDENCE. By hand: none of 59: 1 - .05^(1/59),
    which is 5 %.
    """
    if exceeding >= count:
        return 1.
    low, high = 0., 1.
    for _ in range(60):  # of bisection: to the last bit
        middle = (low + high) / 2
        at_most = sum(math.comb(count, k) * middle**k * (1 - middle)**(count - k)
                      for k in range(exceeding + 1))
        low, high = (middle, high) if at_most > 1 - CONFIDENCE else (low, middle)
    return (low + high) / 2
