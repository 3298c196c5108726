# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""The plots of the page; a plot without its runs is left out."""
from typing import Callable, Mapping, Sequence

from bdl_perception.experiments.accuracy_tables import GOALS, mean_aurocs, METRICS
from bdl_perception.experiments.calibration_tables import RECALL_CURVES, recall_uncertainties
from bdl_perception.experiments.curves import RECALLS
from bdl_perception.experiments.measure import RELIABILITY_LEVELS
from bdl_perception.experiments.plan import (
    BOTH_TASKS,
    CLASSES,
    DEPTH,
    LEARNED_WEIGHTS,
    RECIPES,
)
from bdl_perception.experiments.recipes import MAX_RMS_SHARE, mean_separation
from bdl_perception.experiments.results import get_number, Results
from bdl_perception.experiments.score_tables import condition_scores
from bdl_perception.experiments.uncertainty_tables import ALEATORIC, MEASURES
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullFormatter, StrMethodFormatter
import numpy as np

Draw = Callable[[Results], Figure | None]
PaperCurves = Mapping[str, Sequence[float]]  # by task, for PAPER_SHARES

LINES = {'aleatoric': 'o-', 'epistemic': 's-', 'total': 'k.--'}  # total covers aleatoric
PAPER_SHARES = (25, 50, 100)  # % of the frames (Kendall & Gal 2017, table 3)
PAPER_EPISTEMIC = {DEPTH: (7.73, 4.38, 2.78), CLASSES: (1.96, 1.66, 1.36)}
PAPER_ALEATORIC = {DEPTH: (.506, .521, .485), CLASSES: (.106, .156, .111)}
PAPER_COVERAGE = (.5, .8, .9, .95), (.301, .561, .690, .779)  # Make3D, read from figure 3


def plot_data_size(results: Results) -> Figure | None:
    """Draw epistemic uncertainty over the share of the data."""
    return _share_figure(results, [(measure.task, measure.name, f'test/{measure.mean}')
                                   for measure in MEASURES], PAPER_EPISTEMIC)


def plot_aleatoric(results: Results) -> Figure | None:
    """Draw aleatoric variance over the share of the data."""
    return _share_figure(results, list(ALEATORIC), PAPER_ALEATORIC)


def _share_figure(results: Results, panels: list[tuple[str, str, str]],
                  paper: PaperCurves) -> Figure | None:
    """Draw a panel for each value, relative to all data: a line for each seed and the paper's."""
    found = [[results.values_by_seed(task, results.winner, path, share)
              for share in results.shares()] for task, _, path in panels]
    if not any(column for panel in found for column in panel):
        return None
    figure = Figure((4 * len(panels), 3.4), layout='constrained')
    for axes, (task, name, _), columns in zip(figure.subplots(1, len(panels)), panels, found,
                                              strict=True):
        for seed, base in columns[-1].items():
            points = [(100 * share, column[seed] / base) for share, column
                      in zip(results.shares(), columns, strict=True) if seed in column]
            axes.plot(*zip(*points, strict=True), 'o-', label=f'seed {seed}')
        axes.plot(PAPER_SHARES, np.divide(paper[task], paper[task][-1]), 'k--', label='paper')
        axes.set(title=f'{task}: {name}', xlabel='% of the training frames',
                 ylabel='relative to all data', ylim=(0, None))
        _add_legend(axes, bool(columns[-1]))
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
        axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axes.xaxis.set_major_formatter(StrMethodFormatter('{x:g}'))
        axes.xaxis.set_minor_formatter(NullFormatter())  # labels would overlap
        _mark_missing(axes, bool(splits))
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
        _draw_seeds(axes, f'{task}: {name}', list(kinds),
                    [results.values(task, kind, path) for kind in kinds.values()])
    return figure


def plot_task_weights(results: Results) -> Figure | None:
    """Draw the accuracy of both tasks over the weight of depth; a line for learned weights."""
    learned = {metric: results.first_seed_value(BOTH_TASKS, LEARNED_WEIGHTS,
                                                f'test/average/{metric}')
               for metric in ('rms_m', 'mean_iou')}
    kinds = {spec.kind: 100 * spec.config.depth_weight for spec in results.specs
             if spec.task == BOTH_TASKS and spec.kind != LEARNED_WEIGHTS}
    fixed = {metric: [(weight, value) for kind, weight in kinds.items()
                      if (value := results.first_seed_value(
                          BOTH_TASKS, kind, f'test/average/{metric}')) is not None]
             for metric in learned}
    if not any(fixed.values()) and all(value is None for value in learned.values()):
        return None
    figure = Figure((8, 3.4), layout='constrained')
    for axes, (metric, value) in zip(figure.subplots(1, 2), learned.items(), strict=True):
        axes.plot([weight for weight, _ in fixed[metric]], [each for _, each in fixed[metric]],
                  'o-', label='fixed weights')
        if value is not None:
            axes.axhline(value, color='tab:red', linestyle='--', label='learned weights')
        axes.set(title=METRICS[metric], xlabel='weight of depth, %')
        _add_legend(axes, bool(fixed[metric]) or value is not None)
    return figure


def plot_dropout_cost(results: Results) -> Figure | None:
    """Draw accuracy of one pass and AUROC without masks, with the winner's and with others."""
    kinds = {'no masks': 'aleatoric', 'winner': results.winner, 'other masks': 'other_masks'}
    panels = [(f'{goal.task}: {METRICS[goal.metric]}, one pass',
               [results.values(goal.task, kind, f'test/single/{goal.metric}')
                for kind in kinds.values()]) for goal in GOALS]
    panels += [(f'{goal.task}: mean test AUROC',
                [list(mean_aurocs(results, goal.task, kind).values())
                 for kind in kinds.values()]) for goal in GOALS]
    if not any(values for _, columns in panels for values in columns):
        return None
    figure = Figure((14, 3.4), layout='constrained')
    for axes, (title, columns) in zip(figure.subplots(1, len(panels)), panels, strict=True):
        _draw_seeds(axes, title, list(kinds), columns)
    return figure


def _draw_seeds(axes: Axes, title: str, names: Sequence[str],
                columns: Sequence[Sequence[float]]) -> None:
    """Draw a dot for each seed of each kind of network."""
    for place, values in enumerate(columns):
        axes.plot([place] * len(values), values, 'o', color='tab:blue', alpha=.7)
    axes.set_xticks(range(len(names)), names)
    axes.set(title=title, xlim=(-.5, len(names) - .5))
    _mark_missing(axes, any(columns))


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
                axes.plot(RELIABILITY_LEVELS, np.mean(curves, axis=0), LINES[kind], label=kind)
        if when == 'before':
            axes.plot(*PAPER_COVERAGE, 'k:', label='paper, aleatoric')
        _finish_diagonal(axes, (f'depth, {when} scaling', 'level of the interval',
                                'pixels inside'), bool(depth))
    for run in classes:
        curve = run['test']['calibration']
        right.plot(curve['probability'], curve['correct'], 'o-', label=f'seed {run["seed"]}')
    _finish_diagonal(right, ('classes', 'probability', 'share correct'), bool(classes))
    return figure


def _finish_diagonal(axes: Axes, titles: tuple[str, str, str], has_runs: bool) -> None:
    title, x, y = titles
    axes.plot([0, 1], [0, 1], color='grey', linewidth=.8)
    axes.set(title=title, xlabel=x, ylabel=y)
    _add_legend(axes, has_runs)


def _add_legend(axes: Axes, has_runs: bool = True) -> None:
    """Add a legend where there are curves: matplotlib warns of an empty one."""
    if axes.get_legend_handles_labels()[0]:
        axes.legend(fontsize=8)
    _mark_missing(axes, has_runs)


def _mark_missing(axes: Axes, has_runs: bool) -> None:
    """Write into a panel that its runs are missing."""
    if not has_runs:
        axes.text(.5, .5, 'not run', transform=axes.transAxes, ha='center', va='center')


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
            axes.plot(RECALLS, np.mean(curves, axis=0), LINES.get(name, 'o-'), markersize=3,
                      label=f'by {name}')
        axes.set(title=f'{task}: {title}', xlabel='recall (share of the pixels)')
        _add_legend(axes, bool(runs))
    return figure


def plot_recipes(results: Results) -> Figure | None:
    """Draw AUROC over RMS of the recipes on validation."""
    points = {kind: (error, area) for kind in RECIPES for run in results.runs(DEPTH, kind)
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
    limit = MAX_RMS_SHARE * min(error for error, _ in points.values())
    axes.axvline(limit, color='grey', linestyle='--', label='largest RMS of a winner')
    axes.legend(fontsize=8)
    axes.set(xlabel='RMS on validation, m', ylabel='mean AUROC on validation conditions',
             title=f'Recipes for depth, seed {results.first_seed}')
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
    'accuracy': plot_accuracy, 'task_weights': plot_task_weights, 'calibration': plot_calibration,
    'recall': plot_recall, 'dropout_cost': plot_dropout_cost, 'recipes': plot_recipes,
    'auroc': plot_auroc}
