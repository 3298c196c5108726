# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""
Measure how the package is built: modules, functions, imports, and the path of an argument.

A path tells what the text tells: a function that is called through a value, a protocol or a
library is not entered; calls in the element of a comprehension stand before its names are known.
"""
import argparse
import ast
from collections import Counter
from functools import cache
from itertools import pairwise
from pathlib import Path
from statistics import median, quantiles
from typing import Any, Collection, Iterator, Mapping, NamedTuple, TypeAlias

ENTRY_FILES = ('__init__.py', '__main__.py')  # no modules of their own
NAME = 'bdl_perception'
ROOT = Path(__file__).parent.parent.parent
RULES = 'test/package/test_layers.py'  # its MAY_IMPORT is the table of layers
SHORT = 60  # lines
PATHS = [(f'{NAME}/commands/calibrate.py', 'run', 'arguments'),  # version 0.1.0
         (f'{NAME}/commands/evaluate.py', 'run', 'arguments'),
         (f'{NAME}/cli/calibrate.py', 'run', 'arguments'),
         (f'{NAME}/cli/evaluate.py', 'run', 'arguments'),
         (f'{NAME}/workflows/calibrate_model.py', 'calibrate', 'config'),
         (f'{NAME}/workflows/evaluate_drives.py', 'evaluate', 'config')]
BINDERS = {  # statement or clause -> where its targets stand, and what they are assigned from
    ast.Assign: ('targets', 'value'), ast.AnnAssign: ('target', 'value'),
    ast.AugAssign: ('target', 'value'), ast.NamedExpr: ('target', 'value'),
    ast.For: ('target', 'iter'), ast.comprehension: ('target', 'iter'),
    ast.withitem: ('optional_vars', 'context_expr')}
FUNCTION = (ast.FunctionDef, ast.AsyncFunctionDef)
Graph: TypeAlias = Mapping[str, Collection[str]]


class Definition(NamedTuple):
    """A function, a method or a class, and where it stands."""

    module: str
    owner: str  # full name of the class of a method, else ''
    node: Any  # its FunctionDef, AsyncFunctionDef or ClassDef


class CallPath(NamedTuple):
    """The files that an argument is handed into, in the order in which the code is written."""

    stays: list[str]
    climbs: int  # from a file to one of a higher layer

    @property
    def files(self) -> int:
        return len(set(self.stays))

    @property
    def returns(self) -> int:  # to a file that was left
        return len(self.stays) - self.files


class Package:
    """The syntax trees of all modules, by full name; an __init__.py has that of its folder."""

    def __init__(self, root: Path) -> None:
        """Read every file of the package that lies in a checkout."""
        self.files = {_dotted(file.relative_to(root)): file
                      for file in sorted((root / NAME).rglob('*.py'))}
        self.trees = {module: ast.parse(file.read_text(encoding='utf-8'))
                      for module, file in self.files.items()}
        self.names = {module: dict(_imported(tree)) for module, tree in self.trees.items()}
        self.defined = {name: found for module, tree in self.trees.items()
                        for name, found in _definitions(module, '', tree)}

    def imports(self) -> dict[str, set[str]]:
        """Give the modules of the package that each one imports anywhere in it."""
        return {module: {found for _, name in _imported(tree)
                         for found in [name if name in self.files else name.rpartition('.')[0]]
                         if found in self.files and found != module}
                for module, tree in self.trees.items()}

    def layers(self) -> dict[str, set[str]]:
        """Give the top-level packages that each one imports."""
        found: dict[str, set[str]] = {layer_of(module): set() for module in self.files}
        for module, imported in self.imports().items():
            found[layer_of(module)] |= {layer_of(one) for one in imported} - {layer_of(module)}
        return found

    def resolve(self, name: str) -> str:
        """Follow a full name through the modules that import it on, to its definition or ''."""
        owner, _, last = name.rpartition('.')
        if name in self.defined or not owner:
            return name if name in self.defined else ''
        if owner in self.files:
            return self.resolve(self.names[owner].get(last, ''))
        found = f'{self.resolve(owner)}.{last}'  # a method, of a class that is imported on
        return found if found in self.defined else ''

    def named(self, node: ast.AST | None, module: str) -> str:
        """Find the definition that a module means by an expression or an annotation, or ''."""
        text = ast.unparse(node).strip('\'"').removesuffix(' | None') if node else ''
        first, dot, rest = text.partition('.')
        return self.resolve(self.names[module].get(first, f'{module}.{first}') + dot + rest)

    def method(self, owner: str, name: str) -> str:
        """Find a method of a class or of those that it inherits from, or ''."""
        if f'{owner}.{name}' in self.defined or not self.is_class(owner):
            return f'{owner}.{name}' if f'{owner}.{name}' in self.defined else ''
        module, _, node = self.defined[owner]
        found = (self.method(self.named(base, module), name) for base in node.bases)
        return next(filter(None, found), '')

    def is_class(self, name: str) -> bool:
        return name in self.defined and isinstance(self.defined[name].node, ast.ClassDef)


class Body:
    """What is known inside one function: the names of the argument, and the classes of others."""

    def __init__(self, walk: 'Walk', name: str, names: set[str]) -> None:
        """Start with the names of the parameters that are the argument."""
        self.walk, self.package, self.name, self.names = walk, walk.package, name, names
        self.function = self.package.defined[name]
        self.classes = {one.arg: self.package.named(one.annotation, self.function.module)
                        for one in _parameters(self.function.node)}
        self.classes['self'] = self.function.owner

    def visit(self, node: ast.AST) -> None:
        """Go through a node in the order in which it is written, inner calls first."""
        fields = dict(ast.iter_fields(node))
        if type(node) in BINDERS:
            targets, source = (fields.pop(name) for name in BINDERS[type(node)])
            if source and targets:
                self.visit(source)
                self.bind(targets, source, isinstance(node, (ast.For, ast.comprehension)))
        for field in fields.values():
            for child in field if isinstance(field, list) else [field]:
                if isinstance(child, ast.AST):
                    self.visit(child)
        if isinstance(node, ast.Call):
            self.call(node)
        elif isinstance(node, (ast.Return, ast.Yield)) and node.value and self.holds(node.value):
            self.walk.giving.add(self.name)

    def bind(self, targets: ast.expr | list[ast.expr], source: ast.expr, loop: bool) -> None:
        """Name the argument anew; a loop over something else takes its name away."""
        for target in targets if isinstance(targets, list) else [targets]:
            if isinstance(target, ast.Tuple) and isinstance(source, ast.Tuple):
                for one, its in zip(target.elts, source.elts, strict=False):
                    self.bind(one, its, loop)
                continue
            new = isinstance(source, ast.Call) and self.package.is_class(self.callee(source.func))
            names = {one.id for one in ast.walk(target)
                     if isinstance(one, ast.Name) and isinstance(one.ctx, ast.Store)}
            if self.holds(source) and not new:  # a new object: there it is put down
                self.names |= names
            elif loop:
                self.names -= names
            if isinstance(target, ast.Name) and not loop:
                self.classes[target.id] = self.class_of(source)

    def holds(self, node: ast.AST) -> bool:
        """Tell whether a value is the argument, a part of it, or holds it."""
        if isinstance(node, ast.Name):
            return node.id in self.names
        if isinstance(node, ast.Call):
            callee = self.callee(node.func)
            if self.package.is_class(callee) or callee in self.walk.giving:
                return any(map(self.holds, [*node.args, *(one.value for one in node.keywords)]))
            return not callee and isinstance(node.func, ast.Attribute) and self.holds(node.func)
        return not isinstance(node, (ast.JoinedStr, ast.Compare, ast.comprehension)) and any(
            map(self.holds, ast.iter_child_nodes(node)))

    def call(self, node: ast.Call) -> None:
        """Follow a call that is handed the argument, if its function is one of the package."""
        callee = self.callee(node.func)
        if self.package.is_class(callee):
            callee = self.package.method(callee, '__init__')
        if callee and (handed := self.handed(node, self.package.defined[callee])):
            self.walk.enter(callee, handed)

    def handed(self, call: ast.Call, function: Definition) -> set[str]:
        """Name the parameters by which a function is handed the argument."""
        by_place = [*function.node.args.posonlyargs, *function.node.args.args]
        static = 'staticmethod' in map(ast.unparse, function.node.decorator_list)
        places = [one.arg for one in by_place][bool(function.owner and not static):]
        given = [*zip(places, call.args, strict=False),
                 *((one.arg, one.value) for one in call.keywords if one.arg)]
        return {name for name, value in given if self.holds(value)}

    def callee(self, node: ast.expr) -> str:
        """Find the full name of what is called, '' where the text does not tell."""
        if isinstance(node, ast.Attribute) and (owner := self.class_of(node.value)):
            return self.package.method(owner, node.attr)
        return self.package.named(node, self.function.module)

    def class_of(self, node: ast.expr) -> str:
        """Find the class of a name, of a new object, or of an attribute that __init__ sets."""
        if isinstance(node, ast.Name):
            return self.classes.get(node.id, '')
        if isinstance(node, ast.Call):
            callee = self.callee(node.func)
            return callee if self.package.is_class(callee) else ''
        maker = ''
        if isinstance(node, ast.Attribute) and ast.unparse(node.value) == 'self':
            maker = self.package.method(self.function.owner, '__init__')
        for one in ast.walk(self.package.defined[maker].node) if maker else ():
            if isinstance(one, ast.Assign) and ast.unparse(one.targets[0]) == ast.unparse(node):
                return Body(self.walk, maker, set()).class_of(one.value)
        return ''


class Walk:
    """One argument by name through the calls; a function is walked once for each parameter."""

    def __init__(self, package: Package) -> None:
        """Start with no stay."""
        self.package = package
        self.stays: list[str] = []
        self.giving: set[str] = set()  # functions that return the argument
        self.walked: set[tuple[str, str]] = set()

    def enter(self, name: str, parameters: set[str]) -> None:
        """Stay in the file of a function that is handed the argument, and walk what is new."""
        function = self.package.defined[name]
        if self.stays[-1:] != [function.module]:
            self.stays.append(function.module)
        fresh = {one for one in parameters if (name, one) not in self.walked}
        self.walked |= {(name, one) for one in fresh}
        body = Body(self, name, fresh)
        for statement in function.node.body if fresh else ():
            body.visit(statement)


def call_path(root: Path, file: str, function: str, parameter: str) -> CallPath:
    """Follow an argument of a function of a file through the calls that the text tells."""
    package = Package(root)
    walk = Walk(package)
    walk.enter(f'{_dotted(Path(file))}.{function}', {parameter})
    height = heights(package.layers())
    floors = [height[layer_of(module)] for module in walk.stays]
    stays = [str(package.files[module].relative_to(root / NAME)) for module in walk.stays]
    return CallPath(stays, sum(later > one for one, later in pairwise(floors)))


def reach(graph: Graph, start: str) -> set[str]:
    """Find all that lies below a node; itself only if it is in a cycle."""
    found: set[str] = set()
    left = list(graph[start])
    while left:
        if (node := left.pop()) not in found:
            found.add(node)
            left += graph.get(node, ())
    return found


def cycles(graph: Graph) -> list[tuple[str, ...]]:
    """List the groups of nodes that all reach each other."""
    below = {node: reach(graph, node) for node in graph}
    return sorted({tuple(sorted(one for one in found if node in below[one]))
                   for node, found in below.items() if node in found})


def heights(graph: Graph) -> dict[str, int]:
    """Give the longest path down from each node; those of a cycle have one height."""
    together = {node: set(group) for group in cycles(graph) for node in group}

    @cache
    def height(node: str) -> int:
        group = together.get(node, {node})
        below = {one for member in group for one in graph[member]} - group
        return 1 + max(map(height, below), default=-1)
    return {node: height(node) for node in graph}


def upward_imports(root: Path, package: Package) -> list[str]:
    """List the imports of a layer that may, by the table, itself import the one that imports."""
    constants = {ast.unparse(node.targets[0] if isinstance(node, ast.Assign) else node.target):
                 node.value for node in ast.parse((root / RULES).read_text(encoding='utf-8')).body
                 if isinstance(node, (ast.Assign, ast.AnnAssign)) and node.value}
    table: dict[str, set[str]] = ast.literal_eval(constants['MAY_IMPORT'])
    if 'EVERYTHING' in constants:  # the layer that may import all others
        table[ast.literal_eval(constants['EVERYTHING'])] = set(table)
    below = {layer: reach(table, layer) for layer in table}
    return [f'{module} imports {other}' for module, imported in package.imports().items()
            for other in sorted(imported) if layer_of(module) in below.get(layer_of(other), ())]


def layer_of(module: str) -> str:
    return module.split('.')[1] if '.' in module else '__init__'


class Structure:
    """What is counted in a checkout; modules have their full names."""

    def __init__(self, root: Path) -> None:
        """Count everything."""
        package = Package(root)
        self.all = {module: len(file.read_text(encoding='utf-8').splitlines())
                    for module, file in package.files.items()}
        self.modules = {module: lines for module, lines in self.all.items()
                        if package.files[module].name not in ENTRY_FILES}
        self.short = sorted(name for name, lines in self.modules.items() if lines < SHORT)
        nodes = [node for tree in package.trees.values() for node in ast.walk(tree)]
        self.functions = [_length(node) for node in nodes if isinstance(node, FUNCTION)]
        self.import_lines = sum(_length(node) for node in nodes
                                if isinstance(node, (ast.Import, ast.ImportFrom)))
        imports = package.imports()
        self.cycles, self.upward = cycles(imports), upward_imports(root, package)
        importers = Counter(one for imported in imports.values() for one in imported)
        self.imported_once = sorted(name for name, count in importers.items() if count == 1)
        layers = Counter[str]()
        for module, lines in self.all.items():
            layers[layer_of(module)] += lines
        self.shares = {name: lines / layers.total() for name, lines in layers.most_common()}


def report(root: Path, verbose: bool) -> Iterator[str]:
    """Write the table of a checkout, and what lies behind its numbers."""
    found = Structure(root)
    lines, functions = list(found.modules.values()), found.functions
    paths = [(path[0], call_path(root, *path)) for path in PATHS if (root / path[0]).exists()]
    yield from ('| | |', '|---|---|')
    yield f'| modules (with `__init__.py`) | {len(found.modules)} ({len(found.all)}) |'
    yield f'| lines | {sum(found.all.values())} |'
    yield f'| modules under {SHORT} lines | {len(found.short)} |'
    yield f'| lines/module: median, p95 | {median(lines):g}, {_p95(lines):.0f} |'
    yield (f'| lines/function: median, p95, max | {median(functions):g}, {_p95(functions):.0f}, '
           f'{max(functions)} |')
    yield f'| import cycles | {len(found.cycles)} |'
    yield f'| imports from a lower to a higher layer | {len(found.upward)} |'
    yield '| largest top-level package | {} {:.1%} |'.format(*next(iter(found.shares.items())))
    yield f'| modules with exactly one importer | {len(found.imported_once)} |'
    yield f'| import lines | {found.import_lines} |'
    for file, path in paths:
        yield (f'| call path of {file}: stays, files, returns, climbs | {len(path.stays)}, '
               f'{path.files}, {path.returns}, {path.climbs} |')
    yield from ('', *map(' <-> '.join, found.cycles), *found.upward)
    yield ', '.join(f'{name} {share:.1%}' for name, share in found.shares.items())
    if verbose:
        yield from (f'\nunder {SHORT} lines:', *found.short)
        yield from ('\none importer:', *found.imported_once)
        for file, path in paths:
            yield from (f'\n{file}:', *path.stays)


def _p95(numbers: list[int]) -> float:
    return quantiles(numbers, n=20)[-1]


def _length(node: ast.stmt) -> int:
    return (node.end_lineno or node.lineno) - node.lineno + 1


def _dotted(file: Path) -> str:
    return '.'.join(file.with_suffix('').parts).removesuffix('.__init__')


def _imported(tree: ast.Module) -> Iterator[tuple[str, str]]:
    """Give each name that is imported anywhere in a module, and the full name of what it is."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            yield from ((one.asname or one.name, f'{node.module}.{one.name}')
                        for one in node.names)
        elif isinstance(node, ast.Import):
            yield from ((one.asname or one.name, one.name) for one in node.names)


def _definitions(module: str, owner: str, tree: ast.AST) -> Iterator[tuple[str, Definition]]:
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, (*FUNCTION, ast.ClassDef)):
            name = f'{owner or module}.{node.name}'
            yield name, Definition(module, owner, node)
            if isinstance(node, ast.ClassDef):
                yield from _definitions(module, name, node)


def _parameters(function: ast.FunctionDef | ast.AsyncFunctionDef) -> list[ast.arg]:
    return [*function.args.posonlyargs, *function.args.args, *function.args.kwonlyargs]


if __name__ == '__main__':
    parser = argparse.ArgumentParser(description='Measure how the package is built.')
    parser.add_argument('--root', type=Path, default=ROOT, help='a checkout (default: this one)')
    parser.add_argument('-v', action='store_true', help='name the modules and the stays')
    arguments = parser.parse_args()
    print(*report(arguments.root, arguments.v), sep='\n')
