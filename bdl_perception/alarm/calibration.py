# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""The numbers that turn scores into probabilities, and the one model that they hold for."""
from dataclasses import asdict
from dataclasses import dataclass
from functools import cached_property
import math
from typing import Any, Mapping

from bdl_perception.alarm.conformal import combined_p_value
from bdl_perception.alarm.conformal import rank
from bdl_perception.alarm.conformal import smallest_count
from bdl_perception.alarm.conformal import threshold
from bdl_perception.alarm.scores import EPISTEMIC_SCORES
from bdl_perception.alarm.sequential import check_exponent
from bdl_perception.alarm.status import Identity

FORMAT = 2  # of calibration.json; 1 had epistemic_depth in 1/m, now it is of log-depth
BOUND = {  # field of Identity -> what is said when it differs
    'perceive_sha256': 'another model (perceive graph)',
    'sample_sha256': 'another model (sample graph)',
    'samples': 'another number of Monte Carlo samples',
    'seed': 'other dropout masks (seed)',
    'height': 'another input height',
    'width': 'another input width',
    'precision': 'another precision of the graphs',
}


@dataclass(frozen=True)
class Calibration:
    """The contents of calibration.json."""

    identity: Identity
    alpha: float  # of a single observation, shared out among the watched scores
    watched: tuple[str, ...]
    scores: Mapping[str, tuple[float, ...]]  # name -> ascending, of every score that was there
    drives: tuple[str, ...]
    frames: int  # that were scored, before thinning
    step_s: float
    false_alarms_per_hour: float
    cusum_limit: float
    exponent: float  # e of the bets that the CUSUM sums up
    software_version: str
    format: int = FORMAT  # noqa: A003  # as the file says

    def __post_init__(self) -> None:
        """Refuse numbers that cannot be an alarm's."""
        if self.format != FORMAT:
            raise ValueError(f'calibration format is {self.format}, this version reads {FORMAT}; '
                             f'calibrate again')
        smallest_count(self.alpha)  # refuses what is no probability
        for name in ('step_s', 'false_alarms_per_hour', 'cusum_limit'):
            value = getattr(self, name)
            if not 0 < value < math.inf:
                raise ValueError(f'calibration {name} is {value}, must be positive and finite; '
                                 f'calibrate again')
        check_exponent(self.exponent)
        check_watched(self.watched, self.scores)
        for name, values in self.scores.items():
            if not all(map(math.isfinite, values)) or list(values) != sorted(values):
                raise ValueError(f'calibration scores of {name} are not finite and ascending; '
                                 f'calibrate again')

    @cached_property
    def score_alpha(self) -> float:
        """Give what of alpha each watched score has (Bonferroni)."""
        return self.alpha / len(self.watched)

    @cached_property
    def thresholds(self) -> dict[str, float]:
        """Give the threshold of each watched score, +Inf where there are too few scores."""
        return {name: threshold(values, self.score_alpha) if self._suffices(values) else math.inf
                for name, values in self._watched_scores.items()}

    def strange(self, values: Mapping[str, float]) -> tuple[str, ...]:
        """Name the watched ones of values that are above their threshold; NaN is."""
        return tuple(name for name, limit in self.thresholds.items()
                     if name in values and not values[name] <= limit)

    def complete(self, values: Mapping[str, float]) -> bool:
        """Tell whether every watched score is in values."""
        return all(name in values for name in self.watched)

    def p_value(self, values: Mapping[str, float]) -> float:
        """Give the combined p-value of a complete observation."""
        return combined_p_value(self._watched_scores, values)

    def refusals(self, identity: Identity | None) -> tuple[str, ...]:
        """Say why this calibration must not arm an alarm on that model; empty: it may."""
        if identity is None:
            return ('perception_node has not said which model it runs',)
        differences = [f'calibration is of {what}: calibrate this one' for name, what in
                       BOUND.items() if getattr(identity, name) != getattr(self.identity, name)]
        short = [f'calibration has {len(values)} observations of {name}, alpha {self.alpha:g} '
                 f'over {len(self.watched)} scores needs {smallest_count(self.score_alpha)}: '
                 f'calibrate with more drives'
                 for name, values in self._watched_scores.items() if not self._suffices(values)]
        return tuple(differences + short)

    @cached_property
    def _watched_scores(self) -> dict[str, tuple[float, ...]]:
        return {name: self.scores[name] for name in self.watched}

    def _suffices(self, values: tuple[float, ...]) -> bool:
        return rank(len(values), self.score_alpha) <= len(values)


def check_watched(watched: tuple[str, ...], known: Mapping[str, Any]) -> None:
    """Refuse a set of scores that is unknown or knows nothing of the model's ignorance."""
    unknown = sorted(set(watched) - set(known))
    if unknown:
        raise ValueError(f'watched scores {unknown} are not known, choose from {sorted(known)}')
    if len(set(watched)) != len(watched):
        raise ValueError(f'watched scores {watched} name one twice; name each once')
    if not EPISTEMIC_SCORES & set(watched):
        raise ValueError(f'watched scores are {watched}: at least one of '
                         f'{sorted(EPISTEMIC_SCORES)} must be among them')


def calibration_to_dict(calibration: Calibration) -> dict[str, Any]:
    """Turn a calibration into what calibration.json holds."""
    return asdict(calibration)


def calibration_from_dict(values: Mapping[str, Any]) -> Calibration:
    """Read what calibration.json holds; ValueError says what is wrong with it."""
    known = set(Calibration.__dataclass_fields__)
    missing, unknown = known - set(values), set(values) - known
    if missing or unknown:
        raise ValueError(f'calibration: missing {sorted(missing)}, not known {sorted(unknown)}; '
                         f'calibrate again')
    try:
        return Calibration(**{
            **values,
            'identity': Identity(**values['identity']),
            'scores': {name: tuple(map(float, row)) for name, row in values['scores'].items()},
            'watched': tuple(values['watched']), 'drives': tuple(values['drives'])})
    except (TypeError, AttributeError) as error:
        raise ValueError(f'calibration holds values of wrong types ({error}); '
                         f'calibrate again') from error
