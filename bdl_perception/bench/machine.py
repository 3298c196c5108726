# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""What the numbers were measured on."""
from datetime import datetime
from datetime import timezone
from importlib.metadata import PackageNotFoundError
from importlib.metadata import version
import os
from pathlib import Path
import platform
from typing import Any

PACKAGES = ('bdl_perception', 'numpy', 'opencv-python-headless', 'onnxruntime', 'torch',
            'ros-jazzy-rclpy', 'ros-jazzy-rmw-fastrtps-cpp')
CPU_INFO = Path('/proc/cpuinfo')


def describe() -> dict[str, Any]:
    """Say which machine this is, what is installed, and how busy it was before we began."""
    return {'cpu': _cpu(), 'cores': len(os.sched_getaffinity(0)), 'system': platform.platform(),
            'python': platform.python_version(), 'load_before': os.getloadavg()[0],
            'versions': {name: _version(name) for name in PACKAGES},
            'date': datetime.now(timezone.utc).isoformat(timespec='seconds')}


def _cpu() -> str:
    lines = CPU_INFO.read_text().splitlines() if CPU_INFO.exists() else []
    names = [line.split(':', 1)[1].strip() for line in lines if line.startswith('model name')]
    return names[0] if names else platform.machine()


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None  # ROS 2 from apt is no wheel
