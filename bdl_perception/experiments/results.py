# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""Results of the finished runs of an experiment, and the missing runs."""
from dataclasses import dataclass
import json
from pathlib import Path
from typing import Any, Mapping, Sequence

from bdl_perception.experiments.plan import RunSpec

Result = Mapping[str, Any]


def read_result(folder: Path, spec: RunSpec, data_hash: str | None = None) -> Result | None:
    """Read RUNS/NAME.json; None if it is missing or belongs to another plan or other drives."""
    path = folder / f'{spec.name}.json'
    if not path.exists():
        return None
    try:
        found: dict[str, Any] = json.loads(path.read_text(encoding='utf-8'))
        matches = found['hash'] == spec.digest and data_hash in (None, found['data_hash'])
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(f'{path} is no result of a run ({error!r}); remove it') from error
    return found if matches else None


@dataclass(frozen=True)
class Results:
    """The input of all tables; every number belongs to one plan and one data set of its task."""

    specs: Sequence[RunSpec]
    by_name: Mapping[str, Result]  # by name of the run
    winner: str  # recipe of the runs that the claims are about

    def runs(self, task: str, kind: str, share: float = 1.0) -> list[Result]:
        """Return the finished runs of a kind, ordered by seed."""
        chosen = [spec for spec in self.specs
                  if (spec.task, spec.kind, spec.share) == (task, kind, share)]
        return [self.by_name[spec.name] for spec in sorted(chosen, key=lambda spec: spec.seed)
                if spec.name in self.by_name]

    def values(self, task: str, kind: str, path: str, share: float = 1.0) -> list[float]:
        """Return a number of each finished run, ordered by seed; path: keys joined with /."""
        return list(self.values_by_seed(task, kind, path, share).values())

    def values_by_seed(self, task: str, kind: str, path: str,
                       share: float = 1.0) -> dict[int, float]:
        """Return seed -> number; runs without the number are left out."""
        numbers = {run['seed']: get_number(run, path) for run in self.runs(task, kind, share)}
        return {seed: number for seed, number in numbers.items() if number is not None}

    @property
    def first_seed(self) -> int:
        """Return the seed that every kind has; recipes are compared at it."""
        return min(spec.seed for spec in self.specs)

    def first_seed_value(self, task: str, kind: str, path: str) -> float | None:
        """Return a number of the run of the first seed; None if it is missing."""
        return self.values_by_seed(task, kind, path).get(self.first_seed)

    def missing_runs(self, task: str, *kinds: str, share: float | None = None,
                     seed: int | None = None) -> list[str]:
        """List the planned, unfinished runs of these kinds; of one share or seed if given."""
        return [spec.name for spec in self.specs if spec.task == task and spec.kind in kinds
                and share in (None, spec.share) and seed in (None, spec.seed)
                and spec.name not in self.by_name]

    def shares(self) -> list[float]:
        """List the planned shares of the data, smallest first."""
        return sorted({spec.share for spec in self.specs})

    def conditions(self, task: str, part: str) -> list[str]:
        """List the evaluated splits of held-out conditions; part: validation or test."""
        return list(dict.fromkeys(
            split for spec in self.specs if spec.task == task
            for split in self.by_name.get(spec.name, {'conditions': ()})['conditions']
            if split.startswith(f'{part}_')))


def get_number(run: Result, path: str) -> float | None:
    """Look up a number of a run; None if the network does not predict it."""
    found: Any = run
    for name in path.split('/'):
        if not isinstance(found, Mapping) or name not in found:
            return None
        found = found[name]
    return None if found is None else float(found)


def read_results(folder: Path, specs: Sequence[RunSpec], winner: str,
                 data_hashes: Mapping[str, str] | None = None) -> Results:
    """
    Read all finished runs; ValueError if those of a task were evaluated on different frames.

    data_hashes: of each task; none: any.
    """
    found = {spec.name: result for spec in specs
             if (result := read_result(folder, spec, (data_hashes or {}).get(spec.task)))
             is not None}
    for task in {spec.task for spec in specs}:
        hashes: dict[str, list[str]] = {}
        for spec in specs:
            if spec.task == task and spec.name in found:
                hashes.setdefault(found[spec.name]['data_hash'], []).append(spec.name)
        if len(hashes) > 1:
            minority, majority = min(hashes.values(), key=len), max(hashes.values(), key=len)
            raise ValueError(f'{folder} mixes runs on different frames, for instance '
                             f'{minority[0]} and {majority[0]}; run them again with --data')
    return Results(specs, found, winner)
