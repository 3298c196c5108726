# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""The configuration of a training run, from defaults, a YAML file and the command line."""
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any, Mapping, TypeVar

from bdl_perception.network.losses import LIKELIHOODS
from bdl_perception.network.model import NetworkConfig
from bdl_perception.training.augment import AugmentConfig
from bdl_perception.training.batches import DEVICES
import yaml

Section = TypeVar('Section')
TASKS = ('both', 'depth', 'classes')


@dataclass(frozen=True)
class TrainConfig:
    """The settings of a run; the network and the augmentation are sections of their own."""

    epochs: int = 12  # passes over the training frames
    minutes: float = 0.0  # length of the run, in place of epochs; 0: off
    batch: int = 12  # frames of all processes together; on two cores a larger one is not faster
    learning_rate: float = 3e-3  # at the peak; AdamW
    encoder_rate: float = 1.0  # share of the learning rate for an encoder from ImageNet
    weight_decay: float = 0.01
    warm_up: float = 0.08  # share of the run until the peak
    clip: float = 5.0  # largest norm of the gradient
    tasks: str = 'both'  # or depth, classes: the other head is not trained and not validated
    likelihood: str = 'gaussian'  # of log-depth; or laplace, whose variance is 2 b^2
    beta: float = 1.0  # of the regression loss; 0 underfits the mean (Seitzer et al. 2022)
    # The means are trained without the variances: by the squared (laplace: absolute) error and the
    # cross-entropy. The variances have no gradient in means and features (Stirn et al. 2023).
    # beta has no effect then.
    faithful: bool = False
    variance_warm_up: float = 0.0  # share of the run in which only the means are trained
    logit_samples: int = 4  # T of the classification loss
    class_weights: tuple[float, ...] = ()  # one per class; empty: all equal
    aleatoric: bool = True  # False: no variance is learned
    # Different training frames, by which concrete dropout divides its divergence; 0: those of the
    # data sets, each counted once.
    data_frames: int = 0
    depth_weight: float = 0.0  # weight of the depth loss, the other is 1 minus it; 0: both learned
    # Weight of the loss that makes the classes uncertain at pasted unknown objects; needs
    # augment: {outliers: ...} (outlier exposure; Hendrycks et al. 2019).
    outlier_weight: float = 0.0
    pretrained: bool = True  # ImageNet weights, if the encoder has them
    validation_frames: int = 200  # evaluated after each epoch, evenly spaced over the drives
    patience: int = 0  # epochs without a better validation score until the end; 0: off
    seed: int = 1
    threads: int = 2  # of each process
    device: str = 'auto'  # cpu, cuda; auto: cuda where there is one
    mixed_precision: bool = True  # on CUDA: half precision in the network, not in the losses
    network: NetworkConfig = field(default_factory=NetworkConfig)
    augment: AugmentConfig = field(default_factory=AugmentConfig)

    def __post_init__(self) -> None:
        """Check the range of every value."""
        for name in ('epochs', 'batch', 'logit_samples', 'validation_frames', 'threads'):
            if getattr(self, name) < 1:
                raise ValueError(f'{name} is {getattr(self, name)}, must be 1 or more')
        for name, known in (('device', DEVICES), ('tasks', TASKS), ('likelihood', LIKELIHOODS)):
            if getattr(self, name) not in known:
                raise ValueError(f'{name} is {getattr(self, name)!r}, known: {", ".join(known)}')
        for name in ('learning_rate', 'clip'):
            if not getattr(self, name) > 0:
                raise ValueError(f'{name} is {getattr(self, name)}, must be positive')
        if self.class_weights and (len(self.class_weights) != self.network.classes
                                   or not min(self.class_weights) > 0):
            raise ValueError(f'class_weights is {self.class_weights}, must be '
                             f'{self.network.classes} positive numbers or none')
        for name in ('minutes', 'weight_decay', 'patience', 'seed', 'data_frames',
                     'outlier_weight'):
            if not getattr(self, name) >= 0:
                raise ValueError(f'{name} is {getattr(self, name)}, must not be negative')
        for name in ('warm_up', 'beta', 'depth_weight', 'encoder_rate'):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f'{name} is {getattr(self, name)}, must lie between 0 and 1')
        if self.outlier_weight and (not self.augment.outliers or self.tasks == 'depth'):
            raise ValueError(f'outlier_weight is {self.outlier_weight}, but augment outliers is '
                             f'{self.augment.outliers} and tasks is {self.tasks!r}; it needs '
                             f'outliers and classes, or must be 0')
        if not 0 <= self.variance_warm_up < 1:
            raise ValueError(f'variance_warm_up is {self.variance_warm_up}, must be 0 or more and '
                             f'below 1; aleatoric: false teaches no variance at all')


def read_config(path: Path | None, base: TrainConfig | None = None,
                **overrides: Any) -> TrainConfig:
    """
    Return the base, changed by a YAML file if there is one, then by the overrides.

    base: of a run that is continued, so that new defaults do not change it; none: the defaults.
    """
    values = {} if path is None else read_yaml(path)
    values.update({name: value for name, value in overrides.items() if value is not None})
    return config_from_dict(values if base is None else _merge_sections(base, values))


def _merge_sections(base: TrainConfig, values: Mapping[str, Any]) -> dict[str, Any]:
    """Change a configuration, and each section key by key."""
    stored = config_to_dict(base)
    sections = {name: {**stored[name], **values[name]} for name in ('network', 'augment')
                if isinstance(values.get(name), Mapping)}
    return {**stored, **values, **sections}


def config_from_dict(values: Mapping[str, Any]) -> TrainConfig:
    """Build a configuration from a mapping of field names; ValueError names a wrong one."""
    sections = {name: build_section(kind, values.get(name, {}), name)
                for name, kind in (('network', NetworkConfig), ('augment', AugmentConfig))}
    return build_section(TrainConfig, {**values, **sections}, 'training')


def config_to_dict(config: TrainConfig) -> dict[str, Any]:
    """Return plain values, as config_from_dict reads them."""
    return asdict(config)


def read_yaml(path: Path) -> dict[str, Any]:
    """Read a YAML mapping; that of an empty file is empty."""
    try:
        values = yaml.safe_load(path.read_text())
    except (yaml.YAMLError, RecursionError) as error:
        raise ValueError(f'{path} is not YAML: {error}') from error
    if values is None:
        return {}
    if not isinstance(values, dict):
        raise ValueError(f'{path} must hold names and values, it holds a {type(values).__name__}')
    return values


def build_section(kind: type[Section], values: Any, title: str) -> Section:
    """Build a dataclass from a mapping; ValueError names unknown keys under the title."""
    if not isinstance(values, Mapping):
        raise ValueError(f'{title} is {values!r}, must hold names and values')
    known = {entry.name for entry in fields(kind)}  # type: ignore[arg-type]
    unknown = sorted(set(values) - known)
    if unknown:
        raise ValueError(f'{title} does not know {unknown}; it knows {sorted(known)}')
    broken = [entry.name for entry in fields(kind)  # type: ignore[arg-type]
              if entry.type is int and isinstance(values.get(entry.name), float)]
    if broken:
        raise ValueError(f'{title}: {broken} must be whole numbers')
    frozen = {name: tuple(value) if isinstance(value, list) else value
              for name, value in values.items()}
    try:
        return kind(**frozen)
    except TypeError as error:
        raise ValueError(f'{title}: {error}; is a text where a number should be?') from error
