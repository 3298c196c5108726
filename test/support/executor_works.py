# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""Work for tests of spreading: functions of a module, as other processes must import them."""
from multiprocessing.connection import Connection
import os
from pathlib import Path
import select
import signal
import struct
import time
from typing import Any


def third(number: int) -> list[float]:
    return [number, number / 3]


def fail_on_seven(number: int) -> list[float]:
    if number == 7:
        raise KeyError('seven is a prime')
    return third(number)


def die_on_seven(number: int) -> list[float]:
    if number == 7:
        os.kill(os.getpid(), signal.SIGKILL)
    return third(number)


def die_beside_another(job: tuple[str, str]) -> str:
    """Kill this process beside the other job, which goes on until somebody has seen that."""
    deadly, begun = Path(job[0], 'deadly'), Path(job[0], 'begun')
    if job[1] == 'innocent':
        with begun.open('a') as file:
            file.write('x')
        while not deadly.exists() or Path('/proc', deadly.read_text()).exists():
            time.sleep(.01)
        return job[1]
    while not begun.exists():
        time.sleep(.01)
    beside = deadly.with_suffix('.new')
    beside.write_text(str(os.getpid()))
    beside.replace(deadly)
    os.kill(os.getpid(), signal.SIGKILL)
    return job[1]


def die_within_a_message(_: object) -> str:
    """Give a value that is too long for one write to a pipe, and die after the first one."""
    def cut(self: Connection, data: bytes) -> None:
        if len(data) > select.PIPE_BUF:
            os.write(self.fileno(), struct.pack('!i', len(data)) + bytes(data[:select.PIPE_BUF]))
            os.kill(os.getpid(), signal.SIGKILL)
        whole(self, data)
    whole, Connection.send_bytes = Connection.send_bytes, cut  # type: ignore[method-assign]
    return 'x' * 10 * select.PIPE_BUF


def not_json(number: int) -> Any:
    return {number} if number == 7 else number


def note_and_die(job: tuple[str, int, bool]) -> int:
    """Write down that a job was begun; the third one kills this process, if it is to."""
    folder, number, deadly = job
    with (Path(folder) / 'begun').open('a') as file:
        file.write(f'{number}\n')
    if deadly and number == 3:
        os.kill(os.getpid(), signal.SIGKILL)
    return number


def gcs_address(_: object) -> str:
    import ray
    return str(ray.get_runtime_context().gcs_address)
