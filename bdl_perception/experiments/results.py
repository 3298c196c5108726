# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""The finished runs of an experiment, and which are still missing."""
from dataclasses import dataclass
import json
from pathlib import Path
from typing import Any, Mapping, Sequence

from bdl_perception.experiments.plan import RunSpec

Result = Mapping[str, Any]


def read_result(folder: Path, spec: RunSpec, data_hash: str | None = None) -> Result | None:
    """Read RUNS/NAME.json; None without it, or where it is of another plan or other drives."""
    path = folder / f'{spec.name}.json'
    if not path.exists():
        return None
    try:
        found: dict[str, Any] = json.loads(path.read_text(encoding='utf-8'))
        fits = found['hash'] == spec.digest and data_hash in (None, found['data_hash'])
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(f'{path} is no result of a run ({error!r}); remove it') from error
    return found if fits else None


@dataclass(frozen=True)
class Results:
    """What the tables are made from; every number of it is of one plan and of one data set."""

    specs: Sequence[RunSpec]
    by_name: Mapping[str, Result]  # by name of the run

    def runs(self, kind: str, share: float = 1.0) -> list[Result]:
        """Give the finished runs of a kind, by seed."""
        return [self.by_name[spec.name] for spec in self._specs(kind, share)
                if spec.name in self.by_name]

    def values(self, kind: str, path: str, share: float = 1.0) -> list[float]:
        """Give a number of each finished run, by seed; path: names with / between them."""
        return list(self.values_by_seed(kind, path, share).values())

    def values_by_seed(self, kind: str, path: str, share: float = 1.0) -> dict[int, float]:
        """Give the same as values with the seed of each; without runs that do not say it."""
        numbers = {run['seed']: get_number(run, path) for run in self.runs(kind, share)}
        return {seed: number for seed, number in numbers.items() if number is not None}

    @property
    def first_seed(self) -> int:
        """Give the one seed that every kind has: networks are compared by it."""
        return min(spec.seed for spec in self.specs)

    def first_seed_value(self, kind: str, path: str) -> float | None:
        """Give a number of the run of the first seed; None where it is not there."""
        return self.values_by_seed(kind, path).get(self.first_seed)

    def first_seed_spec(self, kind: str) -> RunSpec:
        """Give the run of the first seed on all the data, whether it is there or not."""
        return self._specs(kind, 1.0)[0]

    def missing_runs(self, *kinds: str, share: float | None = None,
                seed: int | None = None) -> list[str]:
        """Name the planned runs of these kinds that are not there; of one share or seed only."""
        return [spec.name for spec in self.specs if spec.kind in kinds
                and share in (None, spec.share) and seed in (None, spec.seed)
                and spec.name not in self.by_name]

    def shares(self) -> list[float]:
        """List the shares of the data that are planned, smallest first."""
        return sorted({spec.share for spec in self.specs})

    def kinds(self, prefix: str = '') -> list[str]:
        """List the kinds that are planned and start with a prefix, in the order planned."""
        return list(dict.fromkeys(
            spec.kind for spec in self.specs if spec.kind.startswith(prefix)))

    def conditions(self, part: str) -> list[str]:
        """List the measured splits of held-out conditions of a part, validation or test."""
        return list(dict.fromkeys(split for run in self.by_name.values()
                                  for split in run['conditions'] if split.startswith(f'{part}_')))

    def _specs(self, kind: str, share: float) -> list[RunSpec]:
        chosen = [spec for spec in self.specs if spec.kind == kind and spec.share == share]
        return sorted(chosen, key=lambda spec: spec.seed)


def get_number(run: Result, path: str) -> float | None:
    """Find a number of a run; None where the network does not say it."""
    found: Any = run
    for name in path.split('/'):
        if not isinstance(found, Mapping) or name not in found:
            return None
        found = found[name]
    return None if found is None else float(found)


def read_results(folder: Path, specs: Sequence[RunSpec],
                 data_hash: str | None = None) -> Results:
    """Read what is there; ValueError where runs were measured on different drives."""
    found = {spec.name: result for spec in specs
             if (result := read_result(folder, spec, data_hash)) is not None}
    hashes: dict[str, list[str]] = {}
    for name, result in found.items():
        hashes.setdefault(result['data_hash'], []).append(name)
    if len(hashes) > 1:
        fewest = min(hashes.values(), key=len)
        raise ValueError(f'{folder} mixes runs on different drives, for instance {fewest[0]} '
                         f'beside {max(hashes.values(), key=len)[0]}; run them again with --data')
    return Results(specs, found)
