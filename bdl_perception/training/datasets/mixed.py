# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""Several data sets as one."""
from itertools import accumulate
from typing import Sequence

from bdl_perception.training.datasets import Dataset
from bdl_perception.training.datasets import Sample
import numpy as np


class Mixed:
    """One set after the other, each as often as asked for, so that a small one is not drowned."""

    def __init__(self, sets: Sequence[Dataset], repeats: Sequence[int] | None = None) -> None:
        """repeats: how often each set counts in an epoch, once without it."""
        self._sets = tuple(sets)
        self._repeats = (1,) * len(self._sets) if repeats is None else tuple(repeats)
        if not self._sets or len(self._repeats) != len(self._sets):
            raise ValueError(f'{len(self._sets)} data sets and {len(self._repeats)} repeats are '
                             f'given, must be equally many and at least one')
        if min(self._repeats) < 1:
            raise ValueError(f'repeats are {self._repeats}, each must be at least 1')
        lengths = (len(one) * times for one, times in zip(self._sets, self._repeats, strict=True))
        self._ends = list(accumulate(lengths))

    def __len__(self) -> int:
        """Count the samples, those of a repeated set as often as it is repeated."""
        return self._ends[-1]

    def __getitem__(self, index: int) -> Sample:
        """Read one from the set that it belongs to."""
        if not 0 <= index < len(self):
            raise IndexError(f'sample {index} of {len(self)}')
        which = int(np.searchsorted(self._ends, index, side='right'))
        start = self._ends[which - 1] if which else 0
        return self._sets[which][(index - start) % len(self._sets[which])]
