# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""The package as text: its modules, what each imports and calls."""
import ast
from pathlib import Path
import shutil
from typing import Iterator, NamedTuple

NAME = 'bdl_perception'
ROOT = Path(__file__).parent.parent.parent
CODE = ROOT / NAME
NOT_SOURCE = shutil.ignore_patterns(
    '.*', 'build', 'install', 'log', 'runs', 'data', '*.egg-info', '__pycache__')


class Import(NamedTuple):
    """One imported module, by its full dotted name."""

    file: Path
    line: int
    module: str
    lazy: bool  # inside a function, or for the type checker only

    @property
    def top(self) -> str:
        return self.module.split('.')[0]

    @property
    def layer(self) -> str:
        """Name the folder or file of our package that is imported, '' of anything else."""
        parts = self.module.split('.')
        return parts[1] if parts[0] == NAME and len(parts) > 1 else ''

    def __str__(self) -> str:
        return f'{self.file.relative_to(ROOT)}:{self.line} imports {self.module}'


def files(layer: str = '') -> list[Path]:
    """List the python files of a layer, or of the package."""
    return sorted((CODE / layer).rglob('*.py'))


def layer_of(file: Path) -> str:
    return file.relative_to(CODE).parts[0].removesuffix('.py')


def imports(file: Path) -> Iterator[Import]:
    """Find every import of a file, wherever it stands."""
    yield from _imports(file, ast.parse(file.read_text(encoding='utf-8')), lazy=False)


def _imports(file: Path, node: ast.AST, lazy: bool) -> Iterator[Import]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Import):
            for alias in child.names:
                yield Import(file, child.lineno, alias.name, lazy)
        elif isinstance(child, ast.ImportFrom):
            assert child.level == 0 and child.module, f'{file}: relative import'
            for alias in child.names:  # the name may be a module or something of one
                whole = f'{child.module}.{alias.name}'
                yield Import(file, child.lineno, whole, lazy)
        inside = isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)) or (
            isinstance(child, ast.If) and 'TYPE_CHECKING' in ast.dump(child.test))
        yield from _imports(file, child, lazy or inside)


def copy_source(to: Path) -> Path:
    """Copy the checkout without what is made from it, for tools that build in place."""
    return Path(shutil.copytree(ROOT, to, ignore=NOT_SOURCE))
