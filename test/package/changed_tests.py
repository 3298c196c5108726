# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""Print the test folders of the packages that differ from the last commit, for `make check`."""
from pathlib import Path
import subprocess

ROOT = Path(__file__).resolve().parent.parent.parent
ALWAYS = 'test/package'  # the rules of the structure


def changed_tests(paths: list[str]) -> list[str]:
    """
    Give the test files and folders to run for changed paths, sorted.

    bdl_perception/alarm/alert.py: test/alarm. test/support: everything, since all tests use it.
    Every change of the package runs the fast regression test, too.
    """
    found = {ALWAYS}
    for path in paths:
        first, _, rest = path.partition('/')
        package = rest.partition('/')[0].removesuffix('.py')
        if path.startswith('test/support/') or path in ('pyproject.toml', 'test/conftest.py'):
            return ['test']
        names = {f'test/{package}', f'test/test_{package}.py', f'test/{package}.py'}
        if first == 'bdl_perception':
            found |= {'test/regression', *(name for name in names if (ROOT / name).exists())}
        elif first == 'test':
            found |= {name for name in names if (ROOT / name).exists()}
        elif first == 'examples':
            found.add('test/examples')
        elif first == 'config':
            found.add('test/test_parameters.py')
    return sorted(found)


def main() -> None:
    """Ask git for the files that changed since the last commit, untracked ones too."""
    listed = subprocess.run(['git', 'status', '--porcelain', '--no-renames', '-uall'], cwd=ROOT,
                            capture_output=True, text=True, check=True).stdout
    print(' '.join(changed_tests([line[3:] for line in listed.splitlines()])))


if __name__ == '__main__':
    main()
