# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""The executables of the nodes; without ROS 2, one line says how to install it."""
import importlib
import sys

from bdl_perception.cli.main import install_hint

EXIT_CONFIG_ERROR = 2  # as of a node with wrong parameters: starting it again does not help


def run_node(name: str) -> int:
    """Run a module of nodes/; returns its exit code."""
    try:
        node = importlib.import_module(f'bdl_perception.nodes.{name}')
    except ModuleNotFoundError as error:
        print(f'{name} does not start: {install_hint(error)}', file=sys.stderr)
        return EXIT_CONFIG_ERROR
    code: int = node.main()
    return code


def perception_node() -> int:
    """Run perception_node."""
    return run_node('perception_node')


def alert_node() -> int:
    """Run alert_node."""
    return run_node('alert_node')


def governor_node() -> int:
    """Run governor_node."""
    return run_node('governor_node')


def camera_node() -> int:
    """Run camera_node."""
    return run_node('camera_node')


def recorder_node() -> int:
    """Run recorder_node."""
    return run_node('recorder_node')
