# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""The network: an encoder, a decoder with dropout masks, and two tasks."""
from dataclasses import dataclass
import math
from typing import NamedTuple, Sequence

from bdl_perception.network import efficientnet_lite
from bdl_perception.network.concrete_dropout import kl_divergence, relaxed_mask
from bdl_perception.network.decoder import Decoder, HeadMaps
from bdl_perception.network.encoder import Encoder
from bdl_perception.perception.data_types import CLASS_NAMES
import torch
from torch import nn, Tensor

ENCODER_STRIDES = {'small': 16, 'efficientnet_lite0': 32}  # the input's sides are multiples of it
DROPOUT_MODES = ('deep', 'decoder', 'deep_encoder', 'everywhere', 'none')
ENCODER_MASK_COUNTS = {'deep_encoder': 2, 'everywhere': 4}  # on the coarsest maps
CONCRETE_MODES = ('deep', 'decoder')  # masks with one layer behind each


@dataclass(frozen=True)
class NetworkConfig:
    """The shape of the network and the camera that it predicts for."""

    height: int = 192  # px, of the input
    width: int = 320  # px
    encoder: str = 'small'  # or efficientnet_lite0, which can start from ImageNet weights
    encoder_channels: tuple[int, ...] = (16, 32, 64, 128)  # at 1/2 to 1/16, small encoder only
    decoder_channels: tuple[int, ...] = (64, 48, 32, 24)  # at 1/16, 1/8, 1/4, 1/2
    classes: int = len(CLASS_NAMES)
    # deep: masks on the decoder's coarsest map; decoder: on all its maps; deep_encoder: as deep,
    # and on the two coarsest of the encoder; everywhere: on all maps of both. With masks in the
    # encoder each sample repeats the layers behind the first mask.
    dropout: str = 'deep'
    dropout_probability: float = 0.2  # as in Kendall & Gal 2017; concrete: at the start
    concrete: bool = False  # a learned probability for each mask (Gal, Hron & Kendall 2017)
    normalise: bool = True  # feature vectors have unit length before they are masked
    log_depth_centre: float = math.log(15.0)  # log of m; near the median depth of a street
    canonical_focal_px: float = 250.0  # fx of a field of view of 65 degrees at 320 px
    max_depth_m: float = 100.0  # in the canonical camera; depth beyond is not trained

    def __post_init__(self) -> None:
        """Check the values; ValueError."""
        for name, known in (('encoder', ENCODER_STRIDES), ('dropout', DROPOUT_MODES)):
            if getattr(self, name) not in known:
                raise ValueError(f'{name} is {getattr(self, name)!r}, known: {", ".join(known)}')
        stride = ENCODER_STRIDES[self.encoder]
        for name in ('height', 'width'):
            if getattr(self, name) < stride or getattr(self, name) % stride:
                raise ValueError(f'{name} is {getattr(self, name)} px, '
                                 f'must be a multiple of {stride}')
        for name in ('encoder_channels', 'decoder_channels'):
            channels = getattr(self, name)
            if len(channels) != 4 or min(channels) < 1:
                raise ValueError(f'{name} is {channels}, must be four positive numbers')
        if not 0 < self.dropout_probability < 1:
            raise ValueError(f'dropout_probability is {self.dropout_probability}, '
                             f'must lie between 0 and 1')
        if self.concrete and self.dropout not in CONCRETE_MODES:
            raise ValueError(f'dropout is {self.dropout!r} with concrete, which needs one of '
                             f'{", ".join(CONCRETE_MODES)}')
        if not (self.canonical_focal_px > 0 and self.max_depth_m > 0):
            raise ValueError('canonical_focal_px and max_depth_m must be positive, are '
                             f'{self.canonical_focal_px} and {self.max_depth_m}')

    @property
    def feature_channels(self) -> tuple[int, ...]:
        """Return the channels of the encoder's maps, finest first."""
        return self.encoder_channels if self.encoder == 'small' else efficientnet_lite.CHANNELS

    @property
    def mask_channels(self) -> tuple[int, ...]:
        """Return the channels of each mask: the encoder's, finest first, then the decoder's."""
        decoder = {'none': 0, 'deep': 1, 'deep_encoder': 1}.get(self.dropout, 4)
        first = len(self.feature_channels) - self.encoder_mask_count
        return (*self.feature_channels[first:], *self.decoder_channels[:decoder])

    @property
    def encoder_mask_count(self) -> int:
        """Return the number of masks in the encoder, on its coarsest maps."""
        return ENCODER_MASK_COUNTS.get(self.dropout, 0)


class EncoderOutput(NamedTuple):
    """Encoded frames: the input of the deterministic pass and of every sample."""

    features: tuple[Tensor, ...]  # (B, C_k, H_k, W_k), coarsest first, in the decoder's channels
    pooled: Tensor  # (B, C), mean over the deepest map
    maps: tuple[Tensor, ...]  # (B, C_k, H_k, W_k) of the encoder, finest first


class Network(nn.Module):
    """Depth and classes with their aleatoric noise, from frames and one set of masks."""

    def __init__(self, config: NetworkConfig) -> None:
        """Draw random weights from torch's generator."""
        super().__init__()
        self.config = config
        channels = config.feature_channels
        self.encoder = build_encoder(config)
        self.project = nn.ModuleList([
            nn.Conv2d(encoder, decoder, 1) for encoder, decoder
            in zip(channels[::-1], config.decoder_channels, strict=True)])
        self.decoder = Decoder(config.decoder_channels, config.classes, config.log_depth_centre,
                               config.normalise)
        if config.concrete:
            probability = torch.full((len(config.mask_channels),), config.dropout_probability)
            self.dropout_logits = nn.Parameter(probability.logit())

    def encode(self, rgb: Tensor, masks: Sequence[Tensor] | None = None) -> EncoderOutput:
        """
        Run the part that runs once per frame; rgb: (B, 3, H, W) float 0..255.

        masks: config.encoder_mask_count of them for the encoder's coarsest maps, finest first,
        (1 or B, C_k, 1, 1) each; none: deterministic. ValueError for any other number.
        """
        if masks:
            self._check_encoder_masks(masks)
        maps = self.encoder(rgb, masks)
        return EncoderOutput(self._project(maps), maps[-1].mean((2, 3)), tuple(maps))

    def _check_encoder_masks(self, masks: Sequence[Tensor]) -> None:
        count, dropout = self.config.encoder_mask_count, self.config.dropout
        if len(masks) != count:
            raise ValueError(f'number of masks for the encoder is {len(masks)}, must be {count} '
                             f'with dropout {dropout!r}')

    def _project(self, maps: Sequence[Tensor]) -> tuple[Tensor, ...]:
        """Project the encoder's coarsest maps, finest first, to the decoder's, coarsest first."""
        features = [project(map_) for project, map_
                    in zip(self.project, maps[::-1], strict=False)]  # maps may lack finer ones
        features[0] = torch.relu(features[0])  # the others are rectified after they are added
        return tuple(features)

    def decode(self, features: Sequence[Tensor], masks: Sequence[Tensor] | None,
               stride: int = 1) -> HeadMaps:
        """Run the part that is sampled; see Decoder.forward."""
        maps: HeadMaps = self.decoder(features, masks, stride)
        return maps

    def forward(self, rgb: Tensor, masks: Sequence[Tensor] | None = None) -> HeadMaps:
        """rgb: (B, 3, H, W) float 0..255; masks: (B, C_k, 1, 1) each, none: deterministic."""
        count = self.config.encoder_mask_count
        if not masks or not count:
            return self.decode(self.encode(rgb).features, masks)
        return self.decode(self.encode(rgb, masks[:count]).features, masks[count:])

    def forward_encoded(self, encoded: EncoderOutput, masks: Sequence[Tensor]) -> HeadMaps:
        """
        Compute forward with masks, (1 or B, C_k, 1, 1) each; runs only what differs.

        encoded: B frames, encoded without masks. ValueError for fewer masks than the encoder has,
        but not for none.
        """
        count = self.config.encoder_mask_count
        if not masks or not count:
            return self.decode(encoded.features, masks)
        self._check_encoder_masks(masks[:count])
        maps = self.encoder.apply_masks(encoded.maps, masks[:count])
        features = (*self._project(maps[-count:]), *encoded.features[count:])
        return self.decode(features, masks[count:])

    @property
    def dropout_probabilities(self) -> tuple[float, ...]:
        """Return the probability of each mask, the configured or the learned one."""
        if not self.config.concrete:
            return (self.config.dropout_probability,) * len(self.config.mask_channels)
        return tuple(self.dropout_logits.detach().sigmoid().tolist())

    def draw_masks(self, samples: int) -> list[Tensor]:
        """
        Draw (samples, C_k, 1, 1) masks of 0 and 1/(1-p) from torch's generator.

        Training mode with concrete dropout: values between them, with a gradient in p.
        """
        channels = self.config.mask_channels
        if self.config.concrete and self.training:
            return [relaxed_mask(logit, samples, count)
                    for logit, count in zip(self.dropout_logits, channels, strict=True)]
        return [torch.bernoulli(torch.full((samples, count, 1, 1), 1.0 - p)) / (1.0 - p)
                for count, p in zip(channels, self.dropout_probabilities, strict=True)]

    def dropout_divergence(self) -> Tensor:
        """Return the divergence of concrete dropout from the prior of the weights, nat."""
        kernels = self.decoder.kernels_behind_maps()
        return kl_divergence(self.dropout_logits, kernels[:len(self.dropout_logits)])


def build_encoder(config: NetworkConfig) -> Encoder | efficientnet_lite.EfficientNetLite0:
    """Build the configured encoder with random weights."""
    if config.encoder == 'small':
        return Encoder(config.encoder_channels)
    return efficientnet_lite.EfficientNetLite0()
