# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""Work that is spread: the same numbers everywhere, and no job lost with another one."""
import os
from pathlib import Path
import signal
import socket
import subprocess
import sys
from typing import Any

from bdl_perception.workflows.executor import ExecutorConfig, run_jobs
from bdl_perception.workflows.job_results import JobResult, ResultCache, Work
import executor_works
import pytest
from source_tree import ROOT

JOBS = {f'drive {number}': number for number in range(5, 10)}
RIGHT = {name: [number, number / 3] for name, number in JOBS.items()}
HERE, TWO = ExecutorConfig(), ExecutorConfig(2)


@pytest.mark.parametrize('how', [HERE, TWO])
def test_every_job_gives_its_value_to_the_bit(how: ExecutorConfig) -> None:
    outcomes = list(run_jobs(executor_works.third, JOBS, how))
    assert {one.name: one.value for one in outcomes} == RIGHT
    assert len(outcomes) == 5 and not any(one.error for one in outcomes)


@pytest.mark.parametrize('how', [HERE, TWO])
@pytest.mark.parametrize(('work', 'reported'), [
    (executor_works.fail_on_seven, "KeyError: 'seven is a prime'"),
    (executor_works.not_json, 'TypeError: Object of type set is not JSON')])
def test_a_job_that_fails_does_not_stop_the_others(
        how: ExecutorConfig, work: Work, reported: str) -> None:
    found = {one.name: one for one in run_jobs(work, JOBS, how)}
    assert found.keys() == JOBS.keys()
    assert [name for name, one in found.items() if one.error] == ['drive 7']
    assert found['drive 7'].error.startswith(reported) and found['drive 7'].value is None


def test_a_process_that_dies_takes_only_its_own_job_with_it() -> None:
    found = {one.name: one for one in run_jobs(executor_works.die_on_seven, JOBS, TWO)}
    assert 'its process died' in found.pop('drive 7').error
    assert {name: one.value for name, one in found.items()} == {
        name: value for name, value in RIGHT.items() if name != 'drive 7'}


@pytest.mark.parametrize('first', ['deadly', 'innocent'])  # a shared pool sees that one die
def test_a_job_in_flight_beside_one_that_dies_goes_on(tmp_path: Path, first: str) -> None:
    names = sorted(('deadly', 'innocent'), key=lambda name: name != first)
    jobs = {name: (str(tmp_path), name) for name in names}
    found = {one.name: one for one in run_jobs(executor_works.die_beside_another, jobs, TWO)}
    assert found['innocent'].value == 'innocent' and 'its process died' in found['deadly'].error
    assert (tmp_path / 'begun').read_text() == 'x'


def test_a_process_that_dies_while_it_answers_blocks_no_one() -> None:
    one, = run_jobs(executor_works.die_within_a_message, {'a': 1}, TWO)
    assert one.value or 'its process died' in one.error


def test_a_job_that_cannot_be_sent_is_an_outcome_too() -> None:
    jobs = {'a': 1, 'b': lambda: 0}
    found = {one.name: one for one in run_jobs(executor_works.third, jobs, TWO)}
    assert found['a'].value == [1, 1 / 3] and 'pickle' in found['b'].error.lower()


def test_cached_results_are_not_computed_again(tmp_path: Path) -> None:
    cache = ResultCache(tmp_path, {'model': 'a'})
    for how in (HERE, TWO):
        found = {one.name: one for one in run_jobs(
            executor_works.fail_on_seven, JOBS, how, cache)}
        assert found['drive 7'].error
        assert found['drive 8'] == JobResult('drive 8', RIGHT['drive 8'])
    assert len(list(tmp_path.iterdir())) == 4
    found = {one.name: one for one in run_jobs(executor_works.not_json, JOBS, HERE, cache)}
    assert found['drive 8'].value == RIGHT['drive 8']  # the other work was not asked
    assert found['drive 7'].error.startswith('TypeError')


def test_after_a_kill_only_what_is_missing_is_done(tmp_path: Path) -> None:
    code = f"""if __name__ == '__main__':
    import sys
    from pathlib import Path
    from bdl_perception.workflows.job_results import ResultCache
    from bdl_perception.workflows.executor import run_jobs
    from bdl_perception.workflows.executor import ExecutorConfig
    sys.path.append({str(ROOT / 'test' / 'support')!r})
    from executor_works import note_and_die
    jobs = {{str(n): ({str(tmp_path)!r}, n, sys.argv[1] == 'die') for n in range(6)}}
    cache = ResultCache(Path({str(tmp_path / 'kept')!r}), {{'model': 'a'}})
    print(sorted(one.value for one in run_jobs(note_and_die, jobs, ExecutorConfig(), cache)))
"""
    done = [subprocess.run([sys.executable, '-c', code, word], cwd=ROOT, text=True,
                           capture_output=True, timeout=60) for word in ('die', 'live')]
    assert done[0].returncode == -signal.SIGKILL
    assert done[1].stdout == '[0, 1, 2, 3, 4, 5]\n', done[1].stderr
    assert (tmp_path / 'begun').read_text().split() == ['0', '1', '2', '3', '3', '4', '5']


@pytest.mark.parametrize(('values', 'message'), [
    ((0,), 'at least 1'),
    ((1, 'localhost'), '--ray localhost is not the address.*HOST:PORT.*or local'),
    ((2, '10.0.0.1:6379'), 'leave --processes out')])
def test_an_impossible_executor_is_refused(values: tuple[Any, ...], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        ExecutorConfig(*values)


def test_a_cluster_that_does_not_answer_is_one_clear_error() -> None:
    pytest.importorskip('ray')
    with socket.create_server(('127.0.0.1', 0)) as server:
        port = server.getsockname()[1]
    with pytest.raises(ConnectionError, match=f'answers at 127.0.0.1:{port}.*ray start'):
        list(run_jobs(executor_works.third, JOBS, ExecutorConfig(ray=f'127.0.0.1:{port}')))


def test_a_cluster_that_wants_a_token_is_not_taken_for_none(
        monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise ConnectionError('Failed to connect')
    monkeypatch.setattr(pytest.importorskip('ray'), 'init', refuse)
    with socket.create_server(('127.0.0.1', 0)) as server:
        address = f'127.0.0.1:{server.getsockname()[1]}'
        with pytest.raises(ConnectionError, match=f'{address} refuses the connection.*token'):
            list(run_jobs(executor_works.third, JOBS, ExecutorConfig(ray=address)))


def test_without_ray_the_remedy_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, 'ray', None)
    with pytest.raises(ModuleNotFoundError, match=r'bdl_perception\[ray\]'):
        list(run_jobs(executor_works.third, JOBS, ExecutorConfig(ray='local')))


@pytest.mark.slow
@pytest.mark.timeout(300)  # a Ray, on a machine that may be busy
def test_a_local_ray_uses_the_loopback_and_loses_nothing() -> None:
    pytest.importorskip('ray')
    code = f"""
import executor_works
from bdl_perception.workflows.executor import run_jobs
from bdl_perception.workflows.executor import ExecutorConfig
how = ExecutorConfig(2, 'local')
for work in (executor_works.fail_on_seven, executor_works.gcs_address):
    for one in sorted(run_jobs(work, {JOBS!r}, how)):
        print(one.name, one.value or one.error, sep='=')
"""
    path = os.pathsep.join((str(ROOT), str(ROOT / 'test' / 'support')))
    done = subprocess.run([sys.executable, '-c', code], cwd=ROOT, text=True, capture_output=True,
                          env={**os.environ, 'PYTHONPATH': path})
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert {f'{name}={value}' for name, value in RIGHT.items() if name != 'drive 7'} <= set(lines)
    assert "drive 7=KeyError: 'seven is a prime'" in lines
    assert sum('=127.0.0.1:' in line for line in lines) == 5
