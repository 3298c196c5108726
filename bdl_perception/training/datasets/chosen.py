# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""A part of a data set."""
from typing import Sequence

from bdl_perception.training.datasets import Dataset
from bdl_perception.training.datasets import Sample


class Chosen:
    """Some samples of a data set; one may stand there more than once."""

    def __init__(self, dataset: Dataset, indices: Sequence[int]) -> None:
        """Take them in the order of the indices."""
        self._dataset, self._indices = dataset, list(indices)

    def __len__(self) -> int:
        """Count the samples."""
        return len(self._indices)

    def __getitem__(self, index: int) -> Sample:
        """Read one."""
        return self._dataset[self._indices[index]]
