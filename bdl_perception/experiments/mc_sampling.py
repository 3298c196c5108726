# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""
Sampling of a batch: the deterministic pass, and T passes with masks or of T networks.

Dimension letters: T samples, B frames, K classes, h and w of the decoder.
"""
from typing import NamedTuple, Sequence

from bdl_perception.network.decoder import HeadMaps
from bdl_perception.network.graphs import moderated_logits
from bdl_perception.network.model import EncoderOutput, Network
from bdl_perception.perception.monte_carlo import draw_masks
import torch
from torch import Tensor

MASK_SEED = 0  # the same masks for every run and every frame
MIN_PROBABILITY = torch.finfo(torch.float32).tiny  # the logarithm stays finite


class ForwardPass(NamedTuple):
    """One pass, or all T of them with a first axis of T."""

    log_depth: Tensor  # (B, h, w) log of m
    variance: Tensor | None  # (B, h, w) aleatoric, of log-depth; None: not learned
    logits: Tensor  # (B, K, h, w)
    probabilities: Tensor  # (B, K, h, w), with the predicted noise of the logits if learned
    logit_variance: Tensor | None  # (B, 1, h, w); None: not learned


class McOutput(NamedTuple):
    """Outputs of one batch, from which scores and metrics are computed."""

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
        """Return the unbiased variance of log-depth over the samples; (B, h, w)."""
        return None if self.samples is None else self.samples.log_depth.var(0)

    @property
    def epistemic_inverse(self) -> Tensor | None:
        """Return the unbiased variance of 1/depth over the samples; (B, h, w) 1/m^2."""
        return None if self.samples is None else (-self.samples.log_depth).exp().var(0)

    @property
    def mutual_information(self) -> Tensor | None:
        """Return H[mean p] - mean H[p] (Houlsby et al. 2011); (B, h, w) nat."""
        if self.samples is None:
            return None
        return entropy(self.mean_probabilities) - entropy(self.samples.probabilities).mean(0)


def entropy(probabilities: Tensor) -> Tensor:
    """Sum -p log p over the classes, the third axis from the end; nat."""
    return -(probabilities * probabilities.clamp_min(MIN_PROBABILITY).log()).sum(-3)


def mc_masks(network: Network, count: int) -> list[Tensor]:
    """Draw T = count masks, (T, C_k, 1, 1) each; none for a network without dropout."""
    config = network.config
    if config.dropout == 'none':
        return []
    drawn = draw_masks(MASK_SEED, count, config.mask_channels, network.dropout_probabilities)
    return [torch.from_numpy(mask)[:, :, None, None] for mask in drawn]


@torch.no_grad()
def mc_forward(network: Network, rgb: Tensor, masks: Sequence[Tensor],
               learned_variance: bool) -> McOutput:
    """
    Run the deterministic pass and all samples in evaluation mode; rgb: (B, 3, H, W), 0..255.

    masks: of mc_masks, each applied to the whole batch; layers before the first masked map run
    once. learned_variance: the variances of the network were trained.
    """
    network.eval()
    encoded = network.encode(rgb)
    single = forward_pass(network.decode(encoded.features, None), learned_variance)
    if not masks:
        return McOutput(encoded, single, None)
    samples = []
    for index in range(len(masks[0])):
        sample_masks = [mask[index:index + 1] for mask in masks]  # (1, C_k, 1, 1)
        maps = network.forward_encoded(encoded, sample_masks)
        samples.append(forward_pass(maps, learned_variance))
    return McOutput(encoded, single, stack_passes(samples))


@torch.no_grad()
def ensemble_forward(networks: Sequence[Network], rgb: Tensor,
                     learned_variance: bool) -> McOutput:
    """Take the deterministic pass of each network as a sample; the single pass is the first's."""
    encoded = [network.eval().encode(rgb) for network in networks]
    passes = [forward_pass(network.decode(one.features, None), learned_variance)
              for network, one in zip(networks, encoded, strict=True)]
    return McOutput(encoded[0], passes[0], stack_passes(passes))


def forward_pass(maps: HeadMaps, learned_variance: bool) -> ForwardPass:
    """Leave out variances that were not trained: they have random weights."""
    if not learned_variance:
        return ForwardPass(maps.log_depth, None, maps.logits, maps.logits.softmax(1), None)
    return ForwardPass(maps.log_depth, maps.depth_log_variance.exp(), maps.logits,
                       moderated_logits(maps).softmax(1), maps.logit_log_variance.exp())


def stack_passes(samples: Sequence[ForwardPass]) -> ForwardPass:
    """Stack T passes; a value that is not learned stays None."""
    def stack(values: Sequence[Tensor | None]) -> Tensor | None:
        known = [value for value in values if value is not None]
        return torch.stack(known) if known else None

    return ForwardPass(torch.stack([one.log_depth for one in samples]),
                       stack([one.variance for one in samples]),
                       torch.stack([one.logits for one in samples]),
                       torch.stack([one.probabilities for one in samples]),
                       stack([one.logit_variance for one in samples]))
