# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""The wheel of pip and the package of colcon."""
from email import message_from_bytes
import importlib.util
import os
from pathlib import Path
import subprocess
import sys
from xml.etree import ElementTree
from zipfile import ZipFile

from bdl_perception.model_store import shipped_models
import pytest
from source_tree import CODE, copy_source, NAME, ROOT

VERSION = str(ElementTree.parse(ROOT / 'package.xml').findtext('version'))

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]
COMMANDS = {'bdl', 'perception_node', 'alert_node', 'governor_node', 'camera_node',
            'recorder_node', 'viewer_node'}
MODEL_BYTES, DEMO_BYTES = 14_000_000, 6_000_000  # of each model; of the drive
COLCON = Path(sys.executable).with_name('colcon')


def run(*words: str, cwd: Path, **environment: str) -> str:
    done = subprocess.run(words, cwd=cwd, text=True, capture_output=True,
                          env={**os.environ, **environment})
    assert done.returncode == 0, f'{words}\n{done.stdout}\n{done.stderr}'
    return done.stdout


@pytest.fixture(scope='module')
def wheel(tmp_path_factory: pytest.TempPathFactory) -> ZipFile:
    """Build the wheel of a copy: pip builds in place."""
    folder = tmp_path_factory.mktemp('wheel')
    source = copy_source(folder / 'source')
    run(sys.executable, '-m', 'pip', 'wheel', '--quiet', '--no-deps', '--no-build-isolation',
        '--wheel-dir', str(folder), str(source), cwd=folder)
    path, = folder.glob('*.whl')
    return ZipFile(path)


def test_the_wheel_contains_every_module_model_and_the_demo(wheel: ZipFile) -> None:
    carried = [CODE / 'py.typed', *CODE.rglob('*.py'), *CODE.glob('models/*/*'),
               *CODE.glob('demo/*.mp4'), *CODE.glob('demo/*.json')]
    carried = [path for path in carried if path.name != 'weights.pt']  # the car has no torch
    missing = {str(path.relative_to(ROOT)) for path in carried} - set(wheel.namelist())
    assert missing == set()
    for model in shipped_models():
        for needed in ('perceive.onnx', 'sample.onnx', 'model.json', 'calibration.json',
                       'MODEL_CARD.md'):
            assert f'{NAME}/models/{model}/{needed}' in wheel.namelist()
    assert any(name.endswith('.mp4') for name in wheel.namelist())
    assert not any(name.endswith('weights.pt') for name in wheel.namelist())


def test_the_wheel_contains_no_tests_and_no_large_file(wheel: ZipFile) -> None:
    tops = {name.split('/')[0] for name in wheel.namelist()}
    assert tops == {NAME, f'{NAME}-{VERSION}.dist-info', f'{NAME}-{VERSION}.data'}
    sizes = {info.filename: info.file_size for info in wheel.infolist()}
    for model in shipped_models():
        assert sum(size for name, size in sizes.items()
                   if f'/models/{model}/' in name) < MODEL_BYTES
    assert sum(size for name, size in sizes.items() if name.endswith('.mp4')) <= DEMO_BYTES


def test_the_wheel_installs_the_files_of_ros_into_share(wheel: ZipFile) -> None:
    share = f'{NAME}-{VERSION}.data/data/share'
    expected = {f'{share}/ament_index/resource_index/packages/{NAME}',
                *(f'{share}/{NAME}/{file}' for file in (
                  'package.xml', 'launch/perception.launch.py', 'config/perception.yaml',
                  'config/perception.rviz', 'config/sros2/policy.xml'))}
    assert expected <= set(wheel.namelist())


def test_the_wheel_describes_itself_for_a_package_index(wheel: ZipFile) -> None:
    metadata = message_from_bytes(wheel.read(f'{NAME}-{VERSION}.dist-info/METADATA'))
    assert metadata['Description-Content-Type'] == 'text/markdown'
    assert 'Apache-2.0' in (metadata['License-Expression'], metadata['License'])
    assert metadata['License-File'] == 'LICENSE' and 'uncertainty' in metadata['Keywords']
    readme = (ROOT / 'README.md').read_text(encoding='utf-8')
    assert str(metadata.get_payload()).strip() == readme.strip()


def test_every_command_of_the_wheel_has_a_module(wheel: ZipFile) -> None:
    text = wheel.read(f'{NAME}-{VERSION}.dist-info/entry_points.txt').decode()
    entries = dict(line.split(' = ') for line in text.splitlines() if ' = ' in line)
    assert set(entries) == COMMANDS
    for target in entries.values():
        module, _, function = target.partition(':')
        spec = importlib.util.find_spec(module)
        assert spec is not None and spec.origin
        assert f'def {function}(' in Path(spec.origin).read_text(encoding='utf-8'), target


@pytest.mark.skipif(not COLCON.exists(), reason="colcon is not installed: pip install '.[colcon]'")
def test_colcon_builds_a_ros_package_whose_commands_run(tmp_path: Path) -> None:
    copy_source(tmp_path / 'src' / NAME)
    prefix = {'AMENT_PREFIX_PATH': os.environ.get('AMENT_PREFIX_PATH', sys.prefix)}
    assert '(ros.ament_python)' in run(str(COLCON), 'list', cwd=tmp_path, **prefix)
    run(str(COLCON), 'build', cwd=tmp_path, **prefix)
    installed = tmp_path / 'install' / NAME
    assert {path.name for path in (installed / 'lib' / NAME).iterdir()} == COMMANDS
    assert (installed / 'share' / NAME / 'launch' / 'perception.launch.py').exists()
    assert (installed / 'share/ament_index/resource_index/packages' / NAME).exists()
    command = f'source install/setup.bash && install/{NAME}/lib/{NAME}/bdl --help'
    output = run('bash', '-c', command, cwd=tmp_path, **prefix)
    assert 'demo' in output
