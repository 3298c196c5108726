# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""
The plan: which networks are trained, on which task and on which share of the data.

First the recipes of depth compete with the first seed. The winner is then trained with every
share and seed, with its ablations, for depth and for classes, and for both tasks at once.
"""
from dataclasses import dataclass, replace
import hashlib
import json
from typing import Any, Mapping, NamedTuple

from bdl_perception.experiments.config import Tier
from bdl_perception.network.model import NetworkConfig
from bdl_perception.training.config import config_to_dict, TrainConfig

RESULT_FORMAT = 3  # of a result file; a higher number makes every run start again
FOCAL_SHARE = 250 / 320  # canonical focal length in widths: 65 degrees, as of the shipped model
ENCODER_RATE = 0.3  # the full learning rate would overwrite the ImageNet weights
DEPTH, CLASSES, BOTH_TASKS = 'depth', 'classes', 'both'
ENSEMBLE, LAPLACE_SAMPLES, LEARNED_WEIGHTS = 'ensemble', 'laplace_samples', 'learned_weights'


class Overrides(NamedTuple):
    """Changes to the default configuration."""

    network: Mapping[str, Any]
    training: Mapping[str, Any]


# Written out, so that a new default of `bdl train` neither changes a run nor its hash
BASE = Overrides({'dropout': 'deep', 'dropout_probability': 0.2, 'concrete': False},
                 {'likelihood': 'gaussian', 'beta': 0.5, 'faithful': False,
                  'variance_warm_up': 0.0, 'aleatoric': True, 'depth_weight': 0.0})
DEPTH_OPTIONS = ('likelihood', 'beta')  # without effect on a network of classes
RECIPES = {  # aleatoric and epistemic uncertainty
    'gaussian': Overrides({}, {'beta': 0.0}),  # Kendall & Gal 2017, eq. 8
    'laplace': Overrides({}, {'beta': 0.0, 'likelihood': 'laplace'}),
    'beta_50': Overrides({}, {'beta': 0.5}),
    'beta_100': Overrides({}, {'beta': 1.0}),
    'warm_up': Overrides({}, {'beta': 0.0, 'variance_warm_up': 0.3}),
    'faithful': Overrides({}, {'faithful': True}),
    'concrete': Overrides({'concrete': True}, {'faithful': True}),
    'dropout_50': Overrides({'dropout_probability': 0.5}, {'faithful': True}),
    'all_levels': Overrides({'dropout': 'decoder'}, {'faithful': True}),
}
ABLATIONS = {  # changes to the winner
    'none': Overrides({'dropout': 'none'}, {'aleatoric': False}),
    'aleatoric': Overrides({'dropout': 'none'}, {}),
    'epistemic': Overrides({}, {'aleatoric': False}),
    'other_masks': Overrides({'dropout': 'decoder'}, {}),  # see make_run_spec
}


@dataclass(frozen=True)
class RunSpec:
    """One network to train and evaluate, or another evaluation of trained ones."""

    name: str
    task: str  # depth, classes or both
    kind: str
    config: TrainConfig
    share: float  # of the training drives
    epoch_frames: int  # of an epoch, whatever the share
    samples: int  # T, in the evaluation
    members: tuple[str, ...] = ()  # names of the trained runs that are evaluated in another way
    keeps_weights: bool = False  # for members

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
        values = [RESULT_FORMAT, self.task, self.kind, config, self.share, self.epoch_frames,
                  self.samples, self.members]
        return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()[:16]


def plan_recipes(tier: Tier, threads: int) -> list[RunSpec]:
    """List the recipes of depth, with the first seed and all data."""
    unknown = sorted({*tier.recipes, *tier.share_recipes} - set(RECIPES))
    if unknown:
        raise ValueError(f'recipes {unknown} are unknown; known: {", ".join(RECIPES)}')
    return [make_run_spec(tier, DEPTH, kind, kind, 1.0, min(tier.seeds), threads)
            for kind in tier.recipes]


def plan_runs(tier: Tier, winner: str, threads: int) -> list[RunSpec]:
    """List all runs in their order: those that most claims need come first."""
    def runs(task: str, *kinds: str, shares: tuple[float, ...] = (1.0,),
             seeds: tuple[int, ...] = tier.seeds) -> list[RunSpec]:
        return [make_run_spec(tier, task, kind, winner, share, seed, threads)
                for seed in seeds for kind in kinds for share in sorted(shares, reverse=True)]

    first = (min(tier.seeds),)
    weights = (LEARNED_WEIGHTS, *map(weight_kind, tier.depth_weights))
    planned = [*plan_recipes(tier, threads), *runs(DEPTH, winner, shares=tier.shares),
               *ensemble(tier, DEPTH, winner, threads), *runs(DEPTH, 'none'),
               *runs(CLASSES, winner, shares=tier.shares),
               *ensemble(tier, CLASSES, winner, threads), *runs(DEPTH, 'aleatoric'),
               *runs(CLASSES, 'none'), *runs(DEPTH, 'other_masks'),
               *runs(BOTH_TASKS, *weights, seeds=first), *runs(CLASSES, 'aleatoric'),
               *runs(CLASSES, 'other_masks'), *runs(DEPTH, 'epistemic', seeds=first),
               *runs(CLASSES, 'epistemic', seeds=first),
               *runs(DEPTH, *tier.share_recipes, shares=tier.shares),
               *laplace_samples(tier, DEPTH, winner, threads),
               *laplace_samples(tier, CLASSES, winner, threads)]
    return list({run.name: run for run in planned}.values())


def make_run_spec(tier: Tier, task: str, kind: str, winner: str, share: float, seed: int,
                  threads: int) -> RunSpec:
    """Specify one run; kind: a recipe, or a change of the winner."""
    frames = tier.class_frames if task == CLASSES else tier.train_drives * tier.train_frames
    images = tier.class_images if task == CLASSES else tier.images
    network, training = _settings(kind, winner, tier)
    if task == CLASSES:
        training.update((name, BASE.training[name]) for name in DEPTH_OPTIONS)
        if tier.class_encoder != 'small':
            network = {'encoder': tier.class_encoder, **network}
            training = {'encoder_rate': ENCODER_RATE, **training}
    size = NetworkConfig(
        height=tier.height, width=tier.width, canonical_focal_px=FOCAL_SHARE * tier.width,
        encoder_channels=tier.encoder_channels, decoder_channels=tier.decoder_channels)
    config = TrainConfig(epochs=max(1, round(images / frames)), batch=tier.batch, seed=seed,
                         threads=threads, tasks=task, network=replace(size, **network))
    if network.get('concrete'):  # the regulariser is divided by the number of different frames
        training = {'data_frames': max(1, round(share * frames)), **training}
    is_member = kind == winner and share == 1 and task != BOTH_TASKS and len(tier.seeds) > 1
    return RunSpec(run_name(task, kind, share, seed), task, kind, replace(config, **training),
                   share, frames, tier.samples, keeps_weights=is_member)


def _settings(kind: str, winner: str, tier: Tier) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the changes of the network and of the training of a kind."""
    recipe = RECIPES[kind if kind in RECIPES else winner]
    network = {**BASE.network, **recipe.network}
    training = {**BASE.training, **recipe.training}
    if kind == 'other_masks' and network.get('dropout') == 'decoder':
        return {**network, 'dropout': 'deep'}, training
    change = ABLATIONS.get(kind, Overrides({}, {}))
    weights = {weight_kind(weight): weight for weight in tier.depth_weights}
    if kind in weights:
        training['depth_weight'] = weights[kind]
    network.update(change.network)
    if network.get('dropout') == 'none':
        network['concrete'] = False  # without masks there is no probability to learn
    return network, {**training, **change.training}


def ensemble(tier: Tier, task: str, winner: str, threads: int) -> list[RunSpec]:
    """Specify the ensemble of the winner's seeds; none for one seed."""
    members = [make_run_spec(tier, task, winner, winner, 1.0, seed, threads)
               for seed in tier.seeds]
    if len(members) < 2:
        return []
    name = run_name(task, ENSEMBLE, 1.0, min(tier.seeds))
    return [replace(members[0], name=name, kind=ENSEMBLE, samples=len(members),
                    members=tuple(run.name for run in members), keeps_weights=False)]


def laplace_samples(tier: Tier, task: str, winner: str, threads: int) -> list[RunSpec]:
    """Specify samples of the last layer of the winner's first seed, if its weights are kept."""
    member = make_run_spec(tier, task, winner, winner, 1.0, min(tier.seeds), threads)
    if not member.keeps_weights:
        return []
    return [replace(member, name=run_name(task, LAPLACE_SAMPLES, 1.0, member.seed),
                    kind=LAPLACE_SAMPLES, members=(member.name,), keeps_weights=False)]


def run_name(task: str, kind: str, share: float, seed: int) -> str:
    """Name a run: task, kind, percent of the drives, seed."""
    return f'{task}_{kind}_{100 * share:g}_seed{seed}'


def weight_kind(depth_weight: float) -> str:
    """Name the network with this fixed weight of the depth loss, in percent."""
    return f'weight_{100 * depth_weight:g}'
