# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""The words of a command that make the same again, taken from what its parser knows."""
import argparse
import shlex
from typing import Any, Callable

Declare = Callable[[argparse.ArgumentParser], None]


def shown_words(name: str, declare: Declare, arguments: argparse.Namespace) -> str:
    """
    Write `bdl name` with every argument that is not its default.

    No option is named here, so none can be forgotten: what declare() gives the parser is shown.
    """
    parser = argparse.ArgumentParser(add_help=False)
    declare(parser)
    words = ['bdl', name]
    for action in sorted(parser._actions, key=lambda action: bool(action.option_strings)):
        words += _words(action, getattr(arguments, action.dest))
    return shlex.join(words)


def _words(action: argparse.Action, value: Any) -> list[str]:
    if not action.option_strings:
        return [str(one) for one in (value if isinstance(value, list) else [value])]
    if value == action.default:
        return []
    option = action.option_strings[-1]
    if action.nargs == 0:  # a switch
        return [option]
    texts = [str(one) for one in (value if isinstance(value, list) else [value])]
    if len(texts) == 1 and texts[0].startswith('-'):
        return [f'{option}={texts[0]}']  # else it would be taken for an option
    return [option, *texts]
