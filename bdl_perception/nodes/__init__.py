# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""The ROS 2 nodes: they convert messages to values, call the core and publish its results."""
from importlib.util import find_spec
import sys

if sys.argv[:1] == ['-m'] and find_spec('rclpy') is None:  # python -m bdl_perception.nodes.NAME
    print("the nodes need rclpy: source the setup.bash of ROS 2, or install 'bdl_perception[ros]'",
          file=sys.stderr)
    sys.exit(2)  # as for wrong parameters: starting it again does not help
