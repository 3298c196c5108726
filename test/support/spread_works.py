# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""Work for tests of spreading: functions of a module, as other processes must import them."""
import os
from pathlib import Path
import signal
import time
from typing import Any


def third(number: int) -> list[float]:
    return [number, number / 3]


def refuse_seven(number: int) -> list[float]:
    if number == 7:
        raise KeyError('seven is a prime')
    return third(number)


def die_on_seven(number: int) -> list[float]:
    if number == 7:
        os.kill(os.getpid(), signal.SIGKILL)
    return third(number)


def die_beside_another(job: tuple[str, str]) -> str:
    """Kill this process once the other job is under way, which ends only when begun again."""
    begun, what = Path(job[0]), job[1]
    if what == 'innocent':
        if begun.exists():
            return what
        begun.touch()
    while what == 'innocent' or not begun.exists():
        time.sleep(.01)
    os.kill(os.getpid(), signal.SIGKILL)
    return what


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
