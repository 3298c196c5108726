# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""The plots beside the tables; one whose runs are missing is not drawn."""
import io
from pathlib import Path
import statistics

from bdl_perception.experiments.intervals import LEVELS
from bdl_perception.experiments.results import Results
from bdl_perception.experiments.table import NOTHING
from bdl_perception.experiments.uncertainty_tables import IGNORANCE
from bdl_perception.experiments.uncertainty_tables import known_scores
from bdl_perception.experiments.uncertainty_tables import USUAL
from bdl_perception.whole_file import write_whole
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
import numpy as np


def draw_all(results: Results, folder: Path) -> list[str]:
    """Write the plots that can be drawn, remove those that no longer can; returns their names."""
    drawn = []
    for name, draw in (('data_size', data_size), ('auroc', auroc), ('reliability', reliability)):
        figure, path = draw(results), folder / f'{name}.png'
        if figure is None:
            path.unlink(missing_ok=True)
            continue
        buffer = io.BytesIO()
        FigureCanvasAgg(figure)
        figure.savefig(buffer, format='png', dpi=120, metadata={'Software': None})
        write_whole(path, buffer.getvalue())
        drawn.append(path.name)
    return drawn


def data_size(results: Results) -> Figure | None:
    """Draw uncertainty over the share of the data, a dot for each seed, a line for the mean."""
    shares = results.shares()
    if not all(results.runs(USUAL, share) for share in shares):
        return None
    panels = [*((one.name, one.path) for one in IGNORANCE),
              ('aleatoric variance of log-depth', 'nominal/aleatoric_variance')]
    figure = Figure((4 * len(panels), 3.4), layout='constrained')
    for axes, (name, path) in zip(figure.subplots(1, len(panels)), panels, strict=True):
        columns = [results.values(USUAL, path, share) for share in shares]
        for share, values in zip(shares, columns, strict=True):
            axes.plot([100 * share] * len(values), values, 'o', color='tab:blue', alpha=.6)
        if all(columns):
            axes.plot([100 * share for share in shares],
                      [statistics.fmean(values) for values in columns], color='tab:blue')
        highest = max((value for values in columns for value in values), default=0) or 1
        axes.set(title=name, xlabel='% of the training drives', ylim=(0, 1.1 * highest))
    return figure


def auroc(results: Results) -> Figure | None:
    """Draw the AUROC of each score on each held-out condition, validation before test."""
    splits = [*results.conditions('validation'), *results.conditions('test')]
    names = known_scores(results)
    means = np.array([[_mean(results.values(USUAL, f'conditions/{split}/scores/{score}/auroc'))
                       for split in splits] for score in names])  # (scores, splits)
    if not results.runs(USUAL) or not means.size:
        return None
    figure = Figure((2.5 + .8 * len(splits), 1.8 + .45 * len(names)), layout='constrained')
    axes = figure.subplots()
    image = axes.imshow(means, vmin=0, vmax=1, cmap='RdYlGn', aspect='auto')
    axes.set_xticks(range(len(splits)), splits, rotation=40, ha='right')
    axes.set_yticks(range(len(names)), names)
    for (row, column), value in np.ndenumerate(means):
        text = NOTHING if np.isnan(value) else f'{value:.2f}'
        axes.text(column, row, text, ha='center', va='center', fontsize=8)
    figure.colorbar(image, label='AUROC against nominal frames')
    return figure


def reliability(results: Results) -> Figure | None:
    """Draw how often truth lies in an interval over how often it should."""
    if not results.runs(USUAL):
        return None
    figure = Figure((8, 4), layout='constrained')
    for axes, when in zip(figure.subplots(1, 2), ('before', 'after'), strict=True):
        axes.plot([0, 1], [0, 1], color='grey', linewidth=.8)
        for kind in ('aleatoric', 'epistemic', 'total'):
            curves = [run['intervals'][kind][f'reliability_{when}']
                      for run in results.runs(USUAL) if kind in run['intervals']]
            if curves:
                axes.plot(LEVELS, np.mean(curves, axis=0), 'o-', markersize=3, label=kind)
        axes.set(title=f'{when} scaling', xlabel='interval', ylabel='share of pixels inside')
        axes.legend()
    return figure


def _mean(values: list[float]) -> float:
    return statistics.fmean(values) if values else float('nan')
