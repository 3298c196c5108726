# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""Of which tasks there is any truth: a head without it keeps the weights that were drawn."""
from typing import Mapping, Sequence

LOSSES = {'depth': 'regression', 'classes': 'classification'}  # columns of the history


def untaught(history: Sequence[Mapping[str, float]]) -> list[str]:
    """Name the tasks whose loss was 0 in every epoch, as it is only where no pixel has truth."""
    return [task for task, loss in LOSSES.items()
            if history and all(row.get(loss) == 0 for row in history)]
