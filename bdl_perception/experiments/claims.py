# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""Tables of results and the claims assessed by them, as Markdown."""
from dataclasses import dataclass
import statistics
from typing import NamedTuple, Sequence

from scipy.stats import t as student_t

CLAIM_COLUMNS = ('claim', 'paper', 'here', 'goal', 'verdict')
NOT_MEASURED, UNDECIDED = 'not run', 'undecided'
NO_VALUE = '-'  # cell of a missing number
MAX_NAMES = 3  # of missing runs, below a table


class Claim(NamedTuple):
    """A goal, the result found, and whether it meets the goal."""

    subject: str
    goal: str
    found: str
    holds: bool | None  # None: it cannot be assessed
    undecided_reason: str = NOT_MEASURED  # the verdict where `holds` is None
    paper: str = NO_VALUE  # the number that the goal is taken from

    @property
    def verdict(self) -> str:
        """Return `holds` in words."""
        return {True: 'holds', False: 'does not hold', None: self.undecided_reason}[self.holds]


@dataclass(frozen=True)
class Table:
    """Numbers with their standard deviation over seeds; missing_runs: runs that it needs."""

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    claims: Sequence[Claim]
    missing_runs: Sequence[str]
    note: str = ''

    @property
    def number(self) -> str:
        """Return the number in the title; 2 of '2. Other data'."""
        return self.title.partition('.')[0]

    def markdown(self) -> str:
        """Render title, note, claims, table and missing runs."""
        parts = [f'## {self.title}', self.note, claims_table(self.claims) if self.claims else '',
                 markdown_table(self.columns, self.rows)]
        if self.missing_runs:
            names = list(dict.fromkeys(self.missing_runs))
            more = f' and {len(names) - MAX_NAMES} others' if len(names) > MAX_NAMES else ''
            parts.append(f'**Not run:** {", ".join(names[:MAX_NAMES])}{more}. No claim that needs '
                         f'a missing run is assessed.')
        return '\n\n'.join(part for part in parts if part) + '\n'


def unless_missing(claim: Claim, missing_runs: Sequence[str]) -> Claim:
    """Leave a claim open while runs that it needs are missing."""
    if not missing_runs:
        return claim
    return claim._replace(holds=None, undecided_reason=NOT_MEASURED)


def difference_claim(subject: str, goal: str, found: str, changes: Sequence[float], limit: float,
                     more_is_better: bool, paper: str = NO_VALUE) -> Claim:
    """
    Assess the mean of differences between two networks, seed by seed, against a limit.

    Undecided where the limit lies within the 90 % interval of the mean (Student's t): 1, 2, 3
    are 2 ± 1.69, above 0 and undecided about 1. One seed is always undecided.
    """
    claim = Claim(subject, goal, found, None, paper=paper)
    if not changes:
        return claim
    distance = statistics.fmean(changes) - limit
    if len(changes) < 2 or abs(distance) <= confidence_half_width(changes):
        return claim._replace(undecided_reason=UNDECIDED)
    return claim._replace(holds=(distance > 0) == more_is_better)


def confidence_half_width(values: Sequence[float]) -> float:
    """Return half the width of the 90 % interval of a mean."""
    error: float = statistics.stdev(values) / len(values) ** .5
    return error * float(student_t.ppf(.95, len(values) - 1))


def claims_table(claims: Sequence[Claim]) -> str:
    """Render claims, one per row."""
    return markdown_table(CLAIM_COLUMNS, [_claim_cells(claim) for claim in claims])


def summary_table(tables: Sequence[Table]) -> str:
    """Render the claims of all tables, each with the number of its table."""
    return markdown_table(('', *CLAIM_COLUMNS), [
        (table.number, *_claim_cells(claim))
        for table in tables for claim in table.claims])


def _claim_cells(claim: Claim) -> tuple[str, ...]:
    return claim.subject, claim.paper, claim.found, claim.goal, f'**{claim.verdict}**'


def markdown_table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Render a table; heads and cells are Markdown."""
    lines = [columns, ['---'] * len(columns), *rows]
    return '\n'.join(f'| {" | ".join(line)} |' for line in lines)


def mean_std(values: Sequence[float], digits: int = 3) -> str:
    """Format the mean, and the standard deviation of several values: 2, 4: 3 ± 1.4."""
    if not values:
        return NO_VALUE
    mean = f'{statistics.fmean(values):.{digits}g}'
    return mean if len(values) == 1 else f'{mean} ± {statistics.stdev(values):.2g}'


def mean_or_none(values: Sequence[float]) -> float | None:
    """Average the values; None without any."""
    return statistics.fmean(values) if values else None


def format_percent(share: float) -> str:
    """Format a share in percent: .25 is 25 %."""
    return f'{100 * share:g} %'
