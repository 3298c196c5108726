# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""The plan: which networks are trained, and on which share of the data."""
from dataclasses import dataclass, replace
import hashlib
import json
from typing import Any, Callable, Mapping, NamedTuple

from bdl_perception.experiments.config import Tier
from bdl_perception.experiments.network_variants import (
    MasksemblesNetwork,
    N_MASKS,
    RandomisedPriorNetwork,
    SpectralNetwork,
)
from bdl_perception.network.model import Network, NetworkConfig
from bdl_perception.training.config import config_to_dict, TrainConfig

RESULT_FORMAT = 2  # of a result file; a higher number makes every run start again
FOCAL_SHARE = 250 / 320  # canonical focal length in widths: 65 degrees, as of the shipped model
ABLATION = ('none', 'aleatoric', 'epistemic')


class Overrides(NamedTuple):
    """Changes of one ablation to the default configuration."""

    network: Mapping[str, Any]
    training: Mapping[str, Any]
    build: Callable[[NetworkConfig], Network] = Network
    samples: int = 0  # T; 0: that of the tier
    epoch_factor: int = 1  # times the epochs of the tier


KINDS = {
    'both': Overrides({}, {}),  # aleatoric, and dropout on the decoder's coarsest map
    'none': Overrides({'dropout': 'none'}, {'aleatoric': False}),
    'aleatoric': Overrides({'dropout': 'none'}, {}),
    'epistemic': Overrides({}, {'aleatoric': False}),
    'everywhere': Overrides({'dropout': 'everywhere'}, {}),
    'deep_encoder': Overrides({'dropout': 'deep_encoder'}, {}),
    'plain_likelihood': Overrides({}, {'beta': 0.0}),  # as in the paper
    'squared_error': Overrides({}, {'beta': 1.0}),  # the mean is trained as without a sigma
    'decoder': Overrides({'dropout': 'decoder'}, {}),
    'decoder_raw': Overrides({'dropout': 'decoder', 'normalise': False}, {}),
    'raw_features': Overrides({'normalise': False}, {}),
    'dropout_50': Overrides({'dropout_probability': 0.5}, {}),
    'longer': Overrides({}, {}, epoch_factor=3),
    # the full learning rate would overwrite the ImageNet weights
    'efficientnet_lite0': Overrides({'encoder': 'efficientnet_lite0'}, {'encoder_rate': 0.3}),
    'masksembles': Overrides({}, {}, MasksemblesNetwork, N_MASKS),
    'randomised_prior': Overrides({}, {}, RandomisedPriorNetwork, N_MASKS),
    'spectral': Overrides({}, {}, SpectralNetwork),
}


@dataclass(frozen=True)
class RunSpec:
    """One network to train and evaluate."""

    name: str
    kind: str
    config: TrainConfig
    share: float  # of the training drives
    epoch_frames: int  # of an epoch, whatever the share
    samples: int  # T, in the evaluation
    build: Callable[[NetworkConfig], Network] = Network  # set by the kind

    @property
    def seed(self) -> int:
        """Return the seed of the weights, of the order and of the subset."""
        return self.config.seed

    @property
    def images(self) -> int:
        """Count the training frames of the whole run, with repetitions."""
        batch = min(self.config.batch, self.epoch_frames)
        return self.config.epochs * (self.epoch_frames // batch) * batch

    @property
    def digest(self) -> str:
        """Hash all that the numbers depend on, except the data; threads change rounding only."""
        config = config_to_dict(self.config)
        del config['threads']
        values = [RESULT_FORMAT, self.kind, config, self.share, self.epoch_frames, self.samples]
        return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()[:16]


def plan_runs(tier: Tier, threads: int) -> list[RunSpec]:
    """List the runs of an experiment, those of the first seed first."""
    unknown = sorted(set(tier.variants) - set(KINDS))
    if unknown:
        raise ValueError(f'variants {unknown} are unknown; known: {", ".join(KINDS)}')
    runs = [make_run_spec(tier, 'both', share, seed, threads)
            for seed in tier.seeds for share in tier.shares]
    runs += [make_run_spec(tier, kind, 1.0, seed, threads)
             for seed in tier.seeds for kind in (*ABLATION, 'everywhere')]
    single = (*(weight_kind(weight) for weight in tier.depth_weights), *tier.variants)
    runs += [make_run_spec(tier, kind, 1.0, min(tier.seeds), threads) for kind in single]
    return sorted(runs, key=lambda run: run.seed)


def make_run_spec(tier: Tier, kind: str, share: float, seed: int, threads: int) -> RunSpec:
    """Specify one run."""
    change = overrides_of_kind(kind, tier)
    network = NetworkConfig(
        height=tier.height, width=tier.width, canonical_focal_px=FOCAL_SHARE * tier.width,
        encoder_channels=tier.encoder_channels, decoder_channels=tier.decoder_channels)
    config = TrainConfig(epochs=change.epoch_factor * tier.epochs, batch=tier.batch, seed=seed,
                         threads=threads, network=replace(network, **change.network))
    return RunSpec(run_name(kind, share, seed), kind, replace(config, **change.training), share,
                   tier.epoch_frames, change.samples or tier.samples, change.build)


def run_name(kind: str, share: float, seed: int) -> str:
    """Name a run: kind, percent of the drives, seed."""
    return f'{kind}_{100 * share:g}_seed{seed}'


def weight_kind(depth_weight: float) -> str:
    """Name the network with this fixed weight of the depth loss, in percent."""
    return f'weight_{100 * depth_weight:g}'


def overrides_of_kind(kind: str, tier: Tier) -> Overrides:
    """Look up the changes of a kind; weight_N are those of the tier's depth weights."""
    weights = {weight_kind(weight): weight for weight in tier.depth_weights}
    if kind in weights:
        return Overrides({}, {'depth_weight': weights[kind]})
    return KINDS[kind]
