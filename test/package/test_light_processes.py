# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""Commands and nodes that need no network load no inference library."""
import subprocess
import sys

import pytest
from source_tree import NAME, ROOT

HEAVY = ('torch', 'onnxruntime', 'onnx', 'tensorrt', 'tensorrt_rtx_bindings', 'tensorrt_rtx_libs',
         'cuda.bindings', 'cuda.core')  # a .pth of theirs loads an empty 'cuda' everywhere
ROS_TOO = (*HEAVY, 'rclpy', 'cv2', 'moderngl', 'rosbags')
REPORT = 'import sys; print("LOADED", *sorted(sys.modules))'


def loaded(code: str) -> set[str]:
    """Run python code in a process of its own; returns the modules that it had loaded."""
    done = subprocess.run([sys.executable, '-c', f'{code}\n{REPORT}'], cwd=ROOT, text=True,
                          capture_output=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return set(done.stdout.split('LOADED')[1].split())


@pytest.mark.parametrize('node', ['alert_node', 'governor_node', 'camera_node', 'recorder_node',
                                  'viewer_node'])
def test_only_the_perception_node_loads_an_inference_library(node: str) -> None:
    pytest.importorskip('rclpy')
    modules = loaded(f'import {NAME}.nodes.{node}')
    assert f'{NAME}.nodes.{node}' in modules
    assert modules.isdisjoint(HEAVY)


def test_the_help_of_bdl_loads_nothing_heavy() -> None:
    modules = loaded(f'from {NAME}.cli import main as cli\ntry:\n    cli.main(["--help"])\n'
                     'except SystemExit as end:\n    assert end.code == 0')
    assert f'{NAME}.cli.main' in modules
    assert modules.isdisjoint(ROS_TOO)


def test_the_help_of_every_command_loads_nothing_heavy() -> None:
    from bdl_perception.cli.main import COMMANDS
    for name in COMMANDS:
        modules = loaded(f'from {NAME}.cli import main as cli\n'
                         f'try:\n    cli.main([{name!r}, "--help"])\n'
                         'except SystemExit as end:\n    assert end.code == 0')
        assert modules.isdisjoint(HEAVY), name
