# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""The site of the documentation: strict build, links, nothing from another server."""
from html.parser import HTMLParser
import os
from pathlib import Path
import re
import subprocess
import sys
from urllib.parse import unquote, urlsplit

import pytest
from source_tree import ROOT

pytest.importorskip('mkdocs', reason="needs pip install -e '.[docs]'")
LOADED = {('img', 'src'), ('script', 'src'), ('link', 'href')}  # by the browser itself
NO_FILES = {'canonical', 'prev', 'next', 'edit'}  # rel of a link that loads nothing


class Html(HTMLParser):
    """The links, the loaded files and the anchors of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.links: list[str] = []
        self.loaded: list[str] = []
        self.anchors: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value or '' for name, value in attrs}
        self.anchors += [values[name] for name in ('id', 'name') if name in values]
        for name in {'href', 'src'} & values.keys():
            loads = (tag, name) in LOADED and values.get('rel') not in NO_FILES
            (self.loaded if loads else self.links).append(values[name])


@pytest.fixture(scope='module')
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp('site')
    done = subprocess.run(
        [sys.executable, '-m', 'mkdocs', 'build', '--strict', '--quiet', '--site-dir', folder],
        cwd=ROOT, capture_output=True, text=True, env={**os.environ, 'NO_MKDOCS_2_WARNING': '1'})
    assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture(scope='module')
def pages(site: Path) -> dict[Path, Html]:
    return {path: Html(path.read_text(encoding='utf-8')) for path in site.rglob('*.html')
            if path.name != '404.html'}  # its links are absolute, as a server needs them


def target_of(page: Path, link: str) -> tuple[Path, str]:
    parts = urlsplit(link)
    return (page.parent / unquote(parts.path)).resolve() if parts.path else page, parts.fragment


def test_every_internal_link_and_anchor_of_the_site_works(pages: dict[Path, Html]) -> None:
    broken = []
    for page, html in pages.items():
        for link in [*html.links, *html.loaded]:
            if urlsplit(link).scheme:
                continue
            path, anchor = target_of(page, link)
            if not path.exists() or (anchor and path in pages
                                     and anchor not in pages[path].anchors):
                broken.append(f'{page.name}: {link}')
    assert broken == [] and len(pages) > 30


def test_a_page_loads_nothing_from_another_server(pages: dict[Path, Html], site: Path) -> None:
    outside = {link for html in pages.values() for link in html.loaded if urlsplit(link).netloc}
    assert outside == set()
    for sheet in site.rglob('*.css'):
        assert re.findall(r'(?:url\(|@import )["\']?http', sheet.read_text()) == [], sheet


def test_every_page_has_one_title(pages: dict[Path, Html], site: Path) -> None:
    many = [str(path.relative_to(site)) for path in pages
            if len(re.findall(r'<h1\b', path.read_text(encoding='utf-8'))) != 1]
    assert many == []


def test_a_link_to_a_page_has_its_title(pages: dict[Path, Html]) -> None:
    assert [page.name for page in pages
            if re.search(r'<a [^>]*>[\w./]+\.md</a>', page.read_text(encoding='utf-8'))] == []


def test_a_formula_needs_no_script(site: Path) -> None:
    text = (site / 'uncertainty.html').read_text(encoding='utf-8')
    assert text.count('<div class="math"><math') == 4


def test_a_figure_is_a_link_to_its_image(site: Path) -> None:
    text = (site / 'alarm.html').read_text(encoding='utf-8')
    assert re.search(r'<a href="alarm.png"><img [^>]*src="alarm.png"', text)
    assert (site / 'alarm.png').is_file()


def test_a_linked_source_file_is_a_page_with_its_text(site: Path) -> None:
    text = (site / 'source/bdl_perception/alarm/cusum.py.html').read_text(encoding='utf-8')
    assert 'SPDX-License-Identifier' in text
    assert 'source/bdl_perception/alarm/cusum.py.html' in (
        site / 'alarm.html').read_text(encoding='utf-8')


def test_a_link_that_leads_nowhere_is_found() -> None:
    html = Html('<h2 id="a"></h2><a href="b.html#c">d</a><img src="http://e/f.png">')
    assert (html.anchors, html.links, html.loaded) == (['a'], ['b.html#c'], ['http://e/f.png'])
