# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""The optimisation step of a network and of the weights of its two losses."""
from typing import Any, Callable, NamedTuple

from bdl_perception.network.decoder import HeadMaps
from bdl_perception.network.efficientnet_lite import init_from_imagenet
from bdl_perception.network.losses import (
    classification_loss,
    outlier_loss,
    regression_loss,
    regression_weights,
    TaskWeights,
)
from bdl_perception.network.model import Network, NetworkConfig
from bdl_perception.perception.data_types import IGNORE
from bdl_perception.training.batches import Batch, Precision
from bdl_perception.training.checkpoint import Checkpoint, Progress
from bdl_perception.training.config import TrainConfig
from bdl_perception.training.distributed import convert_batch_norms, local_noise, ProcessGroup
import torch
from torch import Tensor
from torch.nn.utils import convert_conv2d_weight_memory_format


class TaskLosses(NamedTuple):
    """Losses of one batch; of a task that is left out: 0."""

    regression: Tensor  # teaches depth; its variance also, unless the run is faithful
    classification: Tensor  # teaches the logits; likewise
    depth_variance: Tensor  # of a faithful run; teaches only the variance of depth, else 0
    logit_variance: Tensor  # likewise, of the logits


class Learner:
    """A network with its optimizer; state is the same in every process of the group."""

    def __init__(self, config: TrainConfig, process_group: ProcessGroup, precision: Precision,
                 build_network: Callable[[NetworkConfig], Network],
                 checkpoint: Checkpoint | None) -> None:
        """Start with a new network, or restore a checkpoint."""
        self._config, self._process_group, self._precision = config, process_group, precision
        process_group.batch_slice(config.batch)  # raises for a batch smaller than the group
        self.network = build_network(config.network)
        if process_group.world_size > 1:
            convert_batch_norms(self.network)
        self.network.to(precision.device)
        convert_conv2d_weight_memory_format(self.network, torch.channels_last)  # faster
        self.network.decoder.detach_variances = config.faithful
        self.task_weights = TaskWeights(config.depth_weight).to(precision.device)
        weights = config.class_weights
        self._class_weights = torch.tensor(weights, device=precision.device) if weights else None
        self.optimizer = torch.optim.AdamW(self._parameter_groups(), config.learning_rate)
        self._scaler = precision.grad_scaler()
        if checkpoint is not None:
            self._restore(checkpoint)
        elif config.pretrained:
            init_from_imagenet(self.network.encoder)
        self._distributed_network = process_group.wrap_ddp(self.network)

    def _parameter_groups(self) -> list[dict[str, Any]]:
        """Apply weight decay to kernels only: zero is no neutral value of the others."""
        encoder = [*self.network.encoder.parameters()]
        known = {id(parameter) for parameter in encoder}
        others = [parameter for module in (self.network, self.task_weights)
                  for parameter in module.parameters() if id(parameter) not in known]
        return [{'params': [parameter for parameter in part if (parameter.ndim > 1) == decays],
                 'weight_decay': self._config.weight_decay * decays, 'share': share}
                for part, share in ((encoder, self._config.encoder_rate), (others, 1.0))
                for decays in (True, False)]

    def _restore(self, checkpoint: Checkpoint) -> None:
        checkpoint.load_into(self.network)
        self.task_weights.load_state_dict(checkpoint.task_weights)
        self.optimizer.load_state_dict(checkpoint.optimizer)
        if checkpoint.scaler and self._scaler.is_enabled():
            self._scaler.load_state_dict(checkpoint.scaler)

    def checkpoint(self, progress: Progress) -> Checkpoint:
        """Return the state from which a run can resume."""
        return Checkpoint(self._config, self.network.state_dict(), self.task_weights.state_dict(),
                          self.optimizer.state_dict(), progress, self._scaler.state_dict())

    def step(self, batch: Batch, rate: float, completed: float = 1.0,
             data_frames: int = 0) -> list[float]:
        """
        Train on one batch at a learning rate; returns the loss and its two unweighted parts.

        completed: fraction of the run before this step. data_frames: number of different training
        frames, which concrete dropout needs.
        """
        for group in self.optimizer.param_groups:
            group['lr'] = rate * group['share']
        self.network.train()
        part = self._process_group.batch_slice(len(batch))
        batch = self._precision.batch_to_device(batch)
        masks = [mask[part].to(batch.rgb.device)
                 for mask in self.network.draw_masks(len(batch))]
        with self._precision.autocast():
            outputs = self._distributed_network(batch.rgb[part], masks)
        maps = HeadMaps(*(each.float() for each in outputs))
        learned = self._config.aleatoric and completed >= self._config.variance_warm_up
        losses = self._losses(maps, batch, part, learned)
        loss = self._total_loss(losses, batch, learned)
        if self._config.outlier_weight:
            loss = loss + self._config.outlier_weight * self._outlier_loss(maps, batch, part)
        if self._config.network.concrete:
            loss = loss + self._dropout_regulariser(losses, learned, data_frames)
        if not torch.isfinite(loss):
            raise RuntimeError(f'the loss became {loss.item()}; lower learning_rate and resume')
        self._update_weights(loss)
        regression, classification, depth_variance, logit_variance = (
            float(each.detach()) for each in losses)
        return [float(loss.detach()), regression + depth_variance,
                classification + logit_variance]

    def _update_weights(self, loss: Tensor) -> None:
        """Follow the gradient of a loss by one step."""
        self.optimizer.zero_grad()
        self._scaler.scale(loss).backward()  # type: ignore[no-untyped-call]
        self._scaler.unscale_(self.optimizer)
        torch.nn.utils.clip_grad_norm_(self.network.parameters(), self._config.clip)
        self._scaler.step(self.optimizer)
        self._scaler.update()

    def _total_loss(self, losses: TaskLosses, batch: Batch, learned: bool) -> Tensor:
        """Weight the tasks; losses on detached means and features need no weight."""
        config, variances = self._config, losses.depth_variance + losses.logit_variance
        if config.tasks != 'both':
            return losses.regression + losses.classification + variances
        weighted: Tensor = self.task_weights(
            losses.regression, losses.classification, bool(batch.log_depth.isfinite().any()),
            bool((batch.classes != IGNORE).any()), learned and not config.faithful)
        return weighted + variances

    def _dropout_regulariser(self, losses: TaskLosses, learned: bool, data_frames: int) -> Tensor:
        """
        Divide the divergence of the masks by the number of frames; a frame is one observation.

        A plain error of depth is a likelihood times the noise, sigma^2 or b, so the divergence is
        multiplied by it too: by the best constant one, which is 2 L of the squared error, and L
        of the absolute error.
        """
        if data_frames < 1:
            raise ValueError(f'data_frames is {data_frames}; concrete dropout needs the number of '
                             f'different training frames')
        config, noise = self._config, losses.regression.new_ones(())
        if config.tasks == 'depth' and (config.faithful or not learned):
            factor = 1.0 if config.likelihood == 'laplace' else 2.0
            noise = factor * losses.regression.detach()
        return noise * self.network.dropout_divergence() / data_frames

    def _losses(self, maps: HeadMaps, batch: Batch, part: slice, learned: bool) -> TaskLosses:
        """Return the losses of the whole batch; the maps are those of a slice."""
        config, separate = self._config, learned and self._config.faithful
        joint, none = learned and not separate, maps.log_depth.new_zeros(())
        regression = classification = depth_variance = logit_variance = none
        if config.tasks != 'classes':
            mean, variance, truth = maps.log_depth, maps.depth_log_variance, batch.log_depth[part]
            regression = self._regression(mean, variance if joint else None, truth, config.beta)
            if separate:
                depth_variance = self._regression(mean.detach(), variance, truth, 0.0)
        if config.tasks != 'depth':
            logits, variance = maps.logits, maps.logit_log_variance
            classification = self._classification(logits, variance if joint else None, batch, part)
            if separate:
                logit_variance = self._classification(logits.detach(), variance, batch, part)
        return TaskLosses(regression, classification, depth_variance, logit_variance)

    def _regression(self, mean: Tensor, log_variance: Tensor | None, target: Tensor,
                    beta: float) -> Tensor:
        """Return the loss of depth over all processes; maps and target are those of this one."""
        loss = regression_loss(mean, log_variance, target, beta, self._config.likelihood)
        weight = regression_weights(log_variance, target, beta).sum()
        return self._process_group.weighted_mean(loss, weight)

    def _classification(self, logits: Tensor, log_variance: Tensor | None, batch: Batch,
                        part: slice) -> Tensor:
        """Return the loss of the classes over all processes; the maps are those of a slice."""
        config, classes = self._config, batch.classes[part]
        noise = (None if log_variance is None else
                 local_noise(batch.classes, part, config.logit_samples, config.network.classes))
        loss = classification_loss(logits, log_variance, classes, noise=noise,
                                   weights=self._class_weights)
        return self._process_group.weighted_mean(loss, self._label_weight(classes))

    def _outlier_loss(self, maps: HeadMaps, batch: Batch, part: slice) -> Tensor:
        """Return the loss at pasted unknown objects over all processes."""
        outliers = batch.outliers[part]
        return self._process_group.weighted_mean(outlier_loss(maps.logits, outliers),
                                                 outliers.sum())

    def _label_weight(self, classes: Tensor) -> Tensor:
        """Return the sum of the class weights of the labelled pixels."""
        labelled = classes[classes != IGNORE]
        if self._class_weights is None:
            return torch.tensor(len(labelled))
        return self._class_weights[labelled.long()].sum()
