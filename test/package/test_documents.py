# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""README, YAML and RViz configuration say what the code says."""
import ast
from collections import Counter
import re
from typing import Any

from bdl_perception.interface import TOPICS
from bdl_perception.parameters import NODES
from bdl_perception.parameters import rows
from bdl_perception.parameters import yaml_text
from bdl_perception.perception import colouring
import pytest
from readme_tables import inserted
from source_tree import ROOT
import yaml

README = (ROOT / 'README.md').read_text(encoding='utf-8')
PARAMETERS = (ROOT / 'config' / 'perception.yaml').read_text(encoding='utf-8')
RVIZ = yaml.safe_load((ROOT / 'config' / 'perception.rviz').read_text(encoding='utf-8'))
DISPLAYS = RVIZ['Visualization Manager']['Displays']


def test_the_tables_of_the_readme_are_those_of_the_code() -> None:
    assert README == inserted(README), 'run: .venv/bin/python test/support/readme_tables.py'


def test_the_readme_counts_the_claims_as_the_experiment_judged_them() -> None:
    page = (ROOT / 'docs' / 'experiments' / 'safety' / 'README.md').read_text(encoding='utf-8')
    table = page.split('## All claims')[1].split('\n![')[0]
    verdicts = Counter(re.findall(r'\*\*([a-z ]+)\*\* \|$', table, re.MULTILINE))
    assert (f'{verdicts["holds"]} of {verdicts.total()} claims hold, {verdicts["does not hold"]} '
            f'do not, {verdicts["undecided"]} are undecided') in ' '.join(README.split())


def test_a_readme_without_a_marker_is_refused() -> None:
    with pytest.raises(ValueError, match='<!-- topics -->'):
        inserted(README.replace('<!-- topics -->', ''))


def test_the_parameters_file_is_that_of_the_code() -> None:
    assert PARAMETERS == yaml_text(), 'config/perception.yaml: write parameters.yaml_text() to it'


def test_the_parameters_file_parses_to_the_defaults() -> None:
    said: dict[str, Any] = yaml.safe_load(PARAMETERS)
    assert said == {
        f'/**/{node}': {'ros__parameters': {row.name: row.default for row in rows(kind)}}
        for node, kind in NODES.items()}


def launch_arguments() -> set[str]:
    """Read the names from the launch file, which only ROS 2 can import."""
    tree = ast.parse((ROOT / 'launch' / 'perception.launch.py').read_text(encoding='utf-8'))
    lists = [node.value for node in tree.body if isinstance(node, (ast.Assign, ast.AnnAssign))
             and ast.unparse(node).startswith(('ARGUMENTS', 'SWITCHES'))]
    return {ast.literal_eval(entry.elts[0]) for one in lists if isinstance(one, ast.Tuple)
            for entry in one.elts if isinstance(entry, ast.Tuple)}


def test_the_readme_explains_every_launch_argument_and_no_other() -> None:
    table = README.split('| launch argument |')[1].split('\n\n')[0]
    explained = {name for line in table.splitlines()[2:]
                 for name in re.findall(r'`(\w+)`', line.split('|')[1])}
    assert explained == launch_arguments()


def test_rviz_shows_the_camera_the_maps_and_the_overlay() -> None:
    shown = {display['Topic']['Value'] for display in DISPLAYS if display['Enabled']}
    assert shown == {'image', 'overlay', 'depth/image', 'depth/aleatoric_std',
                     'depth/epistemic_std'}
    assert {display['Topic']['Value'] for display in DISPLAYS} - {'image'} <= {
        topic.name for topic in TOPICS if topic.type.endswith('/Image')}


@pytest.mark.parametrize(('topic', 'fixed'), [
    ('depth/image', colouring.DEPTH_RANGE_M),
    ('depth/aleatoric_std', colouring.STD_RANGE_M),
    ('depth/epistemic_std', colouring.STD_RANGE_M),
    ('segmentation/entropy', colouring.ENTROPY_RANGE_NAT),
    ('segmentation/mutual_information', colouring.MUTUAL_INFORMATION_RANGE_NAT),
])
def test_rviz_never_stretches_a_map_to_the_picture_at_hand(
        topic: str, fixed: tuple[float, float]) -> None:
    display, = (one for one in DISPLAYS if one['Topic']['Value'] == topic)
    assert display['Normalize Range'] is False
    assert (display['Min Value'], display['Max Value']) == fixed


def test_rviz_listens_to_cameras_that_send_best_effort() -> None:
    for display in DISPLAYS:
        assert display['Topic']['Reliability Policy'] == 'Best Effort'
        assert display['Class'] == 'rviz_default_plugins/Image'
