# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""How much must have been seen before an alarm can mean anything."""
from bdl_perception.alarm.conformal import smallest_p_value
from bdl_perception.alarm.conformal import Tails
from bdl_perception.alarm.sequential import log_evidence

# A further drive, exchangeable with D others, tops all of them with probability 1 / (D + 1). With
# fewer than eight drives that is above 11 %: the largest value seen would say next to nothing.
FEWEST_DRIVES = 8
# Of a drive, a step apart. The limit of an ERROR is held against what drives gather when they are
# left out. The shipped alarm takes five pictures to its limit, were each the strangest of all
# (soonest.py computes it of any calibration; of fewer observations it is more), so that a drive of
# four could not have reached it whatever it showed; six leave one to spare.
FEWEST_OBSERVATIONS = 6


def fewest_for_evidence(scores: int, tails: Tails, exponent: float) -> int:
    """
    Give the smallest n of which the strangest picture adds to the evidence of an ERROR.

    By hand, e = 1/2 and one score: 1/2 p^(-1/2) is above 1 where p is below 1/4, and p = 1/(n + 1)
    of the strangest is from n = 4 on.
    """
    def rises(count: int) -> bool:
        return log_evidence(smallest_p_value(count, scores, tails), exponent) > 0

    low, high = 0, 1  # of nothing p is 1, and evidence falls
    while not rises(high):
        low, high = high, 2 * high
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if rises(middle) else (middle, high)
    return high
