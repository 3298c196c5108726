# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""The workflow of GitHub and the containers, which never ran here, name what exists."""
import json
import re
from typing import Any

from source_tree import NAME, ROOT
import yaml

WORKFLOWS = sorted((ROOT / '.github' / 'workflows').glob('*.yml'))
DEVCONTAINER = json.loads((ROOT / '.devcontainer/devcontainer.json').read_text(encoding='utf-8'))
DOCKERFILE = (ROOT / 'Dockerfile').read_text(encoding='utf-8').replace('\\\n', ' ')
MAKEFILE = (ROOT / 'Makefile').read_text(encoding='utf-8')


def jobs() -> dict[str, Any]:
    return {name: job for path in WORKFLOWS
            for name, job in yaml.safe_load(path.read_text(encoding='utf-8'))['jobs'].items()}


def shell() -> str:
    """Return everything that a shell of the workflows and containers runs."""
    steps = [step.get('run', '') for job in jobs().values() for step in job['steps']]
    return '\n'.join([*steps, DEVCONTAINER['postCreateCommand'], DOCKERFILE])


def test_the_scripts_and_targets_exist() -> None:
    scripts = re.findall(r'(?<![\w./])\.ci/\w+', shell())
    assert '.ci/lowest' in scripts
    assert [name for name in scripts if not (ROOT / name).stat().st_mode & 0o100] == []
    targets = re.findall(r'(?:^|&& )make ([\w./]+)', shell(), re.MULTILINE)
    assert {'.venv/tests', 'lint'} <= set(targets)
    for target in targets:
        assert re.search(rf'^{re.escape(target)}:', MAKEFILE, re.MULTILINE), target


def test_the_tests_and_launch_files_exist() -> None:
    script = (ROOT / '.ci' / 'lowest').read_text(encoding='utf-8')
    named = re.findall(r'(?<![\w./-])test/\w+', shell() + script)
    assert 'test/nodes' in named
    assert [name for name in named if not (ROOT / name).is_dir()] == []
    launched = re.findall(rf'ros2 launch {NAME} (\S+)', shell())
    assert launched and all((ROOT / 'launch' / name).is_file() for name in launched)


def test_the_pythons_of_the_workflow_are_those_of_the_package() -> None:
    setup = (ROOT / 'setup.py').read_text(encoding='utf-8')
    declared = re.findall(r"'Programming Language :: Python :: (3\.\d+)'", setup)
    assert jobs()['pip']['strategy']['matrix']['python'] == declared
    lowest = [step['with']['python-version'] for step in jobs()['lowest']['steps']
              if 'setup-python' in step.get('uses', '')]
    assert lowest == declared[:1] and f"python_requires='>={declared[0]}'" in setup


def test_the_ros_of_workflow_and_container_is_one() -> None:
    image, = re.findall(r'^FROM (\S+)', DOCKERFILE, re.MULTILINE)
    assert image == jobs()['colcon']['container'] == 'ros:jazzy'


def test_the_container_does_not_run_as_root() -> None:
    instructions = re.findall(r'^(USER|ENTRYPOINT|CMD|RUN|COPY)\b *(.*)', DOCKERFILE, re.MULTILINE)
    *_, user = [value for name, value in instructions if name == 'USER']
    assert user != 'root' and DEVCONTAINER['remoteUser'] != 'root'
    assert [name for name, _ in instructions][-3:] == ['USER', 'ENTRYPOINT', 'CMD']


def test_docker_is_given_everything_that_the_build_needs() -> None:
    given = re.findall(r'^!(\S+)', (ROOT / '.dockerignore').read_text(encoding='utf-8'),
                       re.MULTILINE)
    assert all((ROOT / name).exists() for name in given)
    setup = (ROOT / 'setup.py').read_text(encoding='utf-8')
    data_files = setup.split('data_files=[')[1].split('zip_safe')[0]
    folders = set(re.findall(r"(?:glob\('|\[f?')(\w+)/", data_files)) | {NAME}
    assert {'bringup', 'config', 'launch', 'resource'} <= folders <= set(given)
    assert {'README.md', 'package.xml', 'pyproject.toml', 'setup.cfg', 'LICENSE'} <= set(given)
