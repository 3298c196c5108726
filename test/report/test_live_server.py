# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""The page of a running drive: what is served, to whom, and how a browser shows it."""
import http.client
import json
import os
import re
import subprocess
from threading import Thread
import time

from bdl_perception.alarm.alert_types import AlertLevel, AlertState
from bdl_perception.report.live_server import LiveFeed, LiveServer, MAX_FRAMES
from browser import CHROMIUM
import pytest


def state(level=AlertLevel.OK, threshold=2.):
    return AlertState(level, (), thresholds={'feature': threshold})


@pytest.fixture
def served():
    feed = LiveFeed('Live: <b>', (('model', 'tiny'),))
    server = LiveServer(feed, 0)
    yield feed, server
    server.close()


def get(server, path, **headers):
    connection = http.client.HTTPConnection(server.url.split('/')[2], timeout=20)
    connection.request('GET', path, headers=headers)
    return connection.getresponse()


def page_data(server):
    page = get(server, '/').read().decode()
    return json.loads(re.search(r'type="application/json">(.*?)</script>', page, re.DOTALL)[1])


def read_events(response, count):
    found = []
    while len(found) < count:
        line = response.readline()
        if line.startswith(b'data: '):
            found.append(json.loads(line[6:]))
    return found


def test_the_page_has_the_frames_so_far_and_is_live(served):
    feed, server = served
    feed.add(5_000_000_000, state(), {'feature': 1.}, {'camera': b'jpeg'})
    feed.add(5_500_000_000, state(AlertLevel.ERROR), {'feature': 3.}, {})
    data = page_data(server)
    assert (data['live'], data['end'], data['worst']) == (True, .5, [])
    assert [(one['t'], one['level']) for one in data['moments']] == [(0, 0), (.5, 2)]
    assert data['moments'][0]['images'] == {'camera': 'data:image/jpeg;base64,anBlZw=='}
    assert data['curves']['y']['feature'] == [.5, 1.5]


def test_an_event_carries_each_new_frame(served):
    feed, server = served
    feed.add(0, state(), {'feature': 1.}, {})
    response = get(server, '/events')
    assert response.headers['Content-Type'] == 'text/event-stream'
    [first] = read_events(response, 1)
    feed.add(250_000_000, state(), {'feature': 3.}, {})
    [second] = read_events(response, 1)
    assert (first['moment']['t'], second['moment']['t']) == (0, .25)
    assert second['ratios'] == {'feature': 1.5}
    feed.end('The recording has ended.')
    assert read_events(response, 1) == [{'note': 'The recording has ended.'}]


def test_the_page_waits_for_the_first_frame(served):
    feed, server = served
    Thread(target=lambda: (time.sleep(.2), feed.add(0, state(), {}, {})), daemon=True).start()
    assert len(page_data(server)['moments']) == 1


def test_a_page_that_is_opened_after_the_end_says_so(served):
    feed, server = served
    feed.add(0, state(), {}, {})
    feed.end('over')
    assert page_data(server)['notes'] == ['over']


def test_old_frames_are_forgotten(served):
    feed, server = served
    for index in range(MAX_FRAMES + 5):
        feed.add(index * 250_000_000, state(), {'feature': 1.}, {})
    data = page_data(server)
    assert len(data['moments']) == MAX_FRAMES and data['moments'][0]['t'] == 5 * .25


def test_only_this_machine_is_served_and_only_the_page(served):
    feed, server = served
    feed.add(0, state(), {}, {})
    assert server.url.startswith('http://127.0.0.1:')
    assert get(server, '/', Host='evil.example').status == 403
    assert get(server, '/../setup.py').status == 404
    policy = re.search(r'Content-Security-Policy" content="(.*?)"',
                       get(server, '/').read().decode())[1]
    assert policy.startswith("default-src 'none'; connect-src 'self'; ")


def test_without_thresholds_an_event_has_values_only(served):
    feed, server = served
    feed.add(0, AlertState(AlertLevel.STALE, ('not armed',)), {'feature': 1.}, {})
    [event] = read_events(get(server, '/events'), 1)
    assert (event['moment']['rows'], event['ratios']) == ([['feature', 1., None]], {})


def open_page(url, folder, time_ms):
    """Show the page for a time; returns the values at its start, its text and the console."""
    shown = subprocess.run(
        [CHROMIUM, '--headless', '--no-sandbox', '--disable-gpu', '--no-first-run',
         f'--user-data-dir={folder / "profile"}', '--enable-logging=stderr',
         f'--timeout={time_ms}', '--dump-dom', url], capture_output=True, text=True, timeout=200,
        check=True, env={**os.environ, 'HOME': str(folder)})
    loaded = re.search(r'application/json">(.*?)</script>', shown.stdout, re.DOTALL)
    return json.loads(loaded[1]) if loaded else None, shown.stdout, [
        line for line in shown.stderr.splitlines() if 'CONSOLE' in line]


@pytest.mark.slow
@pytest.mark.skipif(CHROMIUM is None, reason='there is no Chromium on this machine')
def test_the_page_shows_the_newest_frame_in_a_browser_without_messages(served, tmp_path):
    feed, server = served
    for index in range(8):
        feed.add(index * 250_000_000, state(), {'feature': 1. + index % 3}, {})
    loaded, page, messages = open_page(server.url, tmp_path, 60_000)
    assert messages == [] and len(loaded['moments']) == 8
    assert re.search(r'<strong id="time">([0-9.]+)', page)[1] == '1.8'


@pytest.mark.slow
@pytest.mark.skipif(CHROMIUM is None, reason='there is no Chromium on this machine')
def test_a_page_that_is_opened_after_the_end_says_so_once(served, tmp_path):
    feed, server = served
    feed.add(0, state(), {'feature': 1.}, {})
    feed.end('It is over.')
    _, page, messages = open_page(server.url, tmp_path, 60_000)
    assert messages == []
    assert page.split('<script')[0].count('It is over.') == 1
    assert 'This view' in page.split('<script')[0]
