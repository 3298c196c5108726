# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""The commands of README and of the tutorials run, or have a reason why no test runs them."""
import argparse
from contextlib import ExitStack
import importlib
from itertools import islice, pairwise
from pathlib import Path
import re
import signal
import subprocess
from typing import Any

from bdl_perception.cli.command_parser import command_parser
from bdl_perception.demo.processes import private_domain
from bdl_perception.drives import BUNDLED_VIDEO, open_drive
from bdl_perception.model_store import load_calibration
from bdl_perception.parameter_spec import parameter_specs
from bdl_perception.parameters import NODES
import cv2
from drive_files import image, write_bag
import numpy as np
import pytest
from score_recordings import drive_contents, random_values, write_scores
from shell_blocks import commands, environment, fenced, run, shortened, words_of
from source_tree import ROOT
from tiny_model import make_tiny_model

PAGES = ('README.md', 'docs/demo.md', 'docs/first_alert.md', 'docs/your_camera.md',
         'docs/your_model.md')
TEXT = ('camera frame ->', '|', 'v', 'sample graph', '(T dropout', 'in the time', 'mutual inf',
        'calibration drives ->', '->', 'not armed:')  # first words of a line that is no command
RUN = {  # beginning of a command -> the test that runs it
    'bdl replay': 'test_a_recording_is_replayed',
    'python examples/video_alerts.py': 'test_a_recording_is_replayed',
    'perception_node --ros-args': 'test_four_processes_work_together',
    'alert_node': 'test_four_processes_work_together',
    'python examples/alert_listener_node.py': 'test_four_processes_work_together',
    'camera_node --ros-args': 'test_four_processes_work_together',
    'bdl calibrate --from-scores': 'test_recorded_scores_make_a_calibration',
    'bdl render': 'test_a_model_is_trained_and_calibrated',
    'bdl train --data tutorial': 'test_a_model_is_trained_and_calibrated',
    'bdl export': 'test_a_model_is_trained_and_calibrated',
    'bdl calibrate --model ./models/tutorial': 'test_a_model_is_trained_and_calibrated',
    'bdl sheet': 'test_a_model_is_trained_and_calibrated',
    'bdl calibrate --model street': 'test_a_camera_is_calibrated_and_evaluated',
    'bdl evaluate my_bags': 'test_a_camera_is_calibrated_and_evaluated',
}
NOT_RUN = {  # beginning of a command -> why
    'make demo': 'test/system/test_demo.py runs `bdl demo`, which is behind it',
    'cd ~/ros2_ws': 'test/package/test_build.py builds with colcon; rosdep needs the network',
    'source install/setup.bash': 'test/package/test_build.py does',
    'ros2 ': 'there is no wheel of these commands; their words are checked below',
    'governor_node': 'test/system/test_camera_and_governor.py starts the node',
    '. .venv/bin/activate': 'the tests run in this environment',
    'export ROS_AUTOMATIC_DISCOVERY_RANGE': 'the same, on a private domain',
    'pip install': 'needs the network; the extras are checked below',
    'bdl train --data mine': 'needs frames of a camera; test/cli/test_train_export.py starts so',
    'bdl evaluate NOMINAL': 'the command of README.md with other names',
}


def commands_of(page: str) -> list[str]:
    return [command for command in commands(page) if not command.startswith(TEXT)]


def command(page: str, beginning: str) -> str:
    [found] = [one for one in commands_of(page) if one.startswith(beginning)]
    return found


EVERY = sorted({one for page in PAGES for one in commands_of(page)})


@pytest.mark.parametrize('one', EVERY)
def test_every_command_is_run_or_has_a_reason(one: str) -> None:
    assert len([key for key in (*RUN, *NOT_RUN) if one.startswith(key)]) == 1


def test_no_entry_is_without_a_command_or_names_what_does_not_exist() -> None:
    unused = [key for key in (*RUN, *NOT_RUN) if not any(one.startswith(key) for one in EVERY)]
    assert unused == [] and set(RUN.values()) <= set(globals())
    files = re.findall(r'test/\S+\.py', ' '.join(NOT_RUN.values()))
    assert [file for file in files if not (ROOT / file).is_file()] == []


@pytest.mark.parametrize('one', [one for one in EVERY if one.startswith('bdl ')])
def test_the_parser_accepts_every_command(one: str) -> None:
    _, name, *words = words_of(one)
    parser: argparse.ArgumentParser = command_parser(name, '')
    importlib.import_module(f'bdl_perception.cli.{name}').add_arguments(parser)
    parser.parse_args(words)


@pytest.mark.parametrize('one', [one for one in EVERY if one.startswith('ros2 launch')])
def test_launch_files_have_the_arguments(one: str) -> None:
    package, file, *arguments = words_of(one)[2:]
    text = (ROOT / 'launch' / file).read_text(encoding='utf-8')
    names = [argument.split(':=')[0] for argument in arguments]
    assert package == 'bdl_perception' and [one for one in names if f"'{one}'" not in text] == []


@pytest.mark.parametrize('one', [one for one in EVERY if '--ros-args' in one])
def test_nodes_have_the_parameters(one: str) -> None:
    words = words_of(one.removeprefix('ros2 run bdl_perception '))
    known = {spec.name for spec in parameter_specs(NODES[words[0]])}
    given = {value.split(':=')[0] for option, value in pairwise(words) if option == '-p'}
    assert given <= known


@pytest.mark.parametrize('one', [one for one in EVERY if one.startswith('pip install')])
def test_setup_has_the_extras(one: str) -> None:
    text = (ROOT / 'setup.py').read_text(encoding='utf-8')
    [extras] = re.findall(r'\[(.*?)\]', one)
    assert [name for name in extras.split(',') if f"'{name}': [" not in text] == []


def test_the_python_of_the_readme_runs(
        tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
        capsys: pytest.CaptureFixture[str]) -> None:
    frame = next(iter(open_drive(BUNDLED_VIDEO)))
    cv2.imwrite(str(tmp_path / 'frame.jpg'), frame.rgb[..., ::-1])
    monkeypatch.chdir(tmp_path)
    [code] = fenced('README.md', 'python')
    exec(code, {})
    assert capsys.readouterr().out.startswith('(192, 320) ')


def test_a_recording_is_replayed(tmp_path: Path) -> None:
    page = 'docs/first_alert.md'
    folder = tmp_path / 'bdl_perception' / 'demo' / BUNDLED_VIDEO.stem
    folder.mkdir(parents=True)
    (tmp_path / 'examples').symlink_to(ROOT / 'examples')
    for index, frame in enumerate(islice(open_drive(BUNDLED_VIDEO), 4)):
        cv2.imwrite(str(folder / f'{index}.png'), frame.rgb[..., ::-1])
    run(command(page, 'bdl replay'), tmp_path, {'.mp4': ''})
    assert (tmp_path / 'first_alert' / 'report.html').is_file()
    printed = run(command(page, 'python examples/video_alerts.py'), tmp_path, {'.mp4': ''})
    assert printed.startswith('  0.00 s  OK')


def test_recorded_scores_make_a_calibration(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    for drive in range(9):
        write_scores(tmp_path / 'drives' / str(drive), drive_contents(
            (index * 100_000_000, random_values(rng)) for index in range(112)))  # 1008; 999 needed
    run(command('docs/your_camera.md', 'bdl calibrate --from-scores'), tmp_path)
    assert len(load_calibration(tmp_path / 'my_camera.json').provenance.drives) == 9


@pytest.fixture(scope='module')
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """
    Give a folder with nine clips of the nominal part of the bundled drive, 48 frames each.

    The long clips have 112 frames, 1008 together: 999 are needed at the default settings.
    """
    folder = tmp_path_factory.mktemp('checkout')
    frames = [cv2.resize(frame.rgb[..., ::-1], (160, 96), interpolation=cv2.INTER_AREA)
              for frame in islice(open_drive(BUNDLED_VIDEO), 144)]
    for name, step, count in (('clips', 12, 48), ('long_clips', 4, 112)):
        for clip in range(9):
            (folder / name / str(clip)).mkdir(parents=True)
            for index, frame in enumerate(frames[step * clip:step * clip + count]):
                cv2.imwrite(str(folder / name / str(clip) / f'{index:03}.png'), frame)
    return folder


@pytest.mark.slow
@pytest.mark.timeout(1800)  # 1 minute without other load
def test_a_model_is_trained_and_calibrated(folder: Path) -> None:
    settings = (ROOT / 'config' / 'tutorial.yaml').read_text(encoding='utf-8')
    assert 'minutes: 4\n' in settings
    (folder / 'config').mkdir()
    (folder / 'config' / 'tutorial.yaml').write_text(
        settings.replace('minutes: 4\n', 'minutes: .05\n'))
    page = 'docs/your_model.md'
    run(command(page, 'bdl render train'), folder, {'--drives 40': '--drives 2'})
    run(command(page, 'bdl render validation'), folder,
        {'--drives 20': '--drives 2', '--frames 24': '--frames 4'})
    run(command(page, 'bdl train --data tutorial'), folder)
    run(command(page, 'bdl export'), folder)
    run(command(page, 'bdl calibrate'), folder, {'tutorial/validation': 'clips/*'})
    run(command(page, 'bdl sheet'), folder)
    assert len(load_calibration(folder / 'models' / 'tutorial').provenance.drives) == 9
    assert cv2.imread(str(folder / 'sheet.png')).std() > 10


@pytest.mark.slow
@pytest.mark.timeout(900)  # 10 s without other load
def test_a_camera_is_calibrated_and_evaluated(folder: Path) -> None:
    make_tiny_model(folder / 'tiny')  # a second, where street takes half a minute
    run(command('README.md', 'bdl calibrate'), folder,
        {'DRIVES...': 'long_clips/*', '--model street': '--model ./tiny'})
    frames = [cv2.imread(str(path)) for path in sorted((folder / 'clips' / '0').iterdir())]
    write_bag(folder / 'my_bags' / 'one', [
        ('/image', index, image(frame[..., ::-1], (index + 1) * 100_000_000))
        for index, frame in enumerate(frames[:8])])
    run(command('README.md', 'bdl evaluate'), folder,
        {'evaluate ': 'evaluate --model ./tiny '})
    assert 'my_bags' in (folder / 'evaluation' / 'evaluation.json').read_text(encoding='utf-8')


@pytest.mark.slow
@pytest.mark.timeout(600)  # 20 s without other load
def test_four_processes_work_together(folder: Path, tmp_path: Path) -> None:
    pytest.importorskip('rclpy')
    page = 'docs/first_alert.md'
    clip = {'bdl_perception/demo/street_fog_dirt.mp4': str(folder / 'clips' / '0')}
    camera = words_of(shortened(command(page, 'camera_node'), clip))
    lines = [command(page, 'perception_node'), command(page, 'alert_node'),
             command(page, 'python examples/alert_listener')]
    logs = [tmp_path / f'{index}.log' for index, _ in enumerate(lines)]
    with private_domain() as domain, ExitStack() as stack:
        settings: dict[str, Any] = {'cwd': ROOT, 'env': {**environment(), **domain}}
        nodes = []
        for line, log in zip(lines, logs, strict=True):
            stream = stack.enter_context(log.open('w'))
            nodes.append(stack.enter_context(subprocess.Popen(
                words_of(line), stdout=stream, stderr=stream, **settings)))
            stack.callback(nodes[-1].kill)
        while not re.search('(OK|WARN|ERROR): ', logs[2].read_text()):  # images, scores, alerts
            subprocess.run(camera, check=True, timeout=200, **settings)
        assert [node.poll() for node in nodes] == [None] * 3, [log.read_text() for log in logs]
        for node in nodes:
            node.send_signal(signal.SIGINT)
        assert [node.wait(60) for node in nodes] == [0] * 3, [log.read_text() for log in logs]
    assert 'STALE: degrade' in logs[2].read_text()
