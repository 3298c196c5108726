# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""Identifiers and texts use the terms of the field."""
import io
from pathlib import Path
import re
import tokenize

import pytest
from source_tree import files, ROOT

# word that readers must guess -> term
TERMS = {
    'strange': 'out-of-distribution', 'strangeness': 'anomaly score', 'wish': 'target',
    'wished': 'requested', 'told': 'reported', 'said': 'reported', 'look': 'predict',
    'ignorance': 'epistemic uncertainty', 'believe': 'confidence', 'odd': 'outlier',
    'kept': 'cached or valid', 'seen': 'observed', 'stated': 'declared', 'soonest': 'min delay',
    'taught': 'trained', 'judged': 'evaluated', 'picture': 'frame or image',
    'pictures': 'frames or images',
}
# nn.Module names that are keys of the shipped weights.pt; they cannot be renamed
BOUND_TO_WEIGHTS = {'look'}
PROSE = ('strange', 'strangeness', 'ignorance', 'wish', 'wished', 'taught', 'nobody', 'picture',
         'pictures', 'soonest', 'judged')
PAGES = [ROOT / 'README.md', ROOT / 'CONTRIBUTING.md', *sorted((ROOT / 'docs').rglob('*.md'))]


def identifiers(text: str) -> set[str]:
    return {token.string for token in tokenize.generate_tokens(io.StringIO(text).readline)
            if token.type == tokenize.NAME}


def private_words(name: str) -> set[str]:
    return set(name.lower().split('_')) & TERMS.keys()


@pytest.mark.parametrize('file', [*files(), *sorted((ROOT / 'test').rglob('*.py')),
                                  *sorted((ROOT / 'examples').glob('*.py'))],
                         ids=lambda file: str(file.relative_to(ROOT)))
def test_identifiers_are_terms_of_the_field(file: Path) -> None:
    found = {name: [TERMS[word] for word in private_words(name)]
             for name in identifiers(file.read_text(encoding='utf-8')) - BOUND_TO_WEIGHTS
             if private_words(name)}
    assert found == {}


@pytest.mark.parametrize('file', [*files(), *PAGES], ids=lambda file: str(file.relative_to(ROOT)))
def test_texts_use_the_terms_of_the_field(file: Path) -> None:
    words = set(re.findall(r'[a-z]+', file.read_text(encoding='utf-8').lower()))
    assert words & set(PROSE) == set()


def test_the_check_finds_a_private_word() -> None:
    assert private_words('strange_drives') == {'strange'}
    assert private_words('outlook') == set()
