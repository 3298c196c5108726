# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""What is said about the package in several files is said alike."""
import re
from xml.etree import ElementTree

from source_tree import files, imports, NAME, ROOT
import yaml

MANIFEST = ElementTree.parse(ROOT / 'package.xml').getroot()
SETUP = (ROOT / 'setup.py').read_text(encoding='utf-8')
CITATION = yaml.safe_load((ROOT / 'CITATION.cff').read_text(encoding='utf-8'))
CHANGES = re.findall(r'^(\d+\.\d+\.\d+) \((\d{4}-\d\d-\d\d)\)\n-+$',
                     (ROOT / 'CHANGELOG.rst').read_text(encoding='utf-8'), re.MULTILINE)
ROS_PACKAGE = re.compile(
    r'(rclpy|cv_bridge|launch|launch_ros|domain_coordinator|\w+_(msgs|srvs|interfaces))')


def setup_value(name: str) -> str:
    found = re.search(rf"^    {name}='([^']*)',$", SETUP, re.MULTILINE)
    assert found, f'setup.py must say {name} as a literal: ROS tools read it as text'
    return found[1]


def test_one_version_everywhere() -> None:
    version = setup_value('version')
    assert MANIFEST.findtext('version') == version
    assert CITATION['version'] == version
    assert CHANGES[0] == (version, CITATION['date-released'])


def test_one_licence_everywhere() -> None:
    found = re.search(r"^LICENSE = '([^']*)'$", SETUP, re.MULTILINE)
    assert found and found[1] == MANIFEST.findtext('license') == CITATION['license']
    assert 'Apache License' in (ROOT / 'LICENSE').read_text(encoding='utf-8')
    for file in files():
        text = file.read_text(encoding='utf-8').removeprefix('#!/usr/bin/env python3\n')
        assert text.startswith('# Copyright 2026 The bdl_perception developers\n'
                               '# SPDX-License-Identifier: Apache-2.0\n'), file


def test_the_maintainer_can_be_parsed_by_ros_tools() -> None:
    # catkin_pkg's own pattern: what it refuses turns the package into plain python, silently
    maintainer = MANIFEST.find('maintainer')
    assert maintainer is not None
    assert maintainer.attrib['email'] == setup_value('maintainer_email')
    assert re.fullmatch(r'[-a-zA-Z0-9_%+]+(\.[-a-zA-Z0-9_%+]+)*@[-a-zA-Z0-9%]+'
                        r'(\.[-a-zA-Z0-9%]+)*\.[a-zA-Z]{2,}', maintainer.attrib['email'])
    assert MANIFEST.findtext('export/build_type') == 'ament_python'
    assert MANIFEST.findtext('name') == NAME == setup_name()


def setup_name() -> str:
    found = re.search(r"^NAME = '(\w+)'$", SETUP, re.MULTILINE)
    assert found
    return found[1]


def test_package_xml_names_every_ros_package_that_the_code_imports() -> None:
    launch_files = list((ROOT / 'launch').glob('*.py'))
    used = {found.top for file in [*files(), *launch_files] for found in imports(file)}
    needed = {name for name in used if ROS_PACKAGE.fullmatch(name)}
    declared = {str(tag.text) for tag in MANIFEST.findall('exec_depend')}
    assert needed - declared == set()
    assert {'rclpy', 'sensor_msgs', 'launch_ros'} <= needed
