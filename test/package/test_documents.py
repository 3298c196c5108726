# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""README, documentation and YAML files agree with the code."""
import ast
from collections import Counter
import re
from typing import Any

from bdl_perception.cli.main import COMMANDS, main
from bdl_perception.parameter_spec import parameter_specs
from bdl_perception.parameters import NODES, yaml_text
from generated_tables import inserted, REFERENCE, tables
import pytest
from source_tree import CODE, ROOT
import yaml

DOCS = ROOT / 'docs'
CARDS = sorted(CODE.glob('models/*/MODEL_CARD.md'))
PAGES = {str(path.relative_to(ROOT)): path.read_text(encoding='utf-8')
         for path in (ROOT / 'README.md', *CARDS, *sorted(DOCS.rglob('*.md')))}
README = PAGES['README.md']
MAX_README_LINES = 200
PARAMETERS = (ROOT / 'config' / 'perception.yaml').read_text(encoding='utf-8')
LINK = re.compile(r'\]\(([^)\s]+)\)')
EXTERNAL = ('http://', 'https://', 'mailto:')
# A command up to the next back-tick or end of line; a backslash continues the line.
COMMAND = re.compile(r'(?:^ {4,}|`)bdl ([a-z]+)((?:[^`\\\n]|\\\n)*)', re.MULTILINE)


def targets(text: str) -> list[str]:
    """List the relative links and images of a page, with their anchors."""
    return [link for link in LINK.findall(text) if not link.startswith(EXTERNAL)]


def anchors(text: str) -> set[str]:
    """Return the anchors of the headings: lower case, hyphens, no punctuation."""
    headings = re.findall(r'^#+ (.+)$', text, re.MULTILINE)
    return {re.sub(r'[^\w\- ]', '', heading.lower()).replace(' ', '-') for heading in headings}


def test_the_readme_is_short() -> None:
    assert len(README.splitlines()) <= MAX_README_LINES, 'move details to a page of docs/'


@pytest.mark.parametrize('page', PAGES)
def test_every_relative_link_leads_to_a_file(page: str) -> None:
    folder = (ROOT / page).parent
    broken = [link for link in targets(PAGES[page])
              if link.split('#')[0] and not (folder / link.split('#')[0]).exists()]
    assert broken == []


@pytest.mark.parametrize('page', PAGES)
def test_every_anchor_is_a_heading_of_the_linked_page(page: str) -> None:
    broken = []
    for link in targets(PAGES[page]):
        file, _, anchor = link.partition('#')
        path = ((ROOT / page).parent / file).resolve() if file else ROOT / page
        if anchor and anchor not in anchors(path.read_text(encoding='utf-8')):
            broken.append(link)
    assert broken == []


def test_every_page_is_linked_from_the_index() -> None:
    linked = {(DOCS / link.split('#')[0]).resolve() for link in targets(PAGES['docs/index.md'])}
    assert set(DOCS.rglob('*.md')) - {DOCS / 'index.md'} <= linked


def test_links_anchors_and_commands_are_found() -> None:
    assert targets('[a](docs/b.md#c) ![d](e.png) [f](https://g.org)') == ['docs/b.md#c', 'e.png']
    assert anchors('# Does it hold? The `x_y` test\ntext\n## B') == {
        'does-it-hold-the-x_y-test', 'b'}
    assert COMMAND.findall('    bdl a --b \\\n        --c d\nand `bdl e`, bdl f') == [
        ('a', ' --b \\\n        --c d'), ('e', '')]


@pytest.mark.parametrize('page', tables())
def test_the_reference_tables_match_the_code(page: str) -> None:
    text = (REFERENCE / page).read_text(encoding='utf-8')
    assert text == inserted(text, page, tables()[page]), (
        'run: .venv/bin/python test/support/generated_tables.py')


def test_a_page_without_a_marker_is_rejected() -> None:
    text = (REFERENCE / 'topics.md').read_text(encoding='utf-8')
    with pytest.raises(ValueError, match='topics.md must have <!-- topics -->'):
        inserted(text.replace('<!-- topics -->', ''), 'topics.md', tables()['topics.md'])


def documented_options() -> dict[str, set[str]]:
    """Return command -> options that the pages use."""
    found: dict[str, set[str]] = {name: set() for name in COMMANDS}
    for text in PAGES.values():
        for name, rest in COMMAND.findall(text):
            words = rest.split(' #')[0]
            found.setdefault(name, set()).update(re.findall(r'(?<!\S)--[\w-]+', words))
    return found


def test_the_pages_use_existing_commands() -> None:
    assert set(documented_options()) - {'NAME'} == set(COMMANDS)


@pytest.mark.parametrize('name', COMMANDS)
def test_the_pages_use_existing_options(
        name: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main([name, '--help'])
    known = set(re.findall(r'--[\w-]+', capsys.readouterr().out))
    assert documented_options()[name] - known == set()


def test_the_pages_use_existing_benchmark_groups(
        capsys: pytest.CaptureFixture[str]) -> None:
    named = {group for text in PAGES.values()
             for groups in re.findall(r'bdl bench --only ([a-z ]+)', text)
             for group in groups.split()}
    with pytest.raises(SystemExit):
        main(['bench', '--only', 'none'])
    assert named <= set(re.findall(r'\w+', capsys.readouterr().err.split('choose from')[1]))


def test_readme_and_docs_count_the_claims_like_the_experiment() -> None:
    page = PAGES['docs/experiments/safety/README.md']
    table = page.split('numbers and those found here')[1].split('\n## ')[0]
    verdicts = Counter(re.findall(r'\*\*([a-z ]+)\*\* \|$', table, re.MULTILINE))
    holds = f'{verdicts["holds"]} of {verdicts.total()} claims hold'
    assert (f'{holds}, {verdicts["does not hold"]} do not, {verdicts["undecided"]} are '
            f'undecided') in ' '.join(PAGES['docs/uncertainty.md'].split())
    assert holds in ' '.join(README.split())


def test_the_page_of_uncertainty_quotes_the_experiment() -> None:
    table = PAGES['docs/uncertainty.md'].split('| claim: uncertainty |')[1].split('\n\n')[0]
    quoted = [re.split(r' \| ', row.strip('| ')) for row in table.splitlines()[2:]]
    assert len(quoted) == 6
    found = re.findall(r'^\| (.*?) \| (.*?) \| (.*?) \| .*? \| (\*\*.*?) \|$',
                       PAGES['docs/experiments/safety/README.md'], re.MULTILINE)
    assert [row for row in quoted
            if (row[0].split(': ', 1)[1], *row[1:]) not in found] == []


def texts_of_the_code() -> str:
    """Join all texts of the package, each in a line; a value in a text is {}."""
    texts = []
    for file in CODE.rglob('*.py'):
        for node in ast.walk(ast.parse(file.read_text(encoding='utf-8'))):
            if isinstance(node, ast.JoinedStr):
                texts.append(''.join(str(part.value) if isinstance(part, ast.Constant) else '{}'
                                     for part in node.values))
            elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                texts.append(node.value)
    return '\n'.join(texts)


def test_every_message_of_the_troubleshooting_page_is_one_of_the_code() -> None:
    quoted = [part for row in re.findall(
        r'^\| (`.*?) \| ', PAGES['docs/troubleshooting.md'], re.MULTILINE)
        for part in re.findall(r'`([^`]+)`', row) if not row.startswith('`make ')]
    code = texts_of_the_code()
    assert [part for part in quoted if part not in code] == [] and len(quoted) > 40


def test_the_citation_is_that_of_the_cff_file() -> None:
    cff: dict[str, Any] = yaml.safe_load((ROOT / 'CITATION.cff').read_text(encoding='utf-8'))
    page = PAGES['docs/citation.md'].replace('\\_', '_')  # as LaTeX needs it
    entry = dict(re.findall(r'(\w+) = \{+(.*?)\}+,?$', page, re.MULTILINE))
    assert entry == {'title': cff['title'], 'author': cff['authors'][0]['name'],
                     'version': cff['version'], 'year': cff['date-released'][:4],
                     'license': cff['license']}


def test_the_parameters_file_matches_the_code() -> None:
    assert PARAMETERS == yaml_text(), 'config/perception.yaml: write parameters.yaml_text() to it'


def test_the_parameters_file_parses_to_the_defaults() -> None:
    parsed: dict[str, Any] = yaml.safe_load(PARAMETERS)
    assert parsed == {
        f'/**/{node}': {
            'ros__parameters': {row.name: row.default for row in parameter_specs(kind)}}
        for node, kind in NODES.items()}


def launch_arguments() -> set[str]:
    """Read the names from the text of the launch file, which needs ROS 2 to be imported."""
    tree = ast.parse((ROOT / 'launch' / 'perception.launch.py').read_text(encoding='utf-8'))
    lists = [node.value for node in tree.body if isinstance(node, (ast.Assign, ast.AnnAssign))
             and ast.unparse(node).startswith(('ARGUMENTS', 'SWITCHES'))]
    return {ast.literal_eval(entry.elts[0]) for one in lists if isinstance(one, ast.Tuple)
            for entry in one.elts if isinstance(entry, ast.Tuple)}


def test_the_ros2_page_explains_every_launch_argument() -> None:
    table = PAGES['docs/ros2.md'].split('| launch argument |')[1].split('\n\n')[0]
    explained = {name for line in table.splitlines()[2:]
                 for name in re.findall(r'`(\w+)`', line.split('|')[1])}
    assert explained == launch_arguments()
