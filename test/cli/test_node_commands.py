# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
import ast
from pathlib import Path
import sys
from types import SimpleNamespace

from bdl_perception.cli import main as cli
from bdl_perception.cli import node_commands
import pytest

NODES = ('perception_node', 'alert_node', 'governor_node', 'camera_node', 'recorder_node')
SETUP = ast.parse((Path(__file__).parents[2] / 'setup.py').read_text(encoding='utf-8'))


def test_every_node_of_the_package_has_its_function() -> None:
    [names] = [ast.literal_eval(part.value) for part in SETUP.body
               if isinstance(part, ast.Assign) and part.targets[0].id == 'NODES']  # type: ignore
    assert names == NODES
    assert all(callable(getattr(node_commands, name)) for name in names)


@pytest.mark.parametrize('name', NODES)
def test_a_node_returns_the_exit_code_of_its_module(
        name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    module = SimpleNamespace(main=lambda: 3)
    monkeypatch.setitem(sys.modules, f'bdl_perception.nodes.{name}', module)
    assert getattr(node_commands, name)() == 3


@pytest.mark.parametrize('name', NODES)
@pytest.mark.parametrize('missing', ['rclpy', 'diagnostic_msgs.msg', 'sensor_msgs'])
def test_without_ros_one_line_names_the_remedy(
        name: str, missing: str, monkeypatch: pytest.MonkeyPatch,
        capsys: pytest.CaptureFixture[str]) -> None:
    def fail(module: str) -> None:
        raise ModuleNotFoundError(f'No module named {missing!r}', name=missing)
    monkeypatch.setattr(node_commands.importlib, 'import_module', fail)
    assert getattr(node_commands, name)() == 2
    [line] = capsys.readouterr().err.splitlines()
    assert line.startswith(f'{name} does not start: No module named {missing!r}')
    assert "[ros]'" in line and 'source the setup.bash of ROS 2' in line


def test_an_installed_package_is_not_called_a_checkout(
        monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    error = ModuleNotFoundError("No module named 'torch'", name='torch')
    assert 'in the checkout: ' in cli.install_hint(error)
    monkeypatch.setattr(cli, '__file__', str(tmp_path / 'site-packages' / 'a' / 'b' / 'main.py'))
    hint = cli.install_hint(error)
    assert 'checkout' not in hint and hint.endswith(" -m pip install 'bdl_perception[train]'")


@pytest.mark.parametrize('words, reported', [
    (['calibrate', '--model', 'street', '--out', 'c.json', '--watch', 'foo', 'none'], "['foo']"),
    (['calibrate', '--model', 'street', '--out', 'c.json', '--alpha', '2', 'none'], 'alpha is 2'),
    (['demo', '--rate-hz', '-3'], 'rate_hz is -3.0'),
    (['compile', '--gpu', 'sm12'], 'sm12')])
def test_a_wrong_value_is_named_before_any_work(
        words: list[str], reported: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path,
        capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(tmp_path)
    assert cli.main(words) == 2
    [line] = capsys.readouterr().err.splitlines()
    assert reported in line or words[0] == 'compile'  # without tensorrt_rtx: its own remedy


@pytest.mark.parametrize('words', [
    ['train', '--data', 'none', '--out', 'run', '--minutes', '0'],
    ['train', '--data', 'none', '--out', 'run', '--minutes', 'nan'],
    ['calibrate', '--model', 'street', '--rate-hz', '-3', 'none'],
    ['calibrate', '--model', 'street', '--rate-hz', '0', 'none']])
def test_a_number_that_must_be_positive_is_checked_by_the_parser(
        words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        cli.main(words)
    assert end.value.code == 2
    assert 'must be above 0 and finite' in capsys.readouterr().err
