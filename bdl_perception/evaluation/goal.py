# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""What one goal is, and the four things that can be said of it."""
from typing import Collection, NamedTuple, Sequence

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


def over(goal: Goal, judged: Collection[str], asked: Sequence[str]) -> Goal:
    """
    Tell how many of the held-out conditions that are asked for a goal was judged on.

    It is not met without all of them: the alarm may fail on the very one that is missing.
    """
    lacking = [name for name in asked if name not in judged]
    if goal.verdict == NOT_MEASURED or not asked:
        return goal
    without = f', without {", ".join(lacking)}' if lacking else ''
    return goal._replace(
        found=f'{goal.found}; over {len(asked) - len(lacking)} of {len(asked)} held-out '
              f'conditions{without}',
        verdict=NOT_SHOWN if lacking and goal.verdict == MET else goal.verdict)


def missing(what: str, wish: str) -> Goal:
    """Give a goal that no data was there to judge, which is neither met nor missed."""
    return Goal(what, wish, '-', NOT_MEASURED)
