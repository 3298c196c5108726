# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
import os
import subprocess
import sys
import threading
import time

from bdl_perception.faults.load import LATE_CALL
from bdl_perception.faults.resources import (
    BackgroundSampler,
    evaluate_flatness,
    FlatnessPolicy,
    read_resources,
    ResourceSample,
    ResourceSampler,
    ResourceSeries,
)
import psutil
import pytest
from waiting import wait_for

POLICY = FlatnessPolicy()
HOUR_S = 3600.


def series(rss_mb=lambda share: 200., threads=lambda share: 15, handles=lambda share: 26,
           duration_s=HOUR_S, period_s=5.):
    """Make a series from functions of the share of its duration."""
    times_s = [index * period_s for index in range(round(duration_s / period_s) + 1)]
    return ResourceSeries('perception_node', 7, [
        ResourceSample(1000. + at_s, rss_mb(at_s / duration_s), threads(at_s / duration_s),
                       handles(at_s / duration_s)) for at_s in times_s])


def problems(**functions):
    return evaluate_flatness(series(**functions), POLICY).problems


def test_a_flat_series_has_no_problem_and_a_summary():
    found = evaluate_flatness(series(), POLICY)
    assert found.evaluated and found.problems == ()
    assert (found.first_mb, found.last_mb, found.max_mb, found.slope_mb_per_h) == (
        200., 200., 200., 0.)
    assert found.duration_s == HOUR_S and found.samples == 721
    assert found.as_dict()['pid'] == 7


def test_memory_that_rises_evenly_is_found_from_16_mb_an_hour_on():
    assert problems(rss_mb=lambda share: 200 + 15.9 * share) == ()
    [problem] = problems(rss_mb=lambda share: 200 + 16.5 * share)
    assert problem.startswith('perception_node: resident memory, MB rose by 8.')
    found = evaluate_flatness(series(rss_mb=lambda share: 200 + 16 * share), POLICY)
    assert found.slope_mb_per_h == pytest.approx(16, rel=.01)


def test_a_step_of_memory_is_found_after_warm_up_only():
    assert problems(rss_mb=lambda share: 200. if share < .2 else 290.) == ()
    assert len(problems(rss_mb=lambda share: 200. if share < .6 else 290.)) == 1


def test_a_peak_and_falling_memory_are_flat():
    assert problems(rss_mb=lambda share: 900. if .8 < share < .9 else 200.) == ()
    assert problems(rss_mb=lambda share: 300 - 100 * share) == ()


def test_one_more_thread_or_handle_is_found():
    [problem] = problems(threads=lambda share: 15 if share < .6 else 16)
    assert 'threads rose by 1.0' in problem
    [problem] = problems(handles=lambda share: 26 + int(2 * share))
    assert 'file handles rose by 1.0' in problem
    assert len(problems(handles=lambda share: 26 + int(8 * share))) == 1


def test_a_short_series_is_not_evaluated():
    rising = series(rss_mb=lambda share: 200 + 500 * share, duration_s=55.)
    found = evaluate_flatness(rising, POLICY)
    assert not found.evaluated and found.problems == ()
    rare = series(rss_mb=lambda share: 200 + 500 * share, duration_s=600., period_s=60.)
    assert not evaluate_flatness(rare, POLICY).evaluated
    long = series(rss_mb=lambda share: 200 + 500 * share, duration_s=60.)
    assert evaluate_flatness(long, POLICY).problems


def test_a_series_without_samples_is_not_evaluated():
    assert not evaluate_flatness(ResourceSeries('alert_node', 1), POLICY).evaluated


def test_a_process_that_was_started_again_begins_a_new_series():
    sampler = ResourceSampler()
    own = psutil.Process()
    with subprocess.Popen([sys.executable, '-c', 'input()'], stdin=subprocess.PIPE) as child:
        other = psutil.Process(child.pid)
        sampler.sample(1., {'alert_node': own, 'perception_node': other})
        sampler.sample(2., {'alert_node': own, 'perception_node': own})
        child.communicate(b'\n')
    sampler.sample(3., {'alert_node': other, 'perception_node': own})  # other has ended
    assert [(one.process, one.pid, [sample.at_s for sample in one.samples])
            for one in sampler.series] == [
        ('alert_node', own.pid, [1., 2.]), ('perception_node', other.pid, [1.]),
        ('perception_node', own.pid, [2., 3.])]


def test_a_zombie_has_no_resources():
    child = subprocess.Popen([sys.executable, '-c', ''])
    process = psutil.Process(child.pid)
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)  # it ends, and stays a zombie
    assert process.status() == psutil.STATUS_ZOMBIE
    assert read_resources(1., process) is None
    child.wait()
    assert read_resources(1., process) is None


def test_the_resources_of_this_process_are_read(tmp_path):
    before = read_resources(1., psutil.Process())
    ended = threading.Event()
    thread = threading.Thread(target=ended.wait)
    thread.start()
    block = bytearray(b'x' * 50 * 2**20)
    with (tmp_path / 'file').open('w'):
        after = read_resources(2., psutil.Process())
    ended.set()
    thread.join()
    assert after.threads == before.threads + 1 and after.handles == before.handles + 1
    assert after.rss_mb > before.rss_mb + 40 and len(block) == 50 * 2**20


def test_the_sampler_reports_an_error_and_goes_on():
    calls = []

    def processes():
        calls.append(1)
        if len(calls) == 1:
            raise RuntimeError('no list of processes')
        return {'own': psutil.Process()}

    sampler = BackgroundSampler(processes)
    with sampler.running():
        assert wait_for(lambda: sampler.waits and sampler.series)
    assert [one.text for one in sampler.problems] == [
        "no sample of the resources: RuntimeError('no list of processes')"]
    assert sampler.series[0].samples[0].threads >= 2 and sampler.waits[0].waited_s >= 0


def test_a_thread_that_is_held_between_two_samples_is_late():
    """A process that is created holds the interpreter until it runs, for example."""
    interval_s = sys.getswitchinterval()
    sampler = BackgroundSampler(dict)
    try:
        with sampler.running():
            assert wait_for(lambda: len(sampler.waits) >= 2)
            sys.setswitchinterval(30.)  # no other thread runs meanwhile
            until_s = time.monotonic() + .2
            while time.monotonic() < until_s:
                pass
            sys.setswitchinterval(interval_s)
            ended_s = time.monotonic()
            assert wait_for(lambda: sampler.waits[-1].start_s > ended_s)
    finally:
        sys.setswitchinterval(interval_s)
    assert max(wait.by_process[LATE_CALL] for wait in sampler.waits) > .15


def test_threads_that_take_turns_are_no_waiting_time():
    sampler = BackgroundSampler(dict)
    with sampler.running():
        until_s = time.monotonic() + 60
        # Nearly each of 10 ticks waited 5 ms; on a busy machine many a sample is late.
        while len(sampler.waits) < 2 or all(one.by_process[LATE_CALL] for one in sampler.waits):
            assert time.monotonic() < until_s
            turn_s = time.monotonic() + .03
            while time.monotonic() < turn_s:
                sum(range(100))
            time.sleep(.005)  # a process without a pause would have to wait for the others
