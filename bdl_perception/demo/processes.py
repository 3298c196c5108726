# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""ROS 2 nodes as processes on a private ROS domain, and their shutdown."""
from contextlib import contextmanager
import json
import os
from pathlib import Path
import signal
import subprocess
import sys
from typing import IO, Iterator, Mapping, Sequence

STOP_TIMEOUT_S = 10.0
NODES_PACKAGE = 'bdl_perception.nodes'
FAST_DDS_PROFILE = Path(__file__).parent / 'fastdds.xml'  # buffers for large images


class NodeProcess:
    """A node in its own Python process; its output goes to a log file."""

    def __init__(self, node: str, parameters: Mapping[str, object], log: Path,
                 environment: Mapping[str, str] | None = None,
                 remaps: Mapping[str, str] | None = None, package: str = NODES_PACKAGE) -> None:
        """Start `python -m PACKAGE.NODE` with parameters and remappings."""
        self.node = node
        self.log = log
        self._log: IO[bytes] = log.open('wb')
        self._process = subprocess.Popen(
            [sys.executable, '-m', f'{package}.{node}',
             *_ros_arguments(parameters, remaps or {})],
            stdout=self._log, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL,
            env={**os.environ, **(environment or {})}, start_new_session=True)

    @property
    def pid(self) -> int:
        """Give the process id."""
        return self._process.pid

    def poll(self) -> int | None:
        """Give the exit code; None while it runs."""
        return self._process.poll()

    def wait(self, timeout_s: float) -> int:
        """Wait for the end; subprocess.TimeoutExpired when it does not come."""
        return self._process.wait(timeout_s)

    def stop(self, timeout_s: float = STOP_TIMEOUT_S) -> int:
        """Send SIGINT, after the timeout SIGKILL; returns the exit code."""
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGINT)
        try:
            code = self._process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            self._process.kill()
            code = self._process.wait()
        self._log.close()
        return code

    def log_tail(self, lines: int = 8) -> str:
        """Give the last lines of the log, for a message."""
        text = self.log.read_text(encoding='utf-8', errors='replace')
        return '\n'.join(text.splitlines()[-lines:])


def _ros_arguments(parameters: Mapping[str, object], remaps: Mapping[str, str]) -> list[str]:
    arguments = ['--ros-args']
    for name, value in parameters.items():
        quoted = str(value) if isinstance(value, Path) else value  # YAML reads a path as a text
        text = '.nan' if value != value else json.dumps(quoted, ensure_ascii=False)  # as YAML
        arguments += ['-p', f'{name}:={text}']
    for old, new in remaps.items():
        arguments += ['-r', f'{old}:={new}']
    return arguments


@contextmanager
def private_domain() -> Iterator[dict[str, str]]:
    """Give the environment of an unused ROS domain, on the loopback interface only."""
    from domain_coordinator import domain_id  # holds a port while the domain is in use
    held = domain_id()
    number = held.__enter__()
    try:
        yield {'ROS_DOMAIN_ID': str(number), 'ROS_AUTOMATIC_DISCOVERY_RANGE': 'LOCALHOST',
               'FASTRTPS_DEFAULT_PROFILES_FILE': str(FAST_DDS_PROFILE)}
    finally:  # not `with`: domain_id takes every OSError for a port in use
        held.__exit__(None, None, None)


def unexpected_exits(processes: Sequence[NodeProcess]) -> list[str]:
    """Describe the processes that ended before they were stopped, a text each."""
    return [f'{process.node} ended unexpectedly with exit code {process.poll()}; '
            f'its log {process.log} ends:\n{process.log_tail()}'
            for process in processes if process.poll() is not None]
