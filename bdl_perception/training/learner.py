# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""The optimisation step of a network and of the weights of its two losses."""
from typing import Any, Callable

from bdl_perception.network.decoder import HeadMaps
from bdl_perception.network.efficientnet_lite import init_from_imagenet
from bdl_perception.network.losses import (
    classification_loss,
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
        self.task_weights = TaskWeights(config.depth_weight, config.aleatoric).to(precision.device)
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

    def step(self, batch: Batch, rate: float) -> list[float]:
        """Train on one batch at a learning rate; returns the loss and its two unweighted parts."""
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
        regression, classification = self._losses(maps, batch, part)
        loss = self.task_weights(regression, classification,
                                 bool(batch.log_depth.isfinite().any()),
                                 bool((batch.classes != IGNORE).any()))
        if not torch.isfinite(loss):
            raise RuntimeError(f'the loss became {loss.item()}; lower learning_rate and resume')
        self.optimizer.zero_grad()
        self._scaler.scale(loss).backward()
        self._scaler.unscale_(self.optimizer)
        torch.nn.utils.clip_grad_norm_(self.network.parameters(), self._config.clip)
        self._scaler.step(self.optimizer)
        self._scaler.update()
        return [float(loss.detach()), float(regression.detach()), float(classification.detach())]

    def _losses(self, maps: HeadMaps, batch: Batch, part: slice) -> tuple[Tensor, Tensor]:
        """Return both losses of the whole batch; the maps are those of a slice."""
        config, aleatoric = self._config, self._config.aleatoric
        log_depth, classes = batch.log_depth[part], batch.classes[part]
        variance = maps.depth_log_variance if aleatoric else None
        regression = regression_loss(maps.log_depth, variance, log_depth, config.beta)
        noise = (local_noise(batch.classes, part, config.logit_samples, config.network.classes)
                 if aleatoric else None)
        classification = classification_loss(
            maps.logits, maps.logit_log_variance if aleatoric else None, classes, noise=noise,
            weights=self._class_weights)
        group = self._process_group
        weight = regression_weights(variance, log_depth, config.beta).sum()
        return (group.weighted_mean(regression, weight),
                group.weighted_mean(classification, self._label_weight(classes)))

    def _label_weight(self, classes: Tensor) -> Tensor:
        """Return the sum of the class weights of the labelled pixels."""
        labelled = classes[classes != IGNORE]
        if self._class_weights is None:
            return torch.tensor(len(labelled))
        return self._class_weights[labelled.long()].sum()
