# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""The page of a replay: its values, and how it works in a browser."""
import html
import json
import os
import re
import subprocess

from bdl_perception.alarm.alert_types import AlertLevel, AlertState
from bdl_perception.evaluation.alert_timeline import AlertTimeline
from bdl_perception.perception.panels import encode_jpeg, PANEL_TITLES
from bdl_perception.report.replay_page import page_values, render_replay_page, ReplayReport
from browser import CHROMIUM
import numpy as np
import pytest

OK, WARN, ERROR, _ = AlertLevel
EVIL = '</script><script>alert("title")</script> & <b>'
CLICK = """
<script>
addEventListener('load', () => setTimeout(() => {
  const image = document.querySelector('img.map'), svg = document.getElementById('timeline');
  const state = () => ({image: image.src, loaded: image.naturalWidth,
    time: document.getElementById('time').textContent,
    level: document.getElementById('level').textContent,
    reasons: document.getElementById('reasons').textContent,
    caution: document.querySelector('#caution:not([hidden])')?.textContent,
    rows: document.getElementById('rows').innerText});
  const key = (name) => document.dispatchEvent(new KeyboardEvent('keydown', {key: name}));
  const settle = () => new Promise((done) => setTimeout(done, 100));
  (async () => {
    const found = {worst: state()};
    const box = svg.getBoundingClientRect();
    svg.dispatchEvent(new PointerEvent('pointerdown', {clientX: box.left + box.width * .32}));
    await settle(); found.clicked = state();
    key('ArrowRight'); await settle(); found.right = state();
    key('Home'); key('ArrowLeft'); await settle(); found.first = state();
    key('End'); await settle(); found.last = state();
    document.querySelectorAll('#worst button')[1].click(); await settle(); found.second = state();
    const curves = () => svg.querySelectorAll('path').length;
    found.curves = [curves()];
    document.querySelector('#legend input').click(); found.curves.push(curves());
    found.levels = document.getElementById('levels').innerText;
    found.overflow = document.documentElement.scrollWidth - document.documentElement.clientWidth;
    const result = document.createElement('pre');
    result.id = 'found'; result.textContent = JSON.stringify(found); document.body.append(result);
  })();
}, 100));
</script>
"""


def made_report(count=200, moments=tuple(range(0, 200, 10)), title='Replay of a drive', **changes):
    """Make a replay of 10 Hz with an ERROR from 10 to 12 s; image i is grey i."""
    timeline, states = AlertTimeline(), {}
    for index in range(count):
        high = 100 <= index < 120
        state = AlertState(ERROR if high else OK, ('unlike the drives',) if high else (),
                           thresholds={'feature': 2., 'entropy': 4.}, cusum=float(high),
                           cusum_limit=2.)
        timeline.append(index * 100_000_000, state,
                        {'feature': 5. if high else 1., 'entropy': 1. + index / 100})
        states[index] = state

    def read_image(index, panel):
        return encode_jpeg(np.full((24, 40, 3), index, np.uint8), 90)

    return ReplayReport(**{'title': title, 'facts': [('model', 'tiny')], 'notes': [],
                           'timeline': timeline, 'states': states, 'moments': moments,
                           'read_image': read_image, **changes})


def test_the_values_have_the_bands_and_the_curves_of_the_drive():
    values = page_values(made_report())
    assert values['bands'] == [[0, 0., 10.], [2, 10., 12.], [0, 12., pytest.approx(19.9)]]
    assert values['curves']['t'][:2] == [0., .1] and len(values['curves']['t']) == 200
    assert {name: row[100] for name, row in values['curves']['y'].items()} == {
        'feature': 2.5, 'entropy': .5, 'evidence': .5}
    assert (values['relative'], values['gaps']) == (False, [])


def test_the_worst_moment_comes_first_and_is_an_error():
    values = page_values(made_report())
    first = values['moments'][values['worst'][0]]
    assert (first['level'], first['t'], first['reasons']) == (2, 10., ('unlike the drives',))
    assert first['rows'][0] == ['feature', 5., 2.5]


def test_a_long_drive_is_drawn_by_the_largest_value_of_each_group():
    timeline = AlertTimeline()
    for index in range(100_000):
        timeline.append(index * 100_000_000, AlertState(OK, (), thresholds={'feature': 1.}),
                        {'feature': 9. if index == 54_321 else .5})
    values = page_values(made_report(timeline=timeline, moments=()))
    assert len(values['curves']['t']) <= 1500
    assert values['curves']['y']['feature'].count(9.) == 1
    assert len(json.dumps(values)) < 100_000


def test_many_changes_of_the_level_are_drawn_by_the_highest_of_each_group():
    timeline = AlertTimeline()
    for index in range(9000):
        timeline.append(index * 100_000_000, AlertState(ERROR if index % 2 else OK, ()), {'a': 1.})
    values = page_values(made_report(timeline=timeline, moments=()))
    assert values['bands'] == [[2, 0., pytest.approx(899.9)]]


def test_a_pause_of_the_recording_is_marked():
    timeline = AlertTimeline()
    for time_s in (0, 1, 2, 12, 13):
        timeline.append(time_s * 10**9, AlertState(OK, ()), {'feature': 1.})
    assert page_values(made_report(timeline=timeline, moments=()))['gaps'] == [[2., 12.]]


def test_a_number_that_is_not_finite_is_null():
    timeline = AlertTimeline()
    state = AlertState(ERROR, ('broken',), thresholds={'feature': 1.})
    for score in (1., float('nan')):
        timeline.append(len(timeline), state, {'feature': score})
    values = page_values(made_report(timeline=timeline, states={1: state}, moments=(1,)))
    assert values['curves']['y']['feature'] == [1., None]
    assert values['moments'][0]['rows'] == [['feature', None, None]]


def test_the_page_loads_nothing_and_no_text_becomes_markup():
    page = render_replay_page(made_report(title=EVIL, notes=[EVIL], facts=[('model', EVIL)]))
    assert "default-src 'none'" in page
    assert not re.search(r'(?:src|href)="(?!data:)|url\(|@import', page)
    assert page.count('<script') == 2 and 'alert("title")' not in page.split('id="data"')[0]
    data = re.search(r'type="application/json">(.*?)</script>', page, re.DOTALL)[1]
    assert json.loads(data)['title'] == EVIL


def test_a_missing_image_is_left_out():
    values = page_values(made_report(read_image=lambda index, panel: None))
    assert values['moments'][0]['images'] == {}
    assert set(page_values(made_report())['moments'][0]['images']) == set(PANEL_TITLES)


def in_browser(page, folder, width):
    """Click and press keys on a page; returns what was seen and the console's messages."""
    file = folder / 'page.html'
    file.write_text(page.replace('</body>', f'{CLICK}</body>'), encoding='utf-8')
    return dumped(file, folder, width)


def dumped(file, folder, width):
    """Open a page; returns the JSON that its script wrote, and the console's messages."""
    done = subprocess.run(
        [CHROMIUM, '--headless', '--no-sandbox', '--disable-gpu', '--no-first-run',
         f'--user-data-dir={folder / "profile"}', f'--window-size={width},900',
         '--enable-logging=stderr', '--virtual-time-budget=10000', '--dump-dom', file.as_uri()],
        capture_output=True, text=True, timeout=100, check=True,
        env={**os.environ, 'HOME': str(folder)})
    found = re.search(r'<pre id="found">(.+?)</pre>', done.stdout, re.DOTALL)
    assert found, done.stderr[-2000:]
    return json.loads(html.unescape(found[1])), [
        line for line in done.stderr.splitlines() if 'CONSOLE' in line]


@pytest.mark.slow
@pytest.mark.skipif(CHROMIUM is None, reason='there is no Chromium on this machine')
def test_a_click_and_the_keys_select_moments_in_a_browser(tmp_path):
    found, messages = in_browser(render_replay_page(made_report(title=EVIL)), tmp_path, 1280)
    assert messages == []
    assert found['worst']['time'] == '10.0 s' and found['worst']['level'] == 'ERROR'
    assert found['worst']['reasons'] == 'unlike the drives'
    assert found['clicked']['time'] == '6.0 s' and found['clicked']['level'] == 'OK'
    assert found['clicked']['image'] != found['worst']['image']
    assert found['clicked']['loaded'] == 40
    assert [found[name]['time'] for name in ('right', 'first', 'last')] == [
        '7.0 s', '0.0 s', '19.0 s']
    assert found['second']['time'] != found['last']['time']
    assert found['worst']['rows'] != found['first']['rows']
    assert found['curves'] == [3, 2]
    assert found['worst']['caution'].startswith('The level is ERROR. A low standard deviation')
    assert 'caution' not in found['clicked']
    assert found['levels'].split()[-4:] == ['OK', 'WARN', 'ERROR', 'STALE']
    assert found['overflow'] <= 0


LINES = """
<script>
addEventListener('load', () => {
  const page = document.querySelector('iframe').contentDocument;
  const lines = (cell) => {
    const range = page.createRange();
    range.selectNodeContents(cell);
    return new Set([...range.getClientRects()].map((box) => Math.round(box.top))).size;
  };
  const all = (selector) => [...page.querySelectorAll(selector)];
  document.getElementById('found').textContent = JSON.stringify({
    numbers: all('#rows td').map(lines),
    cut: all('#worst small, #rows th').filter((one) => one.scrollWidth > one.clientWidth).length,
    words: all('#facts th').map((one) => lines(one) <= one.textContent.split(' ').length),
    overflow: page.documentElement.scrollWidth - page.documentElement.clientWidth});
});
</script>
"""


@pytest.mark.slow
@pytest.mark.skipif(CHROMIUM is None, reason='there is no Chromium on this machine')
@pytest.mark.parametrize('width', [390, 1280])
def test_no_number_is_broken_and_no_name_is_cut(tmp_path, width):
    timeline, name = AlertTimeline(), 'mutual_information_corridor'
    state = AlertState(OK, (), thresholds={name: .00284})
    timeline.append(0, state, {name: .01243})
    page = html.escape(render_replay_page(made_report(
        timeline=timeline, states={0: state}, moments=(0,),
        facts=[('recording', f'/{"long" * 30}.mp4'), ('backend', 'onnxruntime')])))
    file = tmp_path / 'frame.html'
    file.write_text(f'<!doctype html><iframe style="width:{width}px;height:900px" '
                    f'srcdoc="{page}"></iframe><pre id="found"></pre>{LINES}')
    found, _ = dumped(file, tmp_path, 1400)
    assert set(found['numbers']) == {1} and set(found['words']) == {True}
    assert found['cut'] == 0 and found['overflow'] <= 0
