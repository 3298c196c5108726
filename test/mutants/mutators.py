# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""
Mutants of a module: syntax trees that differ from it in one place.

mutmut leaves out functions with decorators, default values and constants of modules. Half of the
alarm's evidence is properties, and a policy is default values, so these are changed here too.
"""
import ast
from collections import Counter
from copy import copy
import hashlib
from typing import Any, Iterator, NamedTuple

COMPARISONS: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt, ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq, ast.Is: ast.IsNot, ast.IsNot: ast.Is, ast.In: ast.NotIn, ast.NotIn: ast.In}
OPERATORS: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Div, ast.Div: ast.Mult,
    ast.FloorDiv: ast.Mult, ast.Mod: ast.Mult, ast.Pow: ast.Mult, ast.BitOr: ast.BitAnd,
    ast.BitAnd: ast.BitOr}
FUNCTIONS = {'min': 'max', 'max': 'min', 'any': 'all', 'all': 'any'}
CHECKS = ('strict',)  # of zip: a check of ourselves, of lengths that are always equal
LEVELS = ('OK', 'WARN', 'ERROR', 'STALE')  # of AlertLevel
SCOPES = (ast.FunctionDef, ast.ClassDef)
NOT_CODE = ('annotation', 'returns', 'decorator_list', 'bases')  # fields; executed at import


class Mutant(NamedTuple):
    """One change; the tree holds it only until the next one is asked for."""

    name: str  # where and what, without the number of the line; different for each mutant
    line: int
    function: int | None  # first line of the function, as in its code object; None: of the module
    path: tuple[str, ...]  # names from the module to the outermost function
    digest: str  # of that function or statement, unchanged


def mutants(tree: ast.Module) -> Iterator[Mutant]:
    """Change a tree in one place after the other; every change is undone before the next."""
    counts: Counter[str] = Counter()
    digests = {node: hashlib.sha256(ast.dump(node).encode()).hexdigest()[:16]
               for node in ast.walk(tree) if isinstance(node, ast.stmt)}
    for scopes, parent, field, index, node in _places(tree, ()):
        for new in _variants(node):
            before = ast.unparse(_shown(parent, node, node))
            _put(parent, field, index, ast.copy_location(new, node))
            ast.fix_missing_locations(tree)
            after = ast.unparse(_shown(parent, node, new))
            name = f'{".".join(scope.name for scope in scopes) or "module"}: {before} -> {after}'
            counts[name] += 1
            name += f' #{counts[name]}' if counts[name] > 1 else ''
            try:
                yield Mutant(name, node.lineno, _first_line(scopes, parent), _path(scopes),
                             digests[scopes[-1]] if scopes else '')
            finally:
                _put(parent, field, index, node)


def _places(parent: ast.AST, scopes: tuple[Any, ...]) -> Iterator[
        tuple[tuple[Any, ...], ast.AST, str, int | None, Any]]:
    """Walk over the nodes with the scopes around them; leave out docstrings and annotations."""
    inner = (*scopes, parent) if isinstance(parent, SCOPES) else scopes
    for field, value in ast.iter_fields(parent):
        if field in NOT_CODE:
            continue
        for index, node in enumerate(value) if isinstance(value, list) else [(None, value)]:
            if isinstance(node, (ast.expr, ast.stmt)) and not _is_left_out(node):
                yield inner, parent, field, index, node
            if isinstance(node, ast.AST) and not _is_left_out(node):
                yield from _places(node, inner)


def _is_left_out(node: ast.AST) -> bool:
    """Return whether a node is a docstring, an import or a check of ourselves: not changed."""
    return (isinstance(node, ast.keyword) and node.arg in CHECKS
            or isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
            or isinstance(node, (ast.Import, ast.ImportFrom)))


def _shown(parent: ast.AST, node: ast.AST, now: Any) -> ast.AST:
    """Return what shows a change: a constant says more with the expression around it."""
    if isinstance(node, (ast.If, ast.While)):
        shown: ast.AST = now.test
        return shown
    is_constant = isinstance(node, ast.Constant) and isinstance(parent, (ast.expr, ast.keyword))
    return parent if is_constant else now


def _first_line(scopes: tuple[Any, ...], parent: ast.AST) -> int | None:
    """Return the first line of the innermost function; default values are of the module."""
    if isinstance(parent, ast.arguments):
        scopes = scopes[:-1]
    functions = [scope for scope in scopes if isinstance(scope, ast.FunctionDef)]
    if not functions:
        return None
    return min([functions[-1].lineno, *(one.lineno for one in functions[-1].decorator_list)])


def _path(scopes: tuple[Any, ...]) -> tuple[str, ...]:
    """Return the names from the module to the outermost function."""
    outer = next((index for index, scope in enumerate(scopes, start=1)
                  if isinstance(scope, ast.FunctionDef)), len(scopes))
    return tuple(scope.name for scope in scopes[:outer])


def _put(parent: ast.AST, field: str, index: int | None, node: ast.AST) -> None:
    if index is None:
        setattr(parent, field, node)
    else:
        getattr(parent, field)[index] = node


def _with(node: Any, **changes: Any) -> Any:
    """Return a copy of a node with some of its fields changed."""
    new = copy(node)
    for name, value in changes.items():
        setattr(new, name, value)
    return new


def _variants(node: Any) -> Iterator[Any]:
    """Return what may stand in the place of a node, each a plausible mistake."""
    find = {ast.Constant: _constants, ast.Compare: _comparisons, ast.BoolOp: _conditions,
            ast.BinOp: _operations, ast.AugAssign: _operations, ast.UnaryOp: _signs,
            ast.If: _branches, ast.IfExp: _branches, ast.While: _branches, ast.Call: _calls,
            ast.Attribute: _attributes, ast.Return: _results, ast.ListComp: _filters,
            ast.DictComp: _filters, ast.GeneratorExp: _filters, ast.Assign: _assignments,
            ast.Expr: _assignments, ast.JoinedStr: _formats}.get(type(node))
    if find:
        yield from find(node)


def _constants(node: ast.Constant) -> Iterator[ast.expr]:
    value = node.value
    if isinstance(value, bool):
        yield ast.Constant(not value)
    elif isinstance(value, (int, float)):
        yield ast.Constant(value + 1)
    elif isinstance(value, str):
        yield ast.Constant(f'XX{value}XX')


def _formats(node: ast.JoinedStr) -> Iterator[ast.expr]:
    """Leave out each value of a text; its words are constants of their own."""
    for index, value in enumerate(node.values):
        if isinstance(value, ast.FormattedValue):
            yield _with(node, values=[*node.values[:index], *node.values[index + 1:]])


def _comparisons(node: ast.Compare) -> Iterator[ast.expr]:
    for index, operator in enumerate(node.ops):
        new = COMPARISONS[type(operator)]()
        yield _with(node, ops=[*node.ops[:index], new, *node.ops[index + 1:]])


def _conditions(node: ast.BoolOp) -> Iterator[ast.expr]:
    yield _with(node, op=ast.Or() if isinstance(node.op, ast.And) else ast.And())
    for index in range(len(node.values)):
        rest = [*node.values[:index], *node.values[index + 1:]]
        yield rest[0] if len(rest) == 1 else _with(node, values=rest)


def _operations(node: ast.BinOp | ast.AugAssign) -> Iterator[ast.AST]:
    if type(node.op) in OPERATORS:
        yield _with(node, op=OPERATORS[type(node.op)]())
    if isinstance(node, ast.AugAssign):
        yield ast.Pass()


def _signs(node: ast.UnaryOp) -> Iterator[ast.expr]:
    yield node.operand


def _branches(node: Any) -> Iterator[Any]:
    yield _with(node, test=ast.UnaryOp(ast.Not(), node.test))


def _calls(node: ast.Call) -> Iterator[ast.expr]:
    name = node.func.id if isinstance(node.func, ast.Name) else ''
    if name in FUNCTIONS:
        yield _with(node, func=ast.Name(FUNCTIONS[name], ast.Load()))
    if name in ('abs', 'round'):
        yield node.args[0]
    for index, keyword in enumerate(node.keywords):  # the default value instead
        if keyword.arg and keyword.arg not in CHECKS:
            yield _with(node, keywords=[*node.keywords[:index], *node.keywords[index + 1:]])


def _attributes(node: ast.Attribute) -> Iterator[ast.expr]:
    if isinstance(node.value, ast.Name) and node.value.id == 'AlertLevel' and node.attr in LEVELS:
        yield _with(node, attr=LEVELS[LEVELS.index(node.attr) - 1])


def _results(node: ast.Return) -> Iterator[ast.stmt]:
    if node.value is not None and not (isinstance(node.value, ast.Constant)
                                       and node.value.value is None):
        yield ast.Return(None)


def _filters(node: Any) -> Iterator[Any]:
    """Leave out each condition of a comprehension."""
    for number, clause in enumerate(node.generators):
        for index in range(len(clause.ifs)):
            new = _with(clause, ifs=[*clause.ifs[:index], *clause.ifs[index + 1:]])
            yield _with(node, generators=[*node.generators[:number], new,
                                          *node.generators[number + 1:]])


def _assignments(node: ast.Assign | ast.Expr) -> Iterator[ast.stmt]:
    """Leave out a change of an object, or a call; without a local name nothing runs at all."""
    if isinstance(node, ast.Expr) or any(isinstance(target, (ast.Attribute, ast.Subscript))
                                         for target in node.targets):
        yield ast.Pass()
