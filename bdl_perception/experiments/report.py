# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""The report of an experiment: OUT/README.md with the tables, and the plots."""
import io
from pathlib import Path
import statistics
from typing import Any, Iterable

from bdl_perception.experiments.accuracy_tables import (
    ablation_table,
    dropout_cost_table,
    task_weight_table,
)
from bdl_perception.experiments.claims import markdown_table, NO_VALUE, summary_table, Table
from bdl_perception.experiments.config import Tier
from bdl_perception.experiments.measure import RELIABILITY_LEVELS
from bdl_perception.experiments.results import Results
from bdl_perception.experiments.uncertainty_tables import (
    aleatoric_constancy_table,
    BASE_KIND,
    data_size_table,
    EPISTEMIC_MEASURES,
    interval_table,
    ood_table,
    table_scores,
)
from bdl_perception.experiments.variant_table import variants_table
from bdl_perception.files import write_atomic
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
import numpy as np

INTRODUCTION = """# Experiment: are the predicted uncertainties valid?

The claims of Kendall & Gal 2017 (What Uncertainties Do We Need in Bayesian Deep Learning for
Computer Vision?) and Kendall, Gal & Cipolla 2018 (Multi-Task Learning Using Uncertainty), tested
on rendered drives with many small networks. Every number and every verdict is computed from the
finished runs. Numbers are means over seeds +- standard deviation. The mean of the likelihood of
depth is weighted by sigma (beta = .5, Seitzer et al. 2022); the network `plain_likelihood` is
trained with the likelihood of the paper."""
ONE_SEED_NOTE = """**One seed:** every number is that of one network. Differences between networks
that are smaller than between seeds cannot be resolved, and comparisons are undecided."""
SELECTION_NOTE = """Networks are trained on the split train. The scale of the intervals is fitted
on the nominal drives of the split validation, and variants are chosen by its held-out conditions.
No choice was made by a drive of the split test. Its conditions have the names of those of
validation, on other drives. The image corruptions `defocused`, `underexposed` and `half_lost`
occur in the split test only. Depth is that of the canonical camera."""


def write_report(results: Results, tier: Tier, out: Path, command: str) -> Path:
    """Write the page and the plots; returns the path of the page."""
    out.mkdir(parents=True, exist_ok=True)
    plots = draw_plots(results, out)
    tables = all_tables(results)
    parts = [INTRODUCTION, *([ONE_SEED_NOTE] if len(tier.seeds) == 1 else []),
             _provenance(results, tier, command), SELECTION_NOTE,
             '## All claims', summary_table(tables),
             *(f'![{Path(name).stem}]({name})' for name in plots),
             *(table.markdown().rstrip() for table in tables)]
    page = out / 'README.md'
    write_atomic(page, ('\n\n'.join(parts) + '\n').encode())
    return page


def all_tables(results: Results) -> list[Table]:
    """Make all tables in the order of the page."""
    return [data_size_table(results), ood_table(results, 'validation'),
            ood_table(results, 'test'), aleatoric_constancy_table(results),
            ablation_table(results), task_weight_table(results), interval_table(results),
            dropout_cost_table(results), variants_table(results)]


def _provenance(results: Results, tier: Tier, command: str) -> str:
    """List the command, the sizes, the machine and the data of the runs."""
    runs = list(results.by_name.values())
    hours = sum(run['training']['elapsed_s'] for run in runs) / 3600
    rows = [['command', f'`{command}`'],
            ['tier', f'{tier.name}: {tier.height}x{tier.width} px, {tier.epochs} epochs of '
                     f'{tier.epoch_frames} frames a run{_epoch_overrides(results, tier)}, '
                     f'seeds {_comma_separated(tier.seeds)}'],
            ['runs', f'{len(runs)} of {len(results.specs)} finished'],
            ['training, all runs', f'{hours:.2f} h'],
            *([title, _comma_separated({str(run['machine'][name]): None for run in runs})]
              for title, name in (('software', 'software_version'), ('torch', 'torch'),
                                  ('architecture', 'architecture'), ('cores', 'cores'),
                                  ('threads', 'threads'))),
            *([f'split {split}', f'{drives} drives, {frames} frames']
              for split, (drives, frames) in _data_counts(runs).items())]
    return markdown_table(('', ''), rows)


def _epoch_overrides(results: Results, tier: Tier) -> str:
    """List the kinds with another number of epochs."""
    others = {spec.kind: spec.config.epochs for spec in results.specs
              if spec.config.epochs != tier.epochs}
    return ''.join(f' ({epochs} epochs for `{kind}`)' for kind, epochs in others.items())


def _data_counts(runs: list[Any]) -> dict[str, tuple[int, int]]:
    return runs[0]['data'] if runs else {}


def _comma_separated(values: Iterable[object]) -> str:
    return ', '.join(str(value) for value in values) or '-'


def draw_plots(results: Results, folder: Path) -> list[str]:
    """Write the plots whose runs are finished, delete the others; returns their names."""
    drawn = []
    for name, draw in (('data_size', plot_data_size), ('auroc', plot_auroc),
                       ('reliability', plot_reliability)):
        figure, path = draw(results), folder / f'{name}.png'
        if figure is None:
            path.unlink(missing_ok=True)
            continue
        buffer = io.BytesIO()
        FigureCanvasAgg(figure)
        figure.savefig(buffer, format='png', dpi=120, metadata={'Software': None})
        write_atomic(path, buffer.getvalue())
        drawn.append(path.name)
    return drawn


def plot_data_size(results: Results) -> Figure | None:
    """Draw uncertainty over the share of the data: a dot for each seed, a line for the mean."""
    shares = results.shares()
    if not all(results.runs(BASE_KIND, share) for share in shares):
        return None
    panels = [*((measure.name, measure.path) for measure in EPISTEMIC_MEASURES),
              ('aleatoric variance of log-depth', 'nominal/aleatoric_variance')]
    figure = Figure((4 * len(panels), 3.4), layout='constrained')
    for axes, (name, path) in zip(figure.subplots(1, len(panels)), panels, strict=True):
        columns = [results.values(BASE_KIND, path, share) for share in shares]
        for share, values in zip(shares, columns, strict=True):
            axes.plot([100 * share] * len(values), values, 'o', color='tab:blue', alpha=.6)
        if all(columns):
            axes.plot([100 * share for share in shares],
                      [statistics.fmean(values) for values in columns], color='tab:blue')
        highest = max((value for values in columns for value in values), default=0) or 1
        axes.set(title=name, xlabel='% of the training drives', ylim=(0, 1.1 * highest))
    return figure


def plot_auroc(results: Results) -> Figure | None:
    """Draw the AUROC of each score on each held-out condition, validation before test."""
    splits = [*results.conditions('validation'), *results.conditions('test')]
    names = table_scores(results)
    means = np.array([
        [_mean_or_nan(results.values(BASE_KIND, f'conditions/{split}/scores/{score}/auroc'))
         for split in splits] for score in names])  # (scores, splits)
    if not results.runs(BASE_KIND) or not means.size:
        return None
    figure = Figure((2.5 + .8 * len(splits), 1.8 + .45 * len(names)), layout='constrained')
    axes = figure.subplots()
    image = axes.imshow(means, vmin=0, vmax=1, cmap='RdYlGn', aspect='auto')
    axes.set_xticks(range(len(splits)), splits, rotation=40, ha='right')
    axes.set_yticks(range(len(names)), names)
    for (row, column), value in np.ndenumerate(means):
        text = NO_VALUE if np.isnan(value) else f'{value:.2f}'
        axes.text(column, row, text, ha='center', va='center', fontsize=8)
    figure.colorbar(image, label='AUROC against nominal frames')
    return figure


def plot_reliability(results: Results) -> Figure | None:
    """Draw the coverage of intervals over their level."""
    if not results.runs(BASE_KIND):
        return None
    figure = Figure((8, 4), layout='constrained')
    for axes, when in zip(figure.subplots(1, 2), ('before', 'after'), strict=True):
        axes.plot([0, 1], [0, 1], color='grey', linewidth=.8)
        for kind in ('aleatoric', 'epistemic', 'total'):
            curves = [run['intervals'][kind][f'reliability_{when}']
                      for run in results.runs(BASE_KIND) if kind in run['intervals']]
            if curves:
                axes.plot(RELIABILITY_LEVELS, np.mean(curves, axis=0), 'o-', markersize=3,
                          label=kind)
        axes.set(title=f'{when} scaling', xlabel='interval', ylabel='share of pixels inside')
        axes.legend()
    return figure


def _mean_or_nan(values: list[float]) -> float:
    return statistics.fmean(values) if values else float('nan')
