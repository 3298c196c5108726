# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""Which networks are trained, and on how much of the data."""
from dataclasses import dataclass
from dataclasses import replace
import hashlib
import json
from typing import Any, Callable, Mapping, NamedTuple

from bdl_perception.experiments.fixed_masks import CHOICES
from bdl_perception.experiments.masksembles import Masksembles
from bdl_perception.experiments.randomised_prior import RandomisedPrior
from bdl_perception.experiments.spectral import Spectral
from bdl_perception.experiments.tiers import Tier
from bdl_perception.network.model import Network
from bdl_perception.network.model import NetworkConfig
from bdl_perception.training.config import config_to_dict
from bdl_perception.training.config import TrainConfig

FORMAT = 2  # of what is measured: raise it and every run is measured anew
FOCAL_SHARE = 250 / 320  # canonical focal length in widths: 65 degrees, as of the shipped model
ABLATION = ('none', 'aleatoric', 'epistemic')


class Change(NamedTuple):
    """What a kind of network has different from the usual one."""

    network: Mapping[str, Any]
    training: Mapping[str, Any]
    build: Callable[[NetworkConfig], Network] = Network
    samples: int = 0  # T of its own; 0: that of the tier
    length: int = 1  # times the epochs of the tier


KINDS = {
    'both': Change({}, {}),  # aleatoric, and dropout on the decoder's coarsest map
    'none': Change({'dropout': 'none'}, {'aleatoric': False}),
    'aleatoric': Change({'dropout': 'none'}, {}),
    'epistemic': Change({}, {'aleatoric': False}),
    'everywhere': Change({'dropout': 'everywhere'}, {}),
    'deep_encoder': Change({'dropout': 'deep_encoder'}, {}),
    'plain_likelihood': Change({}, {'beta': 0.0}),  # as the paper has it
    'squared_error': Change({}, {'beta': 1.0}),  # the mean is taught as without a sigma
    'decoder': Change({'dropout': 'decoder'}, {}),
    'decoder_raw': Change({'dropout': 'decoder', 'normalise': False}, {}),
    'raw_features': Change({'normalise': False}, {}),
    'dropout_50': Change({'dropout_probability': 0.5}, {}),
    'longer': Change({}, {}, length=3),
    # what ImageNet has taught would be washed out at the full rate
    'efficientnet_lite0': Change({'encoder': 'efficientnet_lite0'}, {'encoder_rate': 0.3}),
    'masksembles': Change({}, {}, Masksembles, CHOICES),
    'randomised_prior': Change({}, {}, RandomisedPrior, CHOICES),
    'spectral': Change({}, {}, Spectral),
}


@dataclass(frozen=True)
class RunSpec:
    """One network to be trained and measured."""

    name: str
    kind: str
    config: TrainConfig
    share: float  # of the training drives
    epoch_frames: int  # seen in an epoch, whatever the share
    samples: int  # T, when it is measured
    build: Callable[[NetworkConfig], Network] = Network  # said by the kind

    @property
    def seed(self) -> int:
        """Give the seed of the weights, of the order and of the subset."""
        return self.config.seed

    @property
    def images(self) -> int:
        """Count the pictures that the run will have seen at its end."""
        batch = min(self.config.batch, self.epoch_frames)
        return self.config.epochs * (self.epoch_frames // batch) * batch

    @property
    def digest(self) -> str:
        """Name all that the numbers depend on, but for the data; threads only round."""
        config = config_to_dict(self.config)
        del config['threads']
        said = [FORMAT, self.kind, config, self.share, self.epoch_frames, self.samples]
        return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()[:16]


def plan(tier: Tier, threads: int) -> list[RunSpec]:
    """List the runs of an experiment, those of the first seed first."""
    unknown = sorted(set(tier.variants) - set(KINDS))
    if unknown:
        raise ValueError(f'variants {unknown} are unknown; known: {", ".join(KINDS)}')
    runs = [spec(tier, 'both', share, seed, threads)
            for seed in tier.seeds for share in tier.shares]
    runs += [spec(tier, kind, 1.0, seed, threads)
             for seed in tier.seeds for kind in (*ABLATION, 'everywhere')]
    single = (*(weight_kind(weight) for weight in tier.depth_weights), *tier.variants)
    runs += [spec(tier, kind, 1.0, min(tier.seeds), threads) for kind in single]
    return sorted(runs, key=lambda run: run.seed)


def spec(tier: Tier, kind: str, share: float, seed: int, threads: int) -> RunSpec:
    """Specify one run."""
    change = change_of(kind, tier)
    network = NetworkConfig(
        height=tier.height, width=tier.width, canonical_focal_px=FOCAL_SHARE * tier.width,
        encoder_channels=tier.encoder_channels, decoder_channels=tier.decoder_channels)
    config = TrainConfig(epochs=change.length * tier.epochs, batch=tier.batch, seed=seed,
                         threads=threads, network=replace(network, **change.network))
    return RunSpec(run_name(kind, share, seed), kind, replace(config, **change.training), share,
                   tier.epoch_frames, change.samples or tier.samples, change.build)


def run_name(kind: str, share: float, seed: int) -> str:
    """Name a run: kind, percent of the drives, seed."""
    return f'{kind}_{100 * share:g}_seed{seed}'


def weight_kind(depth_weight: float) -> str:
    """Name the network with this fixed weight of the depth loss, in percent."""
    return f'weight_{100 * depth_weight:g}'


def change_of(kind: str, tier: Tier) -> Change:
    """Say what a kind changes."""
    weights = {weight_kind(weight): weight for weight in tier.depth_weights}
    if kind in weights:
        return Change({}, {'depth_weight': weights[kind]})
    return KINDS[kind]
