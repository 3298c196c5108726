# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
from itertools import pairwise
import subprocess
import sys
import time

from bdl_perception.faults.load import (
    busy_processes,
    LOADED_S,
    make_load,
    MAX_PROCESSES,
    NICE,
    NORMAL_S,
)
from hypothesis import given
from hypothesis import strategies as st
import psutil
import pytest


@given(duration_s=st.floats(0, 3600), seed=st.integers(0, 2**32))
def test_loaded_phases_alternate_with_normal_ones(duration_s, seed):
    phases = make_load(duration_s, seed)
    assert phases == make_load(duration_s, seed)
    for phase in phases:
        assert LOADED_S[0] <= phase.duration_s <= LOADED_S[1]
        assert 1 <= phase.processes <= MAX_PROCESSES and phase.end_s <= duration_s
    for before, after in pairwise(phases):
        assert NORMAL_S[0] - 1e-6 <= after.start_s - before.end_s <= NORMAL_S[1] + 1e-6


def test_an_hour_has_every_number_of_processes():
    assert {phase.processes for phase in make_load(3600, 1)} == set(range(1, MAX_PROCESSES + 1))


def wait_for(condition):
    for _ in range(500):
        if condition():
            return True
        time.sleep(.02)
    return False


def test_the_number_of_busy_processes_can_be_changed_and_ends_with_the_context():
    with busy_processes() as busy:
        busy.set_count(2)
        processes = [psutil.Process(pid) for pid in busy.pids]
        assert len(processes) == 2
        assert all(wait_for(lambda one=one: one.nice() >= NICE) for one in processes)
        busy.set_count(1)
        assert [one.is_running() for one in processes] == [True, False]
    assert not any(one.is_running() for one in processes)


def test_no_busy_process_is_left_after_an_exception():
    pids = []
    with pytest.raises(KeyError), busy_processes() as busy:
        busy.set_count(1)
        pids += busy.pids
        raise KeyError
    assert len(pids) == 1 and not psutil.pid_exists(pids[0])


def test_a_busy_process_ends_when_its_parent_is_killed():
    parent = subprocess.Popen(
        [sys.executable, '-c', 'from bdl_perception.faults.load import BusyProcesses\n'
         'busy = BusyProcesses()\nbusy.set_count(1)\nprint(busy.pids[0], flush=True)\ninput()'],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    with parent:
        child = psutil.Process(int(parent.stdout.readline()))
        assert wait_for(lambda: child.nice() >= NICE)  # it has read its parent
        parent.kill()
        parent.wait()
        assert wait_for(lambda: not child.is_running() or child.status() == 'zombie')
