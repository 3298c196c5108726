# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
from itertools import pairwise
import os
from pathlib import Path
import subprocess
import sys

from bdl_perception.faults.load import (
    busy_processes,
    LATE_CALL,
    LOADED_S,
    make_load,
    MAX_PROCESSES,
    NICE,
    NORMAL_S,
    STOLEN,
    Wait,
    Waits,
    WaitSampler,
)
from hypothesis import given
from hypothesis import strategies as st
import psutil
import pytest
from waiting import wait_for


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
        parent.kill()
        parent.wait()
        assert wait_for(lambda: not child.is_running() or child.status() == 'zombie')


class Kernel:
    """The part of /proc that has the waiting times."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def count(self, pid, thread, waited_s):
        task = self.folder / str(pid) / 'task' / str(thread)
        task.mkdir(parents=True, exist_ok=True)
        (task / 'schedstat').write_text(f'7 {round(waited_s * 1e9)} 3\n')


@pytest.fixture
def kernel(tmp_path):
    return Kernel(tmp_path)


@given(st.lists(st.floats(0, 1), max_size=30), st.floats(-1, 31), st.floats(0, 10))
def test_a_window_has_the_waits_of_the_intervals_that_touch_it(waited, start_s, length_s):
    waits = [Wait(index, index + 1, value) for index, value in enumerate(waited)]
    end_s = start_s + length_s
    expected = sum(one.waited_s for one in waits if one.start_s <= end_s and one.end_s >= start_s)
    assert Waits(waits).within(start_s, end_s) == pytest.approx(expected)


def test_the_process_that_waited_longest_in_a_window_is_found():
    waits = Waits([Wait(0., 1., .3, {7: .1, 8: .2}), Wait(1., 2., .6, {7: .4, 8: .2}),
                   Wait(5., 6., 9., {8: 9.})])
    assert waits.longest_within(0., 2.5) == pytest.approx(.5)
    assert waits.longest_within(0., .5) == pytest.approx(.2)
    assert waits.longest_within(3., 4.) == 0.


def test_the_thread_that_waited_longest_counts_for_its_process(kernel):
    sampler = WaitSampler(kernel.folder)
    kernel.count(1, 1, 10)
    kernel.count(1, 2, 20)
    kernel.count(5, 5, 0)
    kernel.count(5, 6, 0)
    sampler.sample(100., [1, 5])
    assert sampler.waits == []  # there is no earlier sample
    kernel.count(1, 1, 10.3)
    kernel.count(1, 2, 20.1)
    kernel.count(5, 5, .1)  # the other way round than in the first process
    kernel.count(5, 6, .4)
    sampler.sample(101., [1, 5])
    [wait] = sampler.waits
    assert wait[:2] == (100., 101.) and wait.waited_s == pytest.approx(.7)
    assert Waits([wait]).longest_within(100., 101.) == pytest.approx(.4)


def test_a_new_thread_or_process_counts_from_its_first_sample_on(kernel):
    sampler = WaitSampler(kernel.folder)
    sampler.sample(1., [1])
    kernel.count(1, 1, 50)
    sampler.sample(2., [1])
    kernel.count(1, 1, 50.5)
    sampler.sample(3., [1])
    assert [wait.waited_s for wait in sampler.waits] == pytest.approx([0, .5])


def test_a_late_call_counts_when_it_is_more_than_the_processes_waited(kernel):
    sampler = WaitSampler(kernel.folder)
    sampler.sample(1., [])
    sampler.sample(2., [], late_s=.3)
    assert sampler.waits == [Wait(1., 2., .3, {LATE_CALL: .3, STOLEN: 0.})]


def test_time_that_the_host_gave_to_another_machine_counts(kernel):
    stat = kernel.folder / 'stat'
    sampler = WaitSampler(kernel.folder)
    for at_s, first, second in ((1., 100, 100), (2., 150, 120), (4., 170, 150)):
        stat.write_text(f'cpu  9 9 9 9 9 9 9 {first + second} 9 9\n'
                        f'cpu0 9 9 9 9 9 9 9 {first} 9 9\ncpu1 9 9 9 9 9 9 9 {second} 9 9\n')
        sampler.sample(at_s, [])
        if at_s == 2:  # one sample without the file is no wait since the start of the machine
            stat.unlink()
            sampler.sample(3., [])
    ticks = [wait.waited_s * os.sysconf('SC_CLK_TCK') for wait in sampler.waits]
    assert ticks == pytest.approx([50, 0, 0])  # one process waited on one processor
    assert Waits(sampler.waits).longest_within(1., 2.) == sampler.waits[0].waited_s


def test_damaged_files_of_the_kernel_are_left_out(kernel):
    kernel.count(1, 1, 0)
    (kernel.folder / 'stat').write_text('cpu 1 2\n')
    (kernel.folder / '1' / 'task' / '1' / 'schedstat').write_text('7\n')
    sampler = WaitSampler(kernel.folder)
    sampler.sample(1., [1])
    sampler.sample(2., [1])
    assert sampler.waits == [Wait(1., 2., 0., {LATE_CALL: 0., STOLEN: 0.})]


@pytest.mark.skipif(not Path('/proc/self/schedstat').exists(), reason='needs Linux')
def test_processes_that_share_a_processor_wait_for_each_other():
    cpu = min(os.sched_getaffinity(0))
    code = f'import os\nos.sched_setaffinity(0, {{{cpu}}})\nprint(flush=True)\nwhile True: pass'
    busy = [subprocess.Popen([sys.executable, '-c', code], stdout=subprocess.PIPE)
            for _ in range(2)]
    try:
        for one in busy:
            one.stdout.readline()
        sampler = WaitSampler()
        waited_s = 0.
        for step in range(100_000):  # until the kernel has counted them
            sampler.sample(step, [one.pid for one in busy])
            waited_s += sampler.waits[-1].waited_s if sampler.waits else 0.
            if waited_s > .05:
                break
        assert waited_s > .05
    finally:
        for one in busy:
            one.kill()
            one.wait()
            one.stdout.close()
