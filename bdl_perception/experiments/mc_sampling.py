# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""
What a network says of a batch: one pass, and its Monte Carlo samples.

Dimension letters: T samples, B pictures, K classes, h and w of the decoder.
"""
from typing import NamedTuple, Sequence

from bdl_perception.experiments.network_variants import FixedMaskNetwork
from bdl_perception.network.decoder import HeadMaps
from bdl_perception.network.graphs import moderated_logits
from bdl_perception.network.model import EncoderOutput, Network
from bdl_perception.perception.monte_carlo import draw_masks
import torch
from torch import Tensor

MASK_SEED = 0  # the same masks for every run and every picture
MIN_PROBABILITY = torch.finfo(torch.float32).tiny


class ForwardPass(NamedTuple):
    """One pass, or all T of them with a first axis of T."""

    log_depth: Tensor  # (B, h, w) log of m
    variance: Tensor | None  # (B, h, w) aleatoric, of log-depth; None: not learned
    logits: Tensor  # (B, K, h, w)
    probabilities: Tensor  # (B, K, h, w), with the predicted noise of the logits if learned


class McOutput(NamedTuple):
    """All that scores and measures are made of."""

    encoded: EncoderOutput
    single: ForwardPass  # deterministic
    samples: ForwardPass | None  # None: the network has no dropout

    @property
    def mean_log_depth(self) -> Tensor:
        """Average the samples, where there are any; (B, h, w)."""
        return self.single.log_depth if self.samples is None else self.samples.log_depth.mean(0)

    @property
    def mean_probabilities(self) -> Tensor:
        """Average the samples, where there are any; (B, K, h, w)."""
        return (self.single.probabilities if self.samples is None
                else self.samples.probabilities.mean(0))

    @property
    def aleatoric(self) -> Tensor | None:
        """Average the predicted variances of log-depth (Kendall & Gal 2017, eq. 9); (B, h, w)."""
        if self.samples is None or self.samples.variance is None:
            return self.single.variance
        return self.samples.variance.mean(0)

    @property
    def epistemic(self) -> Tensor | None:
        """Give the unbiased variance of log-depth over the samples; (B, h, w)."""
        return None if self.samples is None else self.samples.log_depth.var(0)

    @property
    def epistemic_inverse(self) -> Tensor | None:
        """Give the unbiased variance of 1/depth over the samples; (B, h, w) 1/m^2."""
        return None if self.samples is None else (-self.samples.log_depth).exp().var(0)

    @property
    def mutual_information(self) -> Tensor | None:
        """Give H[mean p] - mean H[p] (Houlsby et al. 2011); (B, h, w) nat."""
        if self.samples is None:
            return None
        return entropy(self.mean_probabilities) - entropy(self.samples.probabilities).mean(0)


def entropy(probabilities: Tensor) -> Tensor:
    """Sum -p log p over the classes, the third axis from the end; nat."""
    return -(probabilities * probabilities.clamp_min(MIN_PROBABILITY).log()).sum(-3)


def mc_masks(network: Network, count: int) -> list[Tensor]:
    """
    Draw T = count masks, (T, C_k, 1, 1) each; none for a network without dropout.

    A network with masks of its own gives all of them, whatever the count.
    """
    if isinstance(network, FixedMaskNetwork):
        return [network.choices]
    config = network.config
    if config.dropout == 'none':
        return []
    drawn = draw_masks(MASK_SEED, count, config.mask_channels, config.dropout_probability)
    return [torch.from_numpy(mask)[:, :, None, None] for mask in drawn]


@torch.no_grad()
def mc_forward(network: Network, rgb: Tensor, masks: Sequence[Tensor], learned_variance: bool) -> McOutput:
    """
    Run the pass and the samples on rgb (B, 3, H, W), float 0..255, in evaluation mode.

    masks: of masks_of. noisy: the network has learned variances. One mask at a time goes over
    the whole batch; what comes before the first masked map runs once.
    """
    network.eval()
    encoded = network.encode(rgb)
    single = _forward_pass(network.decode(encoded.features, None), learned_variance)
    if not masks:
        return McOutput(encoded, single, None)
    samples = []
    for index in range(len(masks[0])):
        one = [mask[index:index + 1] for mask in masks]  # (1, C_k, 1, 1)
        samples.append(_forward_pass(network.forward_encoded(encoded, one), learned_variance))
    return McOutput(encoded, single, _stack_passes(samples))


def _forward_pass(maps: HeadMaps, noisy: bool) -> ForwardPass:
    """Leave out the variances that were never taught: they are what chance made them."""
    logits = moderated_logits(maps) if noisy else maps.logits
    return ForwardPass(maps.log_depth, maps.depth_log_variance.exp() if noisy else None, maps.logits,
                logits.softmax(1))


def _stack_passes(samples: Sequence[ForwardPass]) -> ForwardPass:
    variances = [one.variance for one in samples if one.variance is not None]
    return ForwardPass(torch.stack([one.log_depth for one in samples]),
                torch.stack(variances) if variances else None,
                torch.stack([one.logits for one in samples]),
                torch.stack([one.probabilities for one in samples]))
