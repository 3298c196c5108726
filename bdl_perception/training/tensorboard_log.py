# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""The history of a run for TensorBoard; a step there is an epoch."""
from pathlib import Path
import time
from types import TracebackType
from typing import Mapping

from bdl_perception.training.curves import VALIDATION
from torch.utils.tensorboard.writer import SummaryWriter


class TensorBoardLog:
    """
    Appends events to a folder; a run that is taken up again hides what it will write anew.

    A kill between a checkpoint and its events loses the last epoch's, so that one is written
    again: every epoch of the history is seen, and once.
    """

    def __init__(self, folder: Path, history: list[dict[str, float]]) -> None:
        """history: the epochs that the checkpoint knows, empty for a new run."""
        _wait_for_a_later_name(folder)
        self._writer = SummaryWriter(folder, purge_step=max(1, len(history)))
        if history:
            self.write(history[-1])

    def __enter__(self) -> 'TensorBoardLog':
        """Give the log itself."""
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 trace: TracebackType | None) -> None:
        """Write what is left, also when the run has failed."""
        self._writer.close()

    def write(self, row: Mapping[str, float]) -> None:
        """Write one epoch, so that it is on the disk when this returns."""
        for name, value in row.items():
            if name != 'epoch':
                self._writer.add_scalar(tag(name), value, int(row['epoch']))
        self._writer.flush()


def tag(name: str) -> str:
    """Group a column as TensorBoard does: validation/abs_rel, train/loss."""
    if name.startswith(VALIDATION):
        return f'validation/{name.removeprefix(VALIDATION)}'
    return f'train/{name}'


def _wait_for_a_later_name(folder: Path) -> None:
    """Let the second end in which a file of the folder was begun: TensorBoard sorts by name."""
    while any(folder.glob(f'events.out.tfevents.{int(time.time())}.*')):
        time.sleep(.05)
