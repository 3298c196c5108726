# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""The page that an experiment leaves: OUT/README.md with the tables, and the plots beside it."""
from pathlib import Path
from typing import Any, Iterable

from bdl_perception.experiments.accuracy_tables import ablation
from bdl_perception.experiments.accuracy_tables import dropout_cost
from bdl_perception.experiments.accuracy_tables import task_weights
from bdl_perception.experiments.plots import draw_all
from bdl_perception.experiments.results import Results
from bdl_perception.experiments.table import markdown_table
from bdl_perception.experiments.table import summary_table
from bdl_perception.experiments.table import Table
from bdl_perception.experiments.tiers import Tier
from bdl_perception.experiments.uncertainty_tables import aleatoric_constancy
from bdl_perception.experiments.uncertainty_tables import data_size
from bdl_perception.experiments.uncertainty_tables import intervals
from bdl_perception.experiments.uncertainty_tables import strangeness
from bdl_perception.experiments.variant_table import variants
from bdl_perception.whole_file import write_whole

INTRODUCTION = """# Does the uncertainty deserve its name?

The claims of Kendall & Gal 2017 (What Uncertainties Do We Need in Bayesian Deep Learning for
Computer Vision?) and Kendall, Gal & Cipolla 2018 (Multi-Task Learning Using Uncertainty), measured
on rendered drives with many small networks. Every number and every verdict is computed from the
finished runs. Numbers are means over seeds +- standard deviation. The mean of the likelihood of
depth is weighted by sigma (beta = .5, Seitzer et al. 2022); the network `plain_likelihood` is
taught with the paper's own."""
ONE_SEED = """**One seed:** every number is that of one network. Networks that differ by less than
their seeds do cannot be told apart by this page, and their differences are undecided."""
CHOICE = """Networks are taught on the split train. The scale of the intervals is fitted on the
nominal drives of the split validation, and variants are chosen on its held-out conditions. No
drive of the split test took part in choosing; they are only reported. Its conditions have the
names of those of validation, on other drives, but for the camera faults `defocused`,
`underexposed` and `half_lost`: nothing was ever chosen by these. Depth is that of the canonical
camera."""


def all_tables(results: Results) -> list[Table]:
    """Make the tables in the order of the page."""
    return [data_size(results), strangeness(results, 'validation'), strangeness(results, 'test'),
            aleatoric_constancy(results), ablation(results), task_weights(results),
            intervals(results), dropout_cost(results), variants(results)]


def write_report(results: Results, tier: Tier, out: Path, command: str) -> Path:
    """Write the page and the plots; returns the page."""
    out.mkdir(parents=True, exist_ok=True)
    plots = draw_all(results, out)
    tables = all_tables(results)
    parts = [INTRODUCTION, *([ONE_SEED] if len(tier.seeds) == 1 else []),
             _origin(results, tier, command), CHOICE,
             '## All claims', summary_table(tables),
             *(f'![{Path(name).stem}]({name})' for name in plots),
             *(table.markdown().rstrip() for table in tables)]
    page = out / 'README.md'
    write_whole(page, ('\n\n'.join(parts) + '\n').encode())
    return page


def _origin(results: Results, tier: Tier, command: str) -> str:
    """Say by what, where and from how much the numbers were made."""
    runs = list(results.found.values())
    hours = sum(run['training']['elapsed_s'] for run in runs) / 3600
    rows = [['command', f'`{command}`'],
            ['tier', f'{tier.name}: {tier.height}x{tier.width} px, {tier.epochs} epochs of '
                     f'{tier.epoch_frames} frames a run{_longer(results, tier)}, '
                     f'seeds {_listed(tier.seeds)}'],
            ['runs', f'{len(runs)} of {len(results.specs)} finished'],
            ['training, all runs', f'{hours:.2f} h'],
            *([title, _listed({str(run['machine'][name]): None for run in runs})]
              for title, name in (('software', 'software_version'), ('torch', 'torch'),
                                  ('architecture', 'architecture'), ('cores', 'cores'),
                                  ('threads', 'threads'))),
            *([f'split {split}', f'{drives} drives, {frames} frames']
              for split, (drives, frames) in _counts(runs).items())]
    return markdown_table(('', ''), rows)


def _longer(results: Results, tier: Tier) -> str:
    """Name the kinds that have another number of epochs."""
    others = {spec.kind: spec.config.epochs for spec in results.specs
              if spec.config.epochs != tier.epochs}
    return ''.join(f' ({epochs} epochs for `{kind}`)' for kind, epochs in others.items())


def _counts(runs: list[Any]) -> dict[str, tuple[int, int]]:
    return runs[0]['data'] if runs else {}


def _listed(values: Iterable[object]) -> str:
    return ', '.join(str(value) for value in values) or '-'
