# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""The summary of the page in plain words: a question for each table with claims."""
from collections import Counter
from typing import Sequence

from bdl_perception.experiments.claims import Claim, NO_VALUE, NOT_MEASURED, Table, UNDECIDED
from bdl_perception.experiments.config import Tier
from bdl_perception.experiments.results import Results

QUESTIONS = {  # by number of the table
    '1': 'Does epistemic uncertainty decrease with more data?',
    '2': 'Does it increase on other data?',
    '3': 'Does aleatoric uncertainty stay the same with more data?',
    '4': 'Is the accuracy with uncertainty as good as without?',
    '5': 'Are learned task weights as good as the best fixed ones?',
    '6': 'Are the uncertainties calibrated?',
    '7': 'Are the certain pixels the accurate ones?',
    '8': 'Is dropout cheap, and are its masks in the better place?'}
INTRODUCTION = """The claims of [Kendall & Gal 2017](https://arxiv.org/abs/1703.04977) and
[Kendall, Gal & Cipolla 2018](https://arxiv.org/abs/1705.07115), tested with small networks of one
task each. Depth is learned from one frame of each of {streets} rendered streets, classes from
{frames} frames of CamVid. The recipe `{winner}` was chosen on validation among {recipes}
(section 9). {finished} of {planned} planned runs are finished.

**{counts}.**

{answers}

Every number and every verdict is computed from the runs: means over the seeds {seeds}
+- standard deviation."""


def summary(results: Results, tier: Tier, tables: Sequence[Table]) -> str:
    """Summarise the experiment in about ten lines."""
    verdicts = Counter(claim.verdict for table in tables for claim in table.claims)
    return INTRODUCTION.format(
        streets=tier.train_drives, frames=tier.class_frames, winner=results.winner,
        recipes=len(tier.recipes), finished=len(results.by_name), planned=len(results.specs),
        counts=count_claims(verdicts), seeds=', '.join(map(str, tier.seeds)),
        answers='\n'.join(answer(table) for table in tables if table.claims))


def count_claims(verdicts: Counter[str]) -> str:
    """Count the verdicts in words."""
    return (f'{verdicts["holds"]} of {verdicts.total()} claims hold, {verdicts["does not hold"]} '
            f'do not, {verdicts[UNDECIDED]} are undecided (the seeds differ too much), '
            f'{verdicts[NOT_MEASURED]} are open (runs are missing)')


def answer(table: Table) -> str:
    """Answer the question of a table; the claims that do not hold are named."""
    verdicts = Counter(claim.verdict for claim in table.claims)
    words = [f'{verdicts["holds"]} of {len(table.claims)} claims hold',
             *(f'{verdicts[name]} {words}' for name, words in ((UNDECIDED, 'undecided'),
                                                               (NOT_MEASURED, 'open'))
               if verdicts[name])]
    failed = [_failure(claim) for claim in table.claims if claim.holds is False]
    return (f'- **{QUESTIONS[table.number]}** {_yes_or_no(verdicts)}: {", ".join(words)}.'
            + (f' Not: {"; ".join(failed)}.' if failed else ''))


def _yes_or_no(verdicts: Counter[str]) -> str:
    decided = verdicts['holds'] + verdicts['does not hold']
    if decided < verdicts.total():
        return 'Not all decided' if decided else 'Not decided'
    return {0: 'No', decided: 'Yes'}.get(verdicts['holds'], 'In part')


def _failure(claim: Claim) -> str:
    paper = '' if claim.paper == NO_VALUE else f'; paper: {claim.paper}'
    return f'{claim.subject.replace(": ", ", ")} ({claim.found}{paper})'
