# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""What every measure of quality offers: sums over pictures, of which parts can be added."""
from typing import Mapping, Protocol

from bdl_perception.evaluation.view import View
import numpy as np
from numpy.typing import NDArray

Sums = Mapping[str, NDArray[np.float64]]  # name -> counts or sums, of a shape that never changes


class Tally(Protocol):
    """Adds up pictures; the sums of two halves, added, are those of the whole."""

    def add(self, view: View) -> None:
        """Take a picture; one without the truth that is asked for adds nothing."""

    def sums(self) -> Sums:
        """Give what was added up so far."""


def added(first: Sums, second: Sums) -> dict[str, NDArray[np.float64]]:
    """Join the sums of two parts; ValueError when they are not of the same measure."""
    if first.keys() != second.keys():
        raise ValueError(f'sums of {sorted(first)} and of {sorted(second)} cannot be added')
    return {name: first[name] + second[name] for name in first}
