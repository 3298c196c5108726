# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""
Child processes that run tests with a changed module.

A server process imports and collects the tests once. For a change within a function it forks a
child, which gives the function its changed code. A change of a constant or of a default value has
done its work at import: such a child starts before any import of the package.
"""
import ast
import base64
from functools import partial
from importlib import machinery, util
import json
import marshal
import os
from pathlib import Path
import resource
import sys
from types import CodeType, FunctionType
from typing import Any

import hypothesis
from mutators import Mutant
import numpy as np  # noqa: F401  # before the fork, so that no child needs to
import pytest

PROFILE = 'mutants'  # the same few examples for every mutant
MAX_CPU_S, MAX_BYTES = 30, 8 * 2**30  # of a child: a loop that does not end is a mistake found
PASSED, FAILED, UNUSABLE = 0, 1, 90  # status of a child; unusable: the change needs an import
hypothesis.settings.register_profile(
    PROFILE, derandomize=True, database=None, max_examples=25, deadline=None,
    suppress_health_check=list(hypothesis.HealthCheck))


def run_pytest(tests: tuple[str, ...], *plugins: Any) -> int:
    """Run tests in this process; returns the exit status of pytest."""
    return int(pytest.main([
        '-q', '-x', '-p', 'no:cacheprovider', '-p', 'no:xdist', '-W', 'ignore:Module already',
        '-m', 'not slow', '--hypothesis-profile', PROFILE, *tests], list(plugins)))


def in_child(work: Any) -> int:
    """Call work in a child process without output; returns its status, negative: a signal."""
    if child := os.fork():
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    status = UNUSABLE
    try:
        for stream in (1, 2):
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream)
        resource.setrlimit(resource.RLIMIT_CPU, (MAX_CPU_S, MAX_CPU_S))
        resource.setrlimit(resource.RLIMIT_AS, (MAX_BYTES, MAX_BYTES))
        status = work()
    finally:
        os._exit(status)


class Tests:
    """The tests of a module, and the server process that has collected them."""

    def __init__(self, module: str, file: Path, tests: tuple[str, ...]) -> None:
        """Start the server, which runs all tests once; they must pass."""
        self.module, self.file = module, file
        self.tests = tests
        down, up = os.pipe(), os.pipe()
        if not os.fork():
            os.close(down[1]), os.close(up[0])
            with os.fdopen(down[0]) as requests, os.fdopen(up[1], 'w') as answers:
                os._exit(run_pytest(tests, Server(module, file, requests, answers)))
        os.close(down[0]), os.close(up[1])
        self._requests, self._answers = os.fdopen(down[1], 'w'), os.fdopen(up[0])
        if self._answers.readline() != 'ready\n':
            sys.exit(f'{module}: the tests fail without a change')

    def ask(self, mutant: Mutant, code: CodeType) -> int:
        """Let the server run the code of a changed module; returns the status of its child."""
        text = base64.b64encode(marshal.dumps(code)).decode()
        print(json.dumps([mutant.function, mutant.path, text]), file=self._requests, flush=True)
        return int(self._answers.readline())

    def close(self) -> None:
        """End the server."""
        self._requests.close()
        os.wait()


def tests_pass(tests: Tests, tree: ast.Module, mutant: Mutant) -> bool:
    """Return whether all tests pass with a mutant, which is in the tree now."""
    status = UNUSABLE
    if mutant.function is not None:
        status = tests.ask(mutant, compile(tree, str(tests.file), 'exec'))
    if status == UNUSABLE:
        def work() -> int:
            sys.meta_path.insert(0, ChangedModule(tests.module, tests.file, tree))
            return run_pytest(tests.tests)
        status = in_child(work)
        if status not in (0, 1, 2, 3, 4) and status > 0:  # 4: a test cannot be imported
            sys.exit(f'{mutant.name}: pytest returned {status}')
    return status == PASSED


class ChangedModule(machinery.SourceFileLoader):
    """Imports one module from a syntax tree."""

    def __init__(self, name: str, file: Path, tree: ast.Module) -> None:
        super().__init__(name, str(file))
        self._tree = tree

    def get_code(self, fullname: str) -> Any:
        return compile(self._tree, self.path, 'exec')

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> Any:
        return util.spec_from_file_location(name, self.path, loader=self) if (
            name == self.name) else None


class Server:
    """A pytest plugin that runs the collected tests once for each mutant that is asked for."""

    def __init__(self, module: str, file: Path, requests: Any, answers: Any) -> None:
        self._module, self._file = module, file
        self._requests, self._answers = requests, answers
        self._lines: set[int] = set()
        self._failed = False
        self._times_s: dict[str, float] = {}

    def _trace(self, frame: Any, event: str, argument: Any) -> None:
        if frame.f_code.co_filename == str(self._file):
            self._lines.add(frame.f_code.co_firstlineno)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self._failed |= report.failed
        self._times_s[report.nodeid] = self._times_s.get(report.nodeid, 0.) + report.duration

    @pytest.hookimpl(trylast=True)
    def pytest_configure(self, config: pytest.Config) -> None:
        config.pluginmanager.unregister(name='terminalreporter')

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        called: dict[Any, set[int]] = {}
        for item in session.items:
            self._lines = called[item] = set()
            sys.settrace(self._trace)
            run_item(item)
            sys.settrace(None)
        if self._failed or session.testsfailed or not session.items:
            return True
        print('ready', file=self._answers, flush=True)
        ordered = sorted(called, key=lambda item: self._times_s[item.nodeid])
        for line in self._requests:
            function, path, text = json.loads(line)
            code = marshal.loads(base64.b64decode(text))
            chosen = [item for item in ordered if function in called[item]]
            status = in_child(partial(self._run, code, path, chosen))
            print(status, file=self._answers, flush=True)
        return True

    def _run(self, code: CodeType, path: list[str], items: list[Any]) -> int:
        """Change a function of this process and run tests until one fails."""
        if not change_function(sys.modules[self._module], code, path):
            return UNUSABLE
        for item in items:
            run_item(item)
            if self._failed:
                return FAILED
        return PASSED


def change_function(module: Any, code: CodeType, path: list[str]) -> bool:
    """Give the function at a path its code of a changed module; False: it cannot be replaced."""
    found = module
    for name in path:
        found = vars(found)[name]
        [code] = [one for one in code.co_consts if isinstance(one, CodeType)
                  and one.co_name == name]
    for name in ('fget', 'func', '__func__', '__wrapped__'):  # of properties and the like
        found = getattr(found, name, found)
    if not isinstance(found, FunctionType) or found.__code__.co_freevars != code.co_freevars:
        return False
    found.__code__ = code
    return True


def run_item(item: Any) -> None:
    """Run one test with its fixtures."""
    item.config.hook.pytest_runtest_protocol(item=item, nextitem=None)
