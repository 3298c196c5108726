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
from typing import Any, Callable, Iterator

from bdl_perception.network.decoder import HeadMaps
from bdl_perception.network.losses import classification_loss
from bdl_perception.network.losses import regression_loss
from bdl_perception.network.losses import TaskWeights
from bdl_perception.network.model import Network
from bdl_perception.network.model import NetworkConfig
from bdl_perception.network.pretrained import start_from_imagenet
from bdl_perception.perception.classes import IGNORE
from bdl_perception.training.batches import Batch
from bdl_perception.training.batches import plain_batches
from bdl_perception.training.batches import spread_indices
from bdl_perception.training.batches import training_batches
from bdl_perception.training.checkpoint import BEST
from bdl_perception.training.checkpoint import Checkpoint
from bdl_perception.training.checkpoint import NAME
from bdl_perception.training.checkpoint import Progress
from bdl_perception.training.checkpoint import read_checkpoint
from bdl_perception.training.checkpoint import SCORE
from bdl_perception.training.checkpoint import write_checkpoint
from bdl_perception.training.config import TrainConfig
from bdl_perception.training.curves import draw_curves
from bdl_perception.training.curves import VALIDATION
from bdl_perception.training.curves import write_curves
from bdl_perception.training.datasets import Dataset
from bdl_perception.training.parallel import ALONE
from bdl_perception.training.parallel import own_noise
from bdl_perception.training.parallel import Team
from bdl_perception.training.precision import choose_precision
from bdl_perception.training.precision import Precision
from bdl_perception.training.schedule import one_cycle
from bdl_perception.training.shared_norm import share_batch_norms
from bdl_perception.training.tensorboard_log import TensorBoardLog
from bdl_perception.training.validation import measure
import numpy as np
import torch
from torch import Tensor
from torch.nn.utils import convert_conv2d_weight_memory_format
from tqdm import tqdm

MAY_CHANGE = ('epochs', 'minutes', 'patience', 'threads', 'device', 'mixed_precision',
              'validation_frames')  # between a kill and a resume; all else makes another run
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
        team.part(config.batch)  # refuses a batch that is too small to be shared
        self.network = build(config.network)
        if team.size > 1:
            share_batch_norms(self.network)
        self.network.to(self._precision.device)
        convert_conv2d_weight_memory_format(self.network, torch.channels_last)  # is faster
        self.tasks = TaskWeights(config.depth_weight).to(self._precision.device)
        weights = config.class_weights
        self._class_weights = (torch.tensor(weights, device=self._precision.device)
                               if weights else None)
        self.optimizer = torch.optim.AdamW(self._groups(), config.learning_rate)
        self._scaler = self._precision.scaler()
        self.progress = Progress()
        folder.mkdir(parents=True, exist_ok=True)
        if (folder / NAME).exists():
            self._resume(read_checkpoint(folder / NAME))
        elif config.pretrained:
            start_from_imagenet(self.network.encoder)
        self._shared = team.share(self.network)

    def train(self, teaching: Dataset, validation: Dataset | None) -> Progress:
        """Run the epochs that are left; validation: None for none."""
        if self.config.patience and validation is None:
            raise ValueError(f'patience is {self.config.patience}, but there are no validation '
                             f'frames to judge by; add some or set patience to 0')
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

    def _groups(self) -> list[dict[str, Any]]:
        """Let only kernels decay: a bias, a scale or a task weight at zero means something."""
        encoder = [*self.network.encoder.parameters()]
        known = {id(parameter) for parameter in encoder}
        others = [parameter for parameter in (*self.network.parameters(), *self.tasks.parameters())
                  if id(parameter) not in known]
        return [{'params': [parameter for parameter in part if (parameter.ndim > 1) == decays],
                 'weight_decay': self.config.weight_decay * decays, 'share': share}
                for part, share in ((encoder, self.config.encoder_rate), (others, 1.0))
                for decays in (True, False)]

    def _epoch(self, teaching: Dataset) -> dict[str, float]:
        """Go once through the data, or until the minutes are over; returns mean losses."""
        rng = np.random.default_rng((self.config.seed, self.progress.epoch))
        torch.manual_seed(int(rng.integers(2**62)))
        self.network.train()
        started, begun_s = self._clock(), self.progress.elapsed_s
        sums, steps, before = np.zeros(3), 0, self.progress.images
        for batch, share in self._batches(teaching, rng):
            rate = self._set_rate(self._done(share))
            sums += self._step(batch)
            steps += 1
            self.progress.images += len(batch)
            self.progress.elapsed_s = begun_s + self._clock() - started
        seconds = max(self.progress.elapsed_s - begun_s, 1e-9)
        loss, regression, classification = (sums / steps).tolist()
        depth_s, class_s = self.tasks.log_variances.tolist()
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

    def _set_rate(self, done: float) -> float:
        rate = self.config.learning_rate * one_cycle(done, self.config.warm_up)
        for group in self.optimizer.param_groups:
            group['lr'] = rate * group['share']
        return rate

    def _step(self, batch: Batch) -> list[float]:
        """Learn from one batch; returns the loss and its two parts before weighing."""
        part, batch = self._team.part(len(batch)), self._precision.moved(batch)
        masks = [mask[part].to(batch.rgb.device)
                 for mask in self.network.draw_masks(len(batch))]
        with self._precision.autocast():
            halves = self._shared(batch.rgb[part], masks)
        maps = HeadMaps(*(each.float() for each in halves))
        regression, classification = self._losses(maps, batch, part)
        loss = self.tasks(regression, classification)
        if not torch.isfinite(loss):
            raise RuntimeError(f'the loss became {loss.item()} after {self.progress.images} '
                               f'images; lower learning_rate and resume')
        self.optimizer.zero_grad()
        self._scaler.scale(loss).backward()
        self._scaler.unscale_(self.optimizer)
        torch.nn.utils.clip_grad_norm_(self.network.parameters(), self.config.clip)
        self._scaler.step(self.optimizer)
        self._scaler.update()
        return [float(loss.detach()), float(regression.detach()), float(classification.detach())]

    def _losses(self, maps: HeadMaps, batch: Batch, part: slice) -> tuple[Tensor, Tensor]:
        """Give both losses of the whole batch, of which the maps are a part."""
        config, heard = self.config, self.config.aleatoric
        log_depth, classes = batch.log_depth[part], batch.classes[part]
        regression = regression_loss(
            maps.log_depth, maps.depth_log_variance if heard else None, log_depth, config.beta)
        noise = (own_noise(batch.classes, part, config.logit_samples, config.network.classes)
                 if heard else None)
        classification = classification_loss(
            maps.logits, maps.logit_log_variance if heard else None, classes, noise=noise,
            weights=self._class_weights)
        return (self._team.mean(regression, torch.isfinite(log_depth).sum()),
                self._team.mean(classification, self._weight_of(classes)))

    def _weight_of(self, classes: Tensor) -> Tensor:
        """Add up what the labelled pixels count."""
        labelled = classes[classes != IGNORE]
        if self._class_weights is None:
            return torch.tensor(len(labelled))
        return self._class_weights[labelled.long()].sum()

    def _validate(self, validation: Dataset | None) -> dict[str, float]:
        """Let the leading process look and tell the others, who wait."""
        if validation is None:
            return {}
        return dict(self._team.told(self._look(validation) if self._team.leads else None))

    def _look(self, validation: Dataset) -> dict[str, float]:
        chosen = spread_indices(len(validation), self.config.validation_frames)
        batches = plain_batches(validation, self.config.batch, chosen, self.config.network)
        quality = measure(self.network, map(self._precision.moved, batches))
        return {SCORE: quality.score,
                **{f'{VALIDATION}{name}': value for name, value in quality._asdict().items()}}

    def _keep(self, log: TensorBoardLog) -> None:
        """
        Write the checkpoint, then the curves, and say how it goes.

        The best network comes first: after a kill in between the epoch is done again, and so is
        its file.
        """
        checkpoint = Checkpoint(self.config, self.network.state_dict(), self.tasks.state_dict(),
                                self.optimizer.state_dict(), self.progress,
                                self._scaler.state_dict())
        if self.progress.best_epoch == self.progress.epoch:
            write_checkpoint(self.folder / BEST, checkpoint)
        write_checkpoint(self.folder / NAME, checkpoint)
        write_curves(self.folder / 'curves.csv', self.progress.history)
        draw_curves(self.folder / 'curves.png', self.progress.history)
        log.write(self.progress.history[-1])
        tqdm.write('  '.join(f'{name} {value:.4g}'
                             for name, value in self.progress.history[-1].items()))

    def _resume(self, found: Checkpoint) -> None:
        other = [entry.name for entry in fields(TrainConfig) if entry.name not in MAY_CHANGE
                 and getattr(found.config, entry.name) != getattr(self.config, entry.name)]
        if other:
            raise ValueError(f'{self.folder} holds a run with another {", ".join(other)}; '
                             f'choose another folder or the same configuration')
        self.network.load_state_dict(found.network)
        self.tasks.load_state_dict(found.task_weights)
        self.optimizer.load_state_dict(found.optimizer)
        if found.scaler and self._scaler.is_enabled():
            self._scaler.load_state_dict(found.scaler)
        self.progress = found.progress
        self.progress.finished = self._over()
