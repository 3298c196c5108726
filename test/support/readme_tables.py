# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""
The README's tables of topics and parameters, made from the code.

Run it as a script to write them into the README, between markers such as <!-- topics --> and
<!-- /topics -->.
"""
from pathlib import Path
import re
from typing import Iterable

from bdl_perception.interface import TOPICS
from bdl_perception.parameters import NODES
from bdl_perception.parameters import rows

README = Path(__file__).parent.parent.parent / 'README.md'


def tables() -> dict[str, str]:
    """Marker -> table in Markdown."""
    topics = _table(('topic', 'type', 'published by', 'what it carries'), (
        (f'`{topic.name}`', f'`{topic.type.replace("/msg/", "/")}`', f'`{topic.publisher}`',
         topic.meaning) for topic in TOPICS))
    parameters = {f'parameters: {node}': _table(
        ('parameter', 'default', 'unit', 'allowed', 'meaning'),
        ((f'`{row.name}`', f'`{_shown(row.default)}`', row.unit, row.bounds, row.doc)
         for row in rows(kind))) for node, kind in NODES.items()}
    return {'topics': topics, **parameters}


def inserted(text: str) -> str:
    """Put the tables between their markers."""
    for marker, table in tables().items():
        begin, end = f'<!-- {marker} -->', f'<!-- /{marker} -->'
        if text.count(begin) != 1 or text.count(end) != 1:
            raise ValueError(f'README.md must have {begin} and {end} once each')
        text = re.sub(f'{re.escape(begin)}.*?{re.escape(end)}',
                      lambda _, new=f'{begin}\n{table}{end}': new,  # type: ignore[misc]
                      text, flags=re.DOTALL)
    return text


def _table(head: tuple[str, ...], lines: Iterable[tuple[str, ...]]) -> str:
    shown = [head, ('---',) * len(head), *lines]
    return ''.join('| ' + ' | '.join(cell.replace('|', '\\|') for cell in line) + ' |\n'
                   for line in shown)


def _shown(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else repr(value)


if __name__ == '__main__':
    README.write_text(inserted(README.read_text(encoding='utf-8')), encoding='utf-8')
