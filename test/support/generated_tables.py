# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""
The tables of docs/reference/, generated from the code: topics, parameters and commands.

Run it as a script to write them into the pages, between markers such as <!-- topics --> and
<!-- /topics -->.
"""
from pathlib import Path
import re
from typing import Iterable, Mapping

from bdl_perception.cli.main import COMMANDS
from bdl_perception.parameter_spec import parameter_specs
from bdl_perception.parameters import NODES
from bdl_perception.topics import TOPICS

REFERENCE = Path(__file__).parent.parent.parent / 'docs' / 'reference'


def tables() -> dict[str, dict[str, str]]:
    """Page -> marker -> table in Markdown."""
    topics = _table(('topic', 'type', 'published by', 'content'), (
        (f'`{topic.name}`', f'`{topic.type.replace("/msg/", "/")}`', f'`{topic.publisher}`',
         topic.description) for topic in TOPICS))
    parameters = {f'parameters: {node}': _table(
        ('parameter', 'default', 'unit', 'allowed', 'live', 'meaning'),
        ((f'`{row.name}`', f'`{_format(row.default)}`', row.unit, row.bounds,
          'yes' if row.live else '', row.doc)
         for row in parameter_specs(kind))) for node, kind in NODES.items()}
    commands = _table(('command', 'purpose'), (
        (f'`bdl {name}`', purpose) for name, purpose in COMMANDS.items()))
    return {'topics.md': {'topics': topics}, 'parameters.md': parameters,
            'cli.md': {'commands': commands}}


def inserted(text: str, page: str, page_tables: Mapping[str, str]) -> str:
    """Put the tables of a page between their markers."""
    for marker, table in page_tables.items():
        begin, end = f'<!-- {marker} -->', f'<!-- /{marker} -->'
        if text.count(begin) != 1 or text.count(end) != 1:
            raise ValueError(f'docs/reference/{page} must have {begin} and {end} once each')
        text = re.sub(f'{re.escape(begin)}.*?{re.escape(end)}',
                      lambda _, new=f'{begin}\n{table}{end}': new,  # type: ignore[misc]
                      text, flags=re.DOTALL)
    return text


def _table(header: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = [header, ('---',) * len(header), *rows]
    return ''.join('| ' + ' | '.join(cell.replace('|', '\\|') for cell in line) + ' |\n'
                   for line in lines)


def _format(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else repr(value)


if __name__ == '__main__':
    for name, page_tables in tables().items():
        path = REFERENCE / name
        path.write_text(inserted(path.read_text(encoding='utf-8'), name, page_tables),
                        encoding='utf-8')
