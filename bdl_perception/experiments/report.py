# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""The report of an experiment: OUT/README.md with the tables and plots, and OUT/scores.md."""
import io
from pathlib import Path
from typing import Any, Iterable

from bdl_perception.experiments.accuracy_tables import (
    ablation_table,
    dropout_cost_table,
    task_weight_table,
)
from bdl_perception.experiments.calibration_tables import calibration_table, recall_table
from bdl_perception.experiments.claims import markdown_table, summary_table, Table
from bdl_perception.experiments.config import Tier
from bdl_perception.experiments.plan import CLASSES, DEPTH
from bdl_perception.experiments.plots import PLOTS
from bdl_perception.experiments.recipes import recipe_table
from bdl_perception.experiments.results import Results
from bdl_perception.experiments.score_tables import mean_score_table, score_table
from bdl_perception.experiments.shortfalls import shortfall_section
from bdl_perception.experiments.summary import summary
from bdl_perception.experiments.uncertainty_tables import (
    aleatoric_constancy_table,
    data_size_table,
    other_data_table,
)
from bdl_perception.files import write_atomic
from matplotlib import rc_context
from matplotlib.backends.backend_agg import FigureCanvasAgg

TITLE = '# Experiment: are the predicted uncertainties valid?'
SELECTION_NOTE = """The scale of the intervals is fitted on the nominal frames of the split
validation, and the recipe is chosen by its conditions. No choice was made by a frame of the split
test. Its conditions have the names of those of validation, on other drives. The corruptions
`defocused`, `underexposed` and `half_lost` occur in the split test only. Depth is that of the
canonical camera. IDD is IDD-Lite; the frames of CamVid and IDD are for research use only."""
PLACES = {  # plot -> start of the title of its table
    'data_size': '1.', 'other_data': '2. Other data and held-out conditions, test',
    'aleatoric': '3.', 'accuracy': '4.', 'task_weights': '5.', 'calibration': '6.',
    'recall': '7.', 'dropout_cost': '8.', 'recipes': '9.', 'auroc': '10.'}
SCORES_PAGE = 'scores.md'


def write_report(results: Results, tier: Tier, out: Path, command: str) -> Path:
    """Write the page and the plots; returns the path of the page."""
    out.mkdir(parents=True, exist_ok=True)
    page = out / 'README.md'
    write_atomic(page, page_text(results, tier, draw_plots(results, out), command).encode())
    scores = score_table(results).markdown()
    write_atomic(out / SCORES_PAGE, f'# Scores of every condition\n\n{scores}'.encode())
    return page


def page_text(results: Results, tier: Tier, plots: list[str], command: str) -> str:
    """Render the page; plots: names of those that were drawn."""
    tables = all_tables(results)
    parts = [TITLE, '## Summary', summary(results, tier, tables),
             "## The papers' numbers and those found here", summary_table(tables),
             *(_section(table, plots) for table in tables), shortfall_section(results, tables),
             _missing_section(results), '## How it was made',
             _provenance(results, tier, command), SELECTION_NOTE]
    return '\n\n'.join(part for part in parts if part) + '\n'


def _missing_section(results: Results) -> str:
    """List the planned runs that are missing; empty without any."""
    names = [spec.name for spec in results.specs if spec.name not in results.by_name]
    return (f'## Missing runs\n\nClaims that need one of them have the verdict *not run*: '
            f'{_comma_separated(names)}.') if names else ''


def all_tables(results: Results) -> list[Table]:
    """Make all tables in the order of the page."""
    return [data_size_table(results), other_data_table(results, 'test'),
            other_data_table(results, 'validation'), aleatoric_constancy_table(results),
            ablation_table(results), task_weight_table(results), calibration_table(results),
            recall_table(results), dropout_cost_table(results), recipe_table(results),
            mean_score_table(results)]


def _section(table: Table, plots: list[str]) -> str:
    """Render a table with its plot."""
    images = [f'![{name.replace("_", " ")}]({name}.png)' for name, start in PLACES.items()
              if name in plots and table.title.startswith(start)]
    return '\n\n'.join([table.markdown().rstrip(), *images])


def _provenance(results: Results, tier: Tier, command: str) -> str:
    """List the command, the sizes, the machine and the data of the runs."""
    runs = list(results.by_name.values())
    hours = sum(run['training']['elapsed_s'] for run in runs) / 3600
    evaluated = sum(run.get('evaluation_s', 0.0) for run in runs) / 3600
    rows = [['command', f'`{command}`'],
            ['tier', f'{tier.name}: {tier.height}x{tier.width} px, {tier.images} training frames '
                     f'a run ({tier.class_images} for classes), batch {tier.batch}, '
                     f'T = {tier.samples}'],
            ['runs', f'{len(runs)} of {len(results.specs)} finished'],
            ['time, all runs', f'{hours:.2f} h training, {evaluated:.2f} h evaluation'],
            *([title, _comma_separated({str(run['machine'][name]): None for run in runs})]
              for title, name in (('software', 'software_version'), ('torch', 'torch'),
                                  ('architecture', 'architecture'), ('cores', 'cores'),
                                  ('threads', 'threads'))),
            *([f'{task}: {split}', f'{drives} drives, {frames} frames']
              for task in (DEPTH, CLASSES)
              for split, (drives, frames) in _data_counts(runs, task).items())]
    return markdown_table(('', ''), rows)


def _data_counts(runs: list[Any], task: str) -> dict[str, tuple[int, int]]:
    return next((run['data'] for run in runs if run['task'] == task), {})


def _comma_separated(values: Iterable[object]) -> str:
    return ', '.join(str(value) for value in values) or '-'


def draw_plots(results: Results, folder: Path) -> list[str]:
    """Write the plots whose runs are finished, delete the others; returns their names."""
    drawn = []
    for name, draw in PLOTS.items():
        with rc_context({'axes.titlesize': 10}):  # titles of neighbours would overlap
            figure, path = draw(results), folder / f'{name}.png'
        if figure is None:
            path.unlink(missing_ok=True)
            continue
        buffer = io.BytesIO()
        FigureCanvasAgg(figure)
        figure.savefig(buffer, format='png', dpi=100, metadata={'Software': None})
        write_atomic(path, buffer.getvalue())
        drawn.append(name)
    return drawn
