# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""The words that are shown with numbers are read back to the very arguments that made them."""
import argparse
import shlex
from typing import Any

from bdl_perception.cli import evaluate
from bdl_perception.cli.shown_words import shown_words
import pytest

OTHER = {int: '7', float: '.5', None: 'other'}  # type of an option -> a word for it


def parsed(declare: Any, words: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    declare(parser)
    return parser.parse_args(words)


def every_word() -> list[str]:
    """Say something else than the default for every option of `bdl evaluate`."""
    parser = argparse.ArgumentParser(add_help=False)
    evaluate.add_arguments(parser)
    words = ['street', 'one drive', 'two']
    for action in parser._actions:
        if action.option_strings:
            word = action.choices[-1] if action.choices else OTHER.get(action.type, 'other')
            words += [action.option_strings[-1], str(word)]
    return words


def test_no_option_of_an_evaluation_is_forgotten() -> None:
    given = parsed(evaluate.add_arguments, every_word())
    shown = shlex.split(shown_words('evaluate', evaluate.add_arguments, given))
    assert shown[:5] == ['bdl', 'evaluate', 'street', 'one drive', 'two']
    assert parsed(evaluate.add_arguments, shown[2:]) == given
    assert {'--threads', '--processes', '--keep', '--provider'} <= set(shown)


def test_what_is_the_default_is_left_out() -> None:
    given = parsed(evaluate.add_arguments, ['street', 'drives', '--out', 'o', '--samples', '16'])
    assert shown_words('evaluate', evaluate.add_arguments, given) == (
        'bdl evaluate street drives --out o')


def declare(parser: argparse.ArgumentParser) -> None:
    parser.add_argument('first')
    parser.add_argument('--fast', action='store_true')
    parser.add_argument('--shift', type=float, default=0.)
    parser.add_argument('--text', default='')
    parser.add_argument('--many', nargs='+', default=[])


@pytest.mark.parametrize('words', [
    ['a', '--fast'], ['a', '--shift', '-2.5'], ['a', '--text=-x y'],
    ['a', '--many', 'b', 'c'], ['a b']])
def test_switches_lists_and_dashes_come_back(words: list[str]) -> None:
    given = parsed(declare, words)
    assert parsed(declare, shlex.split(shown_words('try', declare, given))[2:]) == given
