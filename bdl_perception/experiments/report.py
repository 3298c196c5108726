# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""The report of an experiment: OUT/README.md with a summary, the tables and the plots."""
from collections import Counter
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
from bdl_perception.experiments.uncertainty_tables import (
    aleatoric_constancy_table,
    data_size_table,
    other_data_table,
    score_table,
)
from bdl_perception.files import write_atomic
from matplotlib.backends.backend_agg import FigureCanvasAgg

TITLE = '# Experiment: are the predicted uncertainties valid?'
SUMMARY = """The claims of Kendall & Gal 2017 (arXiv 1703.04977) and Kendall, Gal & Cipolla 2018
(arXiv 1705.07115), under conditions like theirs. Depth networks learn from one frame of each of
{streets} rendered streets, class networks from {frames} frames of CamVid. The recipe `{winner}`
was chosen on validation among {recipes}. {finished} of {planned} runs are finished.

**{counts}:**

{topics}

Every number and every verdict is computed from the runs; numbers are means over the seeds
{seeds} +- standard deviation."""
SELECTION_NOTE = """The scale of the intervals is fitted on the nominal frames of the split
validation, and the recipe is chosen by its conditions. No choice was made by a frame of the split
test. Its conditions have the names of those of validation, on other drives. The corruptions
`defocused`, `underexposed` and `half_lost` occur in the split test only. Depth is that of the
canonical camera. IDD is IDD-Lite; the frames of CamVid and IDD are for research use only."""
PLACES = {  # plot -> start of the title of its table
    'data_size': '1.', 'other_data': '2. Other data and held-out conditions, test',
    'aleatoric': '3.', 'accuracy': '4.', 'calibration': '6.', 'recall': '7.', 'recipes': '9.',
    'auroc': '10.'}


def write_report(results: Results, tier: Tier, out: Path, command: str) -> Path:
    """Write the page and the plots; returns the path of the page."""
    out.mkdir(parents=True, exist_ok=True)
    plots = draw_plots(results, out)
    tables = all_tables(results)
    parts = [TITLE, summary(results, tier, tables), '## All claims', summary_table(tables),
             *(_section(table, plots) for table in tables),
             '## How it was made', _provenance(results, tier, command), SELECTION_NOTE]
    page = out / 'README.md'
    write_atomic(page, ('\n\n'.join(parts) + '\n').encode())
    return page


def all_tables(results: Results) -> list[Table]:
    """Make all tables in the order of the page."""
    return [data_size_table(results), other_data_table(results, 'test'),
            other_data_table(results, 'validation'), aleatoric_constancy_table(results),
            ablation_table(results), task_weight_table(results), calibration_table(results),
            recall_table(results), dropout_cost_table(results), recipe_table(results),
            score_table(results)]


def summary(results: Results, tier: Tier, tables: list[Table]) -> str:
    """Summarise the claims by topic."""
    verdicts = Counter(claim.verdict for table in tables for claim in table.claims)
    return SUMMARY.format(
        streets=tier.train_drives, frames=tier.class_frames, winner=results.winner,
        recipes=_comma_separated(tier.recipes), counts=count_claims(verdicts),
        topics='\n'.join(_topic_line(table) for table in tables if table.claims),
        seeds=_comma_separated(tier.seeds), finished=len(results.by_name),
        planned=len(results.specs))


def count_claims(verdicts: Counter[str]) -> str:
    """Count the verdicts in words."""
    return (f'{verdicts["holds"]} of {verdicts.total()} claims hold, {verdicts["does not hold"]} '
            f'do not, {verdicts["undecided"]} are undecided, {verdicts["not run"]} are not run')


def _topic_line(table: Table) -> str:
    holds = sum(claim.verdict == 'holds' for claim in table.claims)
    topic = table.title.partition('. ')[2].removesuffix(', test')
    return f'- {topic}: {holds} of {len(table.claims)}'


def _section(table: Table, plots: list[str]) -> str:
    """Render a table with its plot."""
    images = [f'![{name}]({name}.png)' for name, start in PLACES.items()
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
