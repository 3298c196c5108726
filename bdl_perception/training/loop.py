# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""
The training loop: epochs of steps, a checkpoint and a row of the curves after each.

A run is the same whenever it has the same seed, data and number of threads, also when it was
killed and taken up again: every epoch seeds its own random numbers. Only with `minutes` it is
not, because the learning rate then follows the clock. Several processes make the same run as
one, up to rounding; see parallel.
"""
from contextlib import nullcontext
from dataclasses import fields
from pathlib import Path
import sys
import time
from typing import Callable, Iterator, Sequence

from bdl_perception.network.model import Network
from bdl_perception.network.model import NetworkConfig
from bdl_perception.training.batches import Batch
from bdl_perception.training.batches import plain_batches
from bdl_perception.training.batches import spread_indices
from bdl_perception.training.batches import training_batches
from bdl_perception.training.checkpoint import BEST
from bdl_perception.training.checkpoint import Checkpoint
from bdl_perception.training.checkpoint import in_words
from bdl_perception.training.checkpoint import NAME
from bdl_perception.training.checkpoint import Progress
from bdl_perception.training.checkpoint import read_checkpoint
from bdl_perception.training.checkpoint import SCORE
from bdl_perception.training.checkpoint import Taught
from bdl_perception.training.checkpoint import write_checkpoint
from bdl_perception.training.config import TrainConfig
from bdl_perception.training.curves import draw_curves
from bdl_perception.training.curves import VALIDATION
from bdl_perception.training.curves import write_curves
from bdl_perception.training.datasets import Dataset
from bdl_perception.training.learner import Learner
from bdl_perception.training.parallel import ALONE
from bdl_perception.training.parallel import Team
from bdl_perception.training.precision import choose_precision
from bdl_perception.training.precision import Precision
from bdl_perception.training.schedule import one_cycle
from bdl_perception.training.tensorboard_log import TensorBoardLog
from bdl_perception.training.validation import measure
import numpy as np
import torch
from tqdm import tqdm

MAY_CHANGE = ('epochs', 'minutes', 'patience', 'threads', 'device', 'mixed_precision', 'clip',
              'learning_rate', 'validation_frames')  # when it is taken up; all else is another run
TENSORBOARD = 'tensorboard'  # folder of its events
Clock = Callable[[], float]


class Run:
    """A network on its way; `train` takes it from where it stands to the end."""

    def __init__(self, config: TrainConfig, folder: Path, clock: Clock = time.monotonic,
                 team: Team = ALONE, precision: Precision | None = None,
                 build: Callable[[NetworkConfig], Network] = Network) -> None:
        """Start anew with what build makes, or take up the checkpoint in the folder."""
        torch.set_num_threads(config.threads)
        torch.manual_seed(config.seed)
        self.config, self.folder, self._team = config, folder, team
        self._clock = team.clock(clock) if config.minutes else clock
        self._precision = precision or choose_precision(config.device, config.mixed_precision)
        folder.mkdir(parents=True, exist_ok=True)
        found = read_checkpoint(folder / NAME) if (folder / NAME).exists() else None
        if found is not None:
            self._check_same(found)
        self.learner = Learner(config, team, self._precision, build, found)
        self.progress = found.progress if found is not None else Progress()
        self.progress.finished = found is not None and self._over()

    def hold_to(self, data: Sequence[Taught]) -> None:
        """Remember what is taught; ValueError when it was something else so far."""
        before = self.progress.data
        if before and before != list(data):
            raise ValueError(f'{self.folder} holds a run on {in_words(before)}, not on '
                             f'{in_words(data)}; choose another folder or the same data')
        self.progress.data = list(data)

    def check_patience(self, has_validation: bool) -> None:
        """Refuse patience with nothing to judge by."""
        if self.config.patience and not has_validation:
            raise ValueError(f'patience is {self.config.patience}, but there are no validation '
                             f'frames to judge by; add some or set patience to 0')

    def train(self, teaching: Dataset, validation: Dataset | None) -> Progress:
        """Run the epochs that are left; validation: None for none."""
        self.check_patience(validation is not None)
        if self.progress.finished:
            return self.progress
        leads, history = self._team.leads, self.progress.history
        with TensorBoardLog(self.folder / TENSORBOARD, history) if leads else nullcontext() as log:
            while not self.progress.finished:
                row = self._epoch(teaching)
                self.progress.epoch += 1
                history.append({**row, **self._validate(validation)})
                self.progress.finished = self._over()
                if log is not None:
                    self._keep(log)
        return self.progress

    def _epoch(self, teaching: Dataset) -> dict[str, float]:
        """Go once through the data, or until the minutes are over; returns mean losses."""
        rng = np.random.default_rng((self.config.seed, self.progress.epoch))
        torch.manual_seed(int(rng.integers(2**62)))
        started, begun_s = self._clock(), self.progress.elapsed_s
        sums, steps, before = np.zeros(3), 0, self.progress.images
        for batch, share in self._batches(teaching, rng):
            rate = self.config.learning_rate * one_cycle(self._done(share), self.config.warm_up)
            sums += self.learner.step(batch, rate)
            steps += 1
            self.progress.images += len(batch)
            self.progress.elapsed_s = begun_s + self._clock() - started
        seconds = max(self.progress.elapsed_s - begun_s, 1e-9)
        loss, regression, classification = (sums / steps).tolist()
        depth_s, class_s = self.learner.tasks.log_variances.tolist()
        return {'epoch': self.progress.epoch + 1, 'images': self.progress.images,
                'elapsed_min': self.progress.elapsed_s / 60, 'learning_rate': rate,
                'images_per_s': (self.progress.images - before) / seconds, 'loss': loss,
                'regression': regression, 'classification': classification,
                'log_variance_depth': depth_s, 'log_variance_classes': class_s}

    def _batches(self, teaching: Dataset,
                 rng: np.random.Generator) -> Iterator[tuple[Batch, float]]:
        """Give each batch with the share of the epoch that lies before it."""
        config = self.config
        total = max(1, len(teaching) // config.batch)
        batches = training_batches(teaching, config.batch, rng, config.network, config.augment)
        title = f'epoch {self.progress.epoch + 1}'
        pause_s = 1 if sys.stderr.isatty() else 60  # a log wants a line now and then
        shown = tqdm(batches, title, total, mininterval=pause_s, disable=not self._team.leads)
        for index, batch in enumerate(shown):
            if index and self._done(index / total) >= 1:
                return
            yield batch, index / total

    def _done(self, share: float) -> float:
        """Say how much of the run is over, 0 to 1, with this share of the current epoch."""
        if self.config.minutes:
            return min(1.0, self.progress.elapsed_s / 60 / self.config.minutes)
        return (self.progress.epoch + share) / self.config.epochs

    def _over(self) -> bool:
        """Say whether the run ends here: its length is reached, or its patience is at an end."""
        waited = self.progress.epoch - self.progress.best_epoch
        return self._done(0.0) >= 1 or 0 < self.config.patience <= waited

    def _validate(self, validation: Dataset | None) -> dict[str, float]:
        """Let the leading process look and tell the others, who wait."""
        if validation is None:
            return {}
        return dict(self._team.told(self._look(validation) if self._team.leads else None))

    def _look(self, validation: Dataset) -> dict[str, float]:
        chosen = spread_indices(len(validation), self.config.validation_frames)
        batches = plain_batches(validation, self.config.batch, chosen, self.config.network)
        quality = measure(self.learner.network, map(self._precision.moved, batches))
        return {SCORE: quality.score,
                **{f'{VALIDATION}{name}': value for name, value in quality._asdict().items()}}

    def _keep(self, log: TensorBoardLog) -> None:
        """
        Write the checkpoint, then the curves, and say how it goes.

        The best network comes first: after a kill in between the epoch is done again, and so is
        its file.
        """
        checkpoint = self.learner.checkpoint(self.progress)
        if self.progress.best_epoch == self.progress.epoch:
            write_checkpoint(self.folder / BEST, checkpoint)
        write_checkpoint(self.folder / NAME, checkpoint)
        write_curves(self.folder / 'curves.csv', self.progress.history)
        draw_curves(self.folder / 'curves.png', self.progress.history)
        log.write(self.progress.history[-1])
        tqdm.write('  '.join(f'{name} {value:.4g}'
                             for name, value in self.progress.history[-1].items()))

    def _check_same(self, found: Checkpoint) -> None:
        other = [entry.name for entry in fields(TrainConfig) if entry.name not in MAY_CHANGE
                 and getattr(found.config, entry.name) != getattr(self.config, entry.name)]
        if other:
            raise ValueError(f'{self.folder} holds a run with another {", ".join(other)}; '
                             f'choose another folder or the same configuration')
