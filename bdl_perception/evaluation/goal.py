# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""What one goal is, and the four things that can be said of it."""
from typing import NamedTuple

MET, MISSED, NOT_SHOWN, NOT_MEASURED = 'met', 'missed', 'not shown', 'not measured'


class Goal(NamedTuple):
    """One line of the summary."""

    what: str
    wish: str
    found: str
    verdict: str


def at_least(value: float, wish: float) -> str:
    """Give the verdict; NaN is missed."""
    return MET if value >= wish else MISSED


def at_most(value: float, wish: float) -> str:
    """Give the verdict; NaN is missed."""
    return MET if value <= wish else MISSED


def missing(what: str, wish: str) -> Goal:
    """Give a goal that no data was there to judge, which is neither met nor missed."""
    return Goal(what, wish, '-', NOT_MEASURED)
