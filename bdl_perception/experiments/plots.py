# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""The plots of the page; a plot without its runs is left out."""
from typing import Callable, Mapping, Sequence

from bdl_perception.experiments.calibration_tables import RECALL_CURVES, recall_uncertainties
from bdl_perception.experiments.curves import RECALLS
from bdl_perception.experiments.measure import RELIABILITY_LEVELS
from bdl_perception.experiments.plan import CLASSES, DEPTH
from bdl_perception.experiments.recipes import mean_separation
from bdl_perception.experiments.results import get_number, Results
from bdl_perception.experiments.uncertainty_tables import (
    ALEATORIC,
    condition_scores,
    MEASURES,
)
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import NullFormatter
import numpy as np

Draw = Callable[[Results], Figure | None]


def plot_data_size(results: Results) -> Figure | None:
    """Draw epistemic uncertainty over the share of the data."""
    return _share_figure(results, [(measure.task, measure.name, measure.path)
                                   for measure in MEASURES])


def plot_aleatoric(results: Results) -> Figure | None:
    """Draw aleatoric variance over the share of the data."""
    return _share_figure(results, list(ALEATORIC))


def _share_figure(results: Results, panels: list[tuple[str, str, str]]) -> Figure | None:
    """Draw a panel for each value: a line for each seed."""
    found = [[results.values_by_seed(task, results.winner, path, share)
              for share in results.shares()] for task, _, path in panels]
    if not any(column for panel in found for column in panel):
        return None
    figure = Figure((4 * len(panels), 3.4), layout='constrained')
    for axes, (task, name, _), columns in zip(figure.subplots(1, len(panels)), panels, found,
                                              strict=True):
        for seed in sorted({seed for column in columns for seed in column}):
            points = [(100 * share, column[seed]) for share, column
                      in zip(results.shares(), columns, strict=True) if seed in column]
            axes.plot(*zip(*points, strict=True), 'o-', label=f'seed {seed}')
        axes.set(title=f'{task}: {name}', xlabel='% of the training frames', ylim=(0, None))
        _add_legend(axes)
    return figure


def plot_other_data(results: Results) -> Figure | None:
    """Draw the ratio of each measure to nominal frames, for each test condition and seed."""
    panels = [(measure, results.conditions(measure.task, 'test')) for measure in MEASURES]
    if not any(splits for _, splits in panels):
        return None
    figure = Figure((4.6 * len(panels), 4), layout='constrained')
    for axes, (measure, splits) in zip(figure.subplots(1, len(panels)), panels, strict=True):
        for row, split in enumerate(splits):
            ratios = results.values(measure.task, results.winner,
                                    f'conditions/{split}/scores/{measure.score}/ratio')
            axes.plot(ratios, [row] * len(ratios), 'o', color='tab:blue', alpha=.7)
        axes.set_yticks(range(len(splits)), [split.removeprefix('test_') for split in splits])
        axes.axvline(measure.ood_ratio, color='tab:red', linestyle='--')
        axes.set(title=f'{measure.task}: {measure.name}', xscale='log', xlabel='ratio to nominal')
        axes.xaxis.set_minor_formatter(NullFormatter())  # labels would overlap
    return figure


def plot_accuracy(results: Results) -> Figure | None:
    """Draw the accuracy of the ablations, a dot for each seed."""
    kinds = {'none': 'none', 'aleatoric': 'aleatoric', 'epistemic': 'epistemic',
             'both': results.winner}
    panels = ((DEPTH, 'RMS, m', 'test/average/rms_m'),
              (CLASSES, 'mean IoU', 'test/average/mean_iou'))
    if not any(results.values(task, kind, path) for task, _, path in panels
               for kind in kinds.values()):
        return None
    figure = Figure((8, 3.4), layout='constrained')
    for axes, (task, name, path) in zip(figure.subplots(1, 2), panels, strict=True):
        for place, kind in enumerate(kinds.values()):
            values = results.values(task, kind, path)
            axes.plot([place] * len(values), values, 'o', color='tab:blue', alpha=.7)
        axes.set_xticks(range(len(kinds)), list(kinds))
        axes.set(title=f'{task}: {name}', xlim=(-.5, len(kinds) - .5))
    return figure


def plot_calibration(results: Results) -> Figure | None:
    """Draw coverage over the level of depth intervals, and correct classes over probability."""
    depth, classes = (results.runs(task, results.winner) for task in (DEPTH, CLASSES))
    if not depth and not classes:
        return None
    figure = Figure((12, 4), layout='constrained')
    before, after, right = figure.subplots(1, 3)
    for axes, when in ((before, 'before'), (after, 'after')):
        for kind in ('aleatoric', 'epistemic', 'total'):
            curves = [run['intervals'][kind][f'reliability_{when}'] for run in depth
                      if kind in run['intervals']]
            if curves:
                axes.plot(RELIABILITY_LEVELS, np.mean(curves, axis=0), 'o-', label=kind)
        _finish_diagonal(axes, f'depth, {when} scaling', 'level of the interval', 'pixels inside')
    for run in classes:
        curve = run['test']['calibration']
        right.plot(curve['probability'], curve['correct'], 'o-', label=f'seed {run["seed"]}')
    _finish_diagonal(right, 'classes', 'probability', 'share correct')
    return figure


def _finish_diagonal(axes: Axes, title: str, x: str, y: str) -> None:
    axes.plot([0, 1], [0, 1], color='grey', linewidth=.8)
    axes.set(title=title, xlabel=x, ylabel=y)
    _add_legend(axes)


def _add_legend(axes: Axes) -> None:
    """Add a legend where there are curves: matplotlib warns of an empty one."""
    if axes.get_legend_handles_labels()[0]:
        axes.legend(fontsize=8)


def plot_recall(results: Results) -> Figure | None:
    """Draw quality over recall, as pixels are rejected by uncertainty."""
    if not any(results.runs(task, results.winner) for task, *_ in RECALL_CURVES):
        return None
    figure = Figure((9, 3.6), layout='constrained')
    for axes, (task, metric, _, title, _) in zip(figure.subplots(1, 2), RECALL_CURVES,
                                                 strict=True):
        runs = results.runs(task, results.winner)
        for name in recall_uncertainties(runs, metric):
            curves = [run['test']['recall_curves'][metric][name] for run in runs]
            axes.plot(RECALLS, np.mean(curves, axis=0), 'o-', markersize=3, label=f'by {name}')
        axes.set(title=f'{task}: {title}', xlabel='recall (share of the pixels)')
        _add_legend(axes)
    return figure


def plot_recipes(results: Results) -> Figure | None:
    """Draw AUROC over RMS of the recipes on validation."""
    kinds = dict.fromkeys(spec.kind for spec in results.specs if spec.task == DEPTH)
    points = {kind: (error, area) for kind in kinds for run in results.runs(DEPTH, kind)
              if run['seed'] == results.first_seed
              and (error := get_number(run, 'validation/average/rms_m')) is not None
              and (area := mean_separation(run, 'validation')) is not None}
    if not points:
        return None
    figure = Figure((6, 4.2), layout='constrained')
    axes = figure.subplots()
    for kind, point in points.items():
        axes.plot(*point, 'o', color='tab:red' if kind == results.winner else 'tab:blue')
        axes.annotate(kind, point, xytext=(4, 4), textcoords='offset points', fontsize=8)
    axes.set(xlabel='RMS on validation, m', ylabel='mean AUROC on validation conditions',
             title=f'Networks for depth, seed {results.first_seed}')
    return figure


def plot_auroc(results: Results) -> Figure | None:
    """Draw the AUROC of each score on each test condition, first seed and ensemble."""
    tasks = [task for task in (DEPTH, CLASSES) if results.conditions(task, 'test')]
    if not tasks:
        return None
    figure = Figure((14, 4.5), layout='constrained')
    for axes, task in zip(np.atleast_1d(figure.subplots(1, len(tasks))), tasks, strict=True):
        splits = results.conditions(task, 'test')
        _draw_areas(axes, task, [split.removeprefix('test_') for split in splits],
                    [{name: float(score['auroc'])
                      for name, score in condition_scores(results, task, split)}
                     for split in splits])
    return figure


def _draw_areas(axes: Axes, task: str, conditions: Sequence[str],
                columns: Sequence[Mapping[str, float]]) -> None:
    names = list(dict.fromkeys(name for column in columns for name in column))
    values = np.array([[column.get(name, np.nan) for column in columns]
                       for name in names]).reshape(len(names), len(columns))
    axes.imshow(values, vmin=0, vmax=1, cmap='RdYlGn', aspect='auto')
    axes.set_xticks(range(len(conditions)), conditions, rotation=40, ha='right')
    axes.set_yticks(range(len(names)), names)
    axes.set_title(f'{task}: AUROC against nominal test frames')
    for (row, column), value in np.ndenumerate(values):
        axes.text(column, row, f'{value:.2f}', ha='center', va='center', fontsize=8)


PLOTS: Mapping[str, Draw] = {
    'data_size': plot_data_size, 'other_data': plot_other_data, 'aleatoric': plot_aleatoric,
    'accuracy': plot_accuracy, 'calibration': plot_calibration, 'recall': plot_recall,
    'recipes': plot_recipes, 'auroc': plot_auroc}
