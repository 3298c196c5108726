# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""
The two modules that become ONNX graphs: uint8 frame in, finished maps out.

Pre- and post-processing are part of the graphs, so that all backends share them.
"""
import math
from typing import NamedTuple

from bdl_perception.network.class_distance import cell_features, CellDistance
from bdl_perception.network.decoder import HeadMaps
from bdl_perception.network.feature_statistics import FeatureStatistics
from bdl_perception.network.model import Network
from bdl_perception.perception.backend import PERCEIVE_OUTPUTS, SAMPLE_OUTPUTS
import torch
from torch import nn, Tensor
from torch.nn import functional

MAP_NAMES = tuple(output.name for output in PERCEIVE_OUTPUTS)
# Samples are computed at every second row and column of the decoder's finest map: their variance
# is smooth and read in pools, and the pixels in between took half of a sample's time.
SAMPLE_DECODER_STRIDE = 2
MOMENT_NAMES = tuple(output.name for output in SAMPLE_OUTPUTS)


class SoftmaxOutput(NamedTuple):
    """Softmax over axis 1 of the logits, and its entropy."""

    probabilities: Tensor  # (S, K, h, w)
    entropy: Tensor  # (S, h, w) nat


def moderated_logits(maps: HeadMaps) -> Tensor:
    """
    Shrink logits by their predicted noise: x / sqrt(1 + pi/8 sigma^2) (MacKay 1992).

    The expected softmax under Gaussian logit noise, without drawing the noise. (S, K, h, w).
    """
    return maps.logits * torch.rsqrt(1.0 + math.pi / 8.0 * maps.logit_log_variance.exp())


def softmax_entropy(logits: Tensor) -> SoftmaxOutput:
    """Compute softmax and entropy, H = log Z - sum p x, with one exponential per logit."""
    centred = logits - logits.amax(1, keepdim=True)
    weights = centred.exp()
    total = weights.sum(1, keepdim=True)
    probabilities = weights / total
    entropy = total.log().squeeze(1) - (probabilities * centred).sum(1)
    return SoftmaxOutput(probabilities, entropy)


class Perceive(nn.Module):
    """The deterministic pass; outputs in the order of MAP_NAMES, then the features."""

    mean: Tensor
    whitening: Tensor

    def __init__(self, network: Network, statistics: FeatureStatistics) -> None:
        """statistics: of the training set's features; become constants of the graph."""
        super().__init__()
        self.network = network
        self.register_buffer('mean', statistics.mean)
        self.register_buffer('whitening', statistics.whitening)
        self.cells = CellDistance(statistics.cells)

    def forward(self, rgb: Tensor) -> tuple[Tensor, ...]:
        """rgb: (1, H, W, 3) uint8."""
        # Cast first: TensorRT's parser takes uint8 nowhere but in a Cast.
        frame = rgb.to(torch.float32).permute(0, 3, 1, 2)
        encoded = self.network.encode(frame)
        decoder = self.network.decoder
        levels = decoder.level_maps(encoded.features, None)
        maps = decoder.split_heads(decoder.heads(levels[-1]))
        softmax = softmax_entropy(moderated_logits(maps))
        log_std = (0.5 * maps.depth_log_variance).exp()  # (1, h, w)
        depth = _full_size(maps.log_depth).exp()  # (1, H, W) m, canonical camera
        return (
            depth,
            depth * _full_size(log_std),  # delta method: sd(d) = d sd(log d)
            _upsample(maps.logits).argmax(1).to(torch.uint8),
            _full_size(softmax.entropy),
            softmax.probabilities.amax(1),
            -_log_sum_exp(maps.logits),
            log_std,
            self._mahalanobis_distance(encoded.pooled),
            self.cells(cell_features(levels)),  # (1, H / 8, W / 8)
            *encoded.features)

    def _mahalanobis_distance(self, pooled: Tensor) -> Tensor:
        """Mahalanobis distance (Lee et al. 2018) of pooled (1, C) from the training set; (1,)."""
        deviation = (pooled - self.mean) @ self.whitening
        return deviation.square().sum(1).sqrt()


class Sample(nn.Module):
    """Moments of a chunk of S stochastic passes on one frame, in the order of MOMENT_NAMES."""

    def __init__(self, network: Network) -> None:
        """network: its decoder is sampled."""
        super().__init__()
        self.network = network

    def forward(self, *inputs: Tensor) -> tuple[Tensor, ...]:
        """Take the features (1, C_k, H_k, W_k), then the masks (S, C_k, 1, 1)."""
        levels = len(self.network.config.decoder_channels)
        maps = self.network.decode(inputs[:levels], inputs[levels:], SAMPLE_DECODER_STRIDE)
        softmax = softmax_entropy(moderated_logits(maps))
        mean = maps.log_depth.mean(0)  # (h, w)
        return (
            mean,
            (maps.log_depth - mean).square().sum(0),
            softmax.probabilities.sum(0),  # (K, h, w)
            softmax.entropy.sum(0))


def _log_sum_exp(x: Tensor) -> Tensor:
    """Reduce axis 1; written out because ONNX Runtime's operator takes twice as long."""
    largest = x.amax(1, keepdim=True)
    return ((x - largest).exp().sum(1, keepdim=True).log() + largest).squeeze(1)


def _upsample(x: Tensor) -> Tensor:
    """Double the size of (B, C, h, w)."""
    return functional.interpolate(x, scale_factor=2.0, mode='bilinear', align_corners=False)


def _full_size(x: Tensor) -> Tensor:
    """Double the size of (B, h, w)."""
    return _upsample(x.unsqueeze(1)).squeeze(1)
