# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""Of which tasks there is any truth: a head without it keeps the weights that were drawn."""
from typing import Iterable, Mapping, Sequence

from bdl_perception.perception.classes import IGNORE
from bdl_perception.training.batches import spread_indices
from bdl_perception.training.datasets import Dataset
import numpy as np

LOSSES = {'depth': 'regression', 'classes': 'classification'}  # columns of the history
PROBED = 5  # samples of a set: what these do not know, none does


def untaught(history: Sequence[Mapping[str, float]]) -> list[str]:
    """Name the tasks whose loss was 0 in every epoch, as it is only where no pixel has truth."""
    return [task for task, loss in LOSSES.items()
            if history and all(row.get(loss) == 0 for row in history)]


def tasks_of(dataset: Dataset) -> set[str]:
    """Name the tasks that a set has truth of, as far as a few of its samples tell."""
    tasks = set()
    for index in spread_indices(len(dataset), PROBED):
        sample = dataset[index]
        if np.isfinite(sample.depth).any():
            tasks.add('depth')
        if (sample.classes != IGNORE).any():
            tasks.add('classes')
    return tasks


def lacking(sets: Iterable[Dataset]) -> list[str]:
    """Name the tasks that no set has truth of."""
    there = set().union(*map(tasks_of, sets))
    return [task for task in LOSSES if task not in there]
