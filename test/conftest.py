# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""Settings and markers for every test."""
from pathlib import Path

from hypothesis import HealthCheck, settings
import pytest

# By default an example that takes .2 s fails, and so do examples that are slow to draw: a machine
# that stalls fails them all. pytest-timeout ends a test that hangs.
settings.register_profile('no clock', deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile('no clock')

FOLDER_MARKERS = {'faults': 'ros', 'nodes': 'ros', 'system': 'ros', 'world': 'render'}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark tests by their folder, so that `-m 'not ros'` leaves out what needs rclpy."""
    root = Path(__file__).parent
    for item in items:
        folder = item.path.relative_to(root).parts[0]
        if folder in FOLDER_MARKERS:
            item.add_marker(FOLDER_MARKERS[folder])
