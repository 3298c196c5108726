# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""A page in headless Chromium: its layout and the messages of its console."""
import html
import json
import os
from pathlib import Path
import re
import shutil
import subprocess
from typing import Any, NamedTuple, Sequence

CHROMIUM = shutil.which('chromium') or shutil.which('chromium-browser') or shutil.which(
    'google-chrome')
PROBE = """
const probe = (page) => {
const drawn = (image) => image.tagName === 'IMG' ? image.naturalWidth > 0
  : image.getBoundingClientRect().width > 50 && image.getBBox().width > 50;
const images = [...page.querySelectorAll('img, svg')].filter(one => !one.closest('svg svg'));
const ids = [...page.querySelectorAll('[id]')].map(one => one.id);
return {
  images: images.length, undrawn: images.filter(one => !drawn(one)).length,
  unnamed: images.filter(one => !one.closest('[role=img][aria-label]')).length,
  duplicates: ids.filter((id, i) => ids.indexOf(id) !== i),
  broken: [...page.querySelectorAll('a[href^="#"]')].map(one => one.getAttribute('href'))
    .filter(href => !page.getElementById(href.slice(1))),
  headings: [...page.querySelectorAll('h1, h2, h3')].map(one => one.tagName + one.textContent),
  uncaptioned: page.querySelectorAll('table:not(:has(> caption))').length,
  width: page.documentElement.clientWidth, needed: page.documentElement.scrollWidth,
  smallest: Math.min(...[...page.querySelectorAll('svg text')].map(
    one => one.getBoundingClientRect().height)),
  text: page.body.innerText,
};};
document.getElementById('layouts').textContent = JSON.stringify(
  [...document.querySelectorAll('iframe')].map(one => probe(one.contentDocument)));
"""


class PageReport(NamedTuple):
    """What the browser measured."""

    layouts: list[dict[str, Any]]  # for each width
    messages: list[str]  # of the console


def inspect_page(page: Path, widths: Sequence[int], folder: Path) -> PageReport:
    """Open a page at each width (px); folder is for the files of the browser."""
    assert CHROMIUM is not None
    frame = folder / 'frames.html'
    text = html.escape(page.read_text(encoding='utf-8'))
    frame.write_text(
        '<!doctype html>' + ''.join(
            f'<iframe style="border:0;width:{width}px;height:900px" srcdoc="{text}"></iframe>'
            for width in widths)
        + f'<pre id="layouts"></pre><script>addEventListener("load", () => {{{PROBE}}});</script>',
        encoding='utf-8')
    done = subprocess.run(
        [CHROMIUM, '--headless', '--no-sandbox', '--disable-gpu', '--no-first-run',
         f'--user-data-dir={folder / "profile"}', '--window-size=1400,1000',
         '--enable-logging=stderr', '--virtual-time-budget=10000', '--dump-dom', frame.as_uri()],
        capture_output=True, text=True, timeout=90, check=True,
        env={**os.environ, 'HOME': str(folder)})
    layouts = re.search(r'<pre id="layouts">(.+?)</pre>', done.stdout, re.DOTALL)
    assert layouts, f'the page did not load: {done.stderr[-2000:]}'
    return PageReport(json.loads(html.unescape(layouts[1])),
                      [line for line in done.stderr.splitlines() if 'CONSOLE' in line])


def take_screenshot(page: Path, width: int, height: int, image: Path, *flags: str) -> None:
    """Write an image of the top of a page."""
    assert CHROMIUM is not None
    frame = image.with_suffix('.html')
    frame.write_text(f'<!doctype html><body style="margin:0"><iframe style="border:0;width:'
                     f'{width}px;height:{height}px" srcdoc="{html.escape(page.read_text())}">'
                     f'</iframe>', encoding='utf-8')
    subprocess.run([CHROMIUM, '--headless', '--no-sandbox', '--disable-gpu', '--hide-scrollbars',
                    f'--window-size={max(width, 600)},{height}', f'--screenshot={image}', *flags,
                    frame.as_uri()], check=True, capture_output=True, timeout=90)
