# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""Examples in the help of every command, and suggestions for misspelt words."""
import importlib
import shlex

from bdl_perception.cli.command_parser import command_parser, EXAMPLES, suggestion
from bdl_perception.cli.main import COMMANDS, main
from bdl_perception.version import software_version
import pytest


@pytest.mark.parametrize('name', COMMANDS)
def test_every_command_has_examples_that_its_parser_accepts(name: str) -> None:
    parser = command_parser(name, COMMANDS[name])
    importlib.import_module(f'bdl_perception.cli.{name}').add_arguments(parser)
    assert EXAMPLES[name]
    for example in EXAMPLES[name]:
        program, command, *words = shlex.split(example)
        assert (program, command) == ('bdl', name)
        parser.parse_args(words)
        assert example in parser.format_help()


@pytest.mark.parametrize(('words', 'message'), [
    (['evalute', 'street'], "there is no command 'evalute'; did you mean evaluate?"),
    (['qqqq'], "there is no command 'qqqq'\n"),
    (['bench', '--quik'], '--quik; did you mean --quick?'),
    (['bench', '--theards=2'], '--theards=2; did you mean --threads?'),
    (['bench', '--zzz'], 'unrecognized arguments: --zzz\n'),
])
def test_a_misspelt_word_gets_a_suggestion(words: list[str], message: str,
                                           capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match='2'):
        main(words)
    assert message in capsys.readouterr().err


def test_a_word_that_resembles_none_gets_no_suggestion() -> None:
    assert suggestion('--zzz', ['--threads', '--quick']) == ''


def test_the_version_is_that_of_the_package(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match='0'):
        main(['--version'])
    assert capsys.readouterr().out == f'bdl_perception {software_version()}\n'
