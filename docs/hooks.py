# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""
Hooks of MkDocs: what the site needs beside docs/.

The pages link to files outside docs/, as GitHub and editors want it. PAGES become pages of the
site. Every other linked file becomes a page with its text, below source/. Formulas in fences
named `math` become MathML, which a browser draws without a script. A click on a figure opens the
image alone, which a phone can enlarge.
"""
import os
from pathlib import Path, PurePosixPath
import re

from latex2mathml.converter import convert
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT = Path(__file__).parent.parent
PAGES = {'README.md': 'overview.md', 'CONTRIBUTING.md': 'contributing.md',
         'SECURITY.md': 'security.md', 'QUALITY_DECLARATION.md': 'quality.md',
         'bdl_perception/models/road/MODEL_CARD.md': 'model_card_road.md',
         'bdl_perception/models/street/MODEL_CARD.md': 'model_card_street.md'}
LINK = re.compile(r'(\[[\w./]+\.md)?\]\(([^)\s#]+)')  # with its text, if that is a file name
FIGURE = re.compile(r'<p>(<img [^>]*src="([^"]+)"[^>]*>)</p>')  # an image alone in a paragraph
LANGUAGES = {'.py': 'python', '.yaml': 'yaml', '.rviz': 'yaml', '.cff': 'yaml', '.xml': 'xml',
             '.rst': 'rst', '.ipynb': 'json'}
SOURCE_PAGE = """---
title: {path}
search:
  exclude: true
hide: [navigation, toc]
---
# {path}

``````{language}
{text}
``````
"""


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Let fences named math become MathML."""
    config.mdx_configs.setdefault('pymdownx.superfences', {})['custom_fences'] = [
        {'name': 'math', 'class': 'math', 'format': _formula}]
    return config


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages outside docs/, and a page for each other linked file outside docs/."""
    for path, name in PAGES.items():
        files.append(File.generated(config, name, abs_src_path=str(ROOT / path)))
    linked = {target for file in files.documentation_pages()
              for _, link in LINK.findall(file.content_string)
              if (target := _target(_source(file.src_uri), link)) and _is_source(target)}
    for target in sorted(linked):
        files.append(File.generated(config, f'source/{target}.md', content=SOURCE_PAGE.format(
            path=target, language=LANGUAGES.get(PurePosixPath(target).suffix, 'text'),
            text=(ROOT / target).read_text(encoding='utf-8'))))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Point each link at the page of the site; a broken link is left for MkDocs to report."""
    here = page.file.src_uri
    if here.startswith('source/'):
        return markdown

    def replaced(match: re.Match[str]) -> str:
        text, link = match.groups(default='')
        target = _target(_source(here), link)
        if target is None:
            return match[0]
        if target in PAGES:
            uri = PAGES[target]
        elif target.startswith('docs/'):
            uri = target.removeprefix('docs/')
        else:
            uri = f'source/{target}.md'
        title = f'[{_title(target)}' if text else ''
        return f'{title}]({os.path.relpath(uri, os.path.dirname(here) or ".")}'

    return LINK.sub(replaced, markdown)


def on_page_content(html: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Link each figure to its image."""
    return FIGURE.sub(r'<p><a href="\2">\1</a></p>', html)


def _formula(source: str, *_: object, **__: object) -> str:
    return f'<div class="math">{convert(source, display="block")}</div>'


def _title(path: str) -> str:
    """Return the first heading of a page."""
    text = (ROOT / path).read_text(encoding='utf-8')
    return next(line[2:] for line in text.splitlines() if line.startswith('# '))


def _source(uri: str) -> str:
    """Return the path in the checkout of a page of the site."""
    return {page: path for path, page in PAGES.items()}.get(uri, f'docs/{uri}')


def _target(source: str, link: str) -> str | None:
    """Return the path in the checkout of a link; None of an address and of a broken link."""
    path = os.path.normpath(os.path.join(os.path.dirname(source), link))
    return None if ':' in link or not (ROOT / path).is_file() else path


def _is_source(path: str) -> bool:
    return path not in PAGES and not path.startswith('docs/')
