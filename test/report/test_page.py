# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""The page in a real browser: every plot is drawn, nothing overflows, nothing complains."""
from pathlib import Path
import re
from typing import Any

from bdl_perception.datasets.base import LabelledFrame
from bdl_perception.evaluation.evaluator import Evaluator
from bdl_perception.evaluation.results import evaluation_results, EvaluationContext
from bdl_perception.perception.types import CameraFrame
from bdl_perception.report.accuracy import depth_section
from bdl_perception.report.alarm import alarm_section
from bdl_perception.report.calibration import coverage_section
from bdl_perception.report.markdown import to_json_values
from bdl_perception.report.page import render_page, SECTIONS
from browser import CHROMIUM, look
from fake_backend import FakeBackend
import numpy as np
import pytest
from records import (
    changing_record,
    fake_calibration,
    fake_record,
    IDENTITY,
    night_record,
    nominal_record,
)

WIDTHS = (375, 1280)
IDENTIFIED = {
    'model': 'fake <b>', 'software_version': '0', 'perceive_sha256': 'a' * 64,
    'sample_sha256': 'b' * 64, 'parameters': {'perceive': 1000, 'sample': 10},
    'command': 'bdl evaluate fake data --out out', 'versions': {'numpy': '2'},
    'stride': 1, 'quality_every': 1,
    'samples': 8, 'seed': 0, 'backend': 'fake', 'precision': 'fp32', 'threads': 1,
    'fit_mode': 'crop',
    'ms': {'perceive': 1., 'samples': 2.}}


def labelled_record(seed: int) -> Any:
    """Measure random pictures against a random truth, so that every measure has something."""
    rng = np.random.default_rng(seed)
    frames = [LabelledFrame('x', CameraFrame(rng.integers(0, 256, (24, 40, 3), np.uint8), stamp, 'c'),
                       rng.uniform(2, 30, (24, 40)).astype(np.float32),
                       rng.integers(0, 11, (24, 40), np.uint8))
              for stamp in range(0, 8 * 250_000_000, 250_000_000)]
    origin = nominal_record(f'd{seed}', [.5] * 8).origin
    return Evaluator(FakeBackend(), 8, 0).evaluate_drive(origin, frames)


@pytest.fixture(scope='module')
def pages(full: dict[str, Any], bare: dict[str, Any]) -> dict[str, str]:
    return {'full': render_page(full), 'bare': render_page(bare)}


@pytest.fixture(scope='module')
def full() -> dict[str, Any]:
    records = [labelled_record(0), labelled_record(1), night_record('n', [2.] * 12),
               night_record('m', [.5] * 8),
               changing_record('c', [.5] * 8, [2.] * 8, [.5] * 20, .5),
               fake_record('mine', 'mine', [.9] * 4)]
    made = evaluation_results(records, EvaluationContext('test', fake_calibration(), IDENTITY))
    return to_json_values({**IDENTIFIED, 'failed': {'test/bad': 'broken'}, **made})


@pytest.fixture(scope='module')
def bare() -> dict[str, Any]:
    made = evaluation_results([fake_record('mine', 'mine', [.9])], EvaluationContext(None, None, IDENTITY))
    return to_json_values({**IDENTIFIED, 'failed': {}, **made})


def words_of(text: str) -> str:
    return re.sub(r'\s+', ' ', re.sub(r'<svg.*?</svg>|<style.*?</style>|<[^>]*>', ' ', text,
                                      flags=re.DOTALL))


def test_the_page_needs_no_other_file_and_no_script(pages: dict[str, str]) -> None:
    text = pages['full']
    assert '<script' not in text
    assert all(found.startswith(('#', 'data:'))
               for found in re.findall(r'(?:src|href)="([^"]*)"', text))
    assert not re.search(r'@import|url\((?!#)', text)


def test_what_users_write_is_not_taken_for_html(pages: dict[str, str]) -> None:
    assert 'fake &lt;b&gt;' in pages['full'] and 'fake <b>' not in pages['full']


def test_frames_within_a_fade_are_told(pages: dict[str, str]) -> None:
    text = words_of(pages['full'])
    assert '4 frames lie within the fade of a change' in text
    assert 'strength at ERROR test_changes: dense_fog .500 .000 .000' in text


def test_a_drive_that_failed_is_told(pages: dict[str, str]) -> None:
    words = words_of(pages['full'])
    assert 'Drives that could not be measured: 1.' in words
    assert 'test/bad broken' in words


def test_what_was_not_measured_says_so_and_has_no_plot(
        bare: dict[str, Any], pages: dict[str, str]) -> None:
    words = words_of(pages['bare'])
    assert '<figure' not in pages['bare']
    for what in ('Depth', 'Segmentation', 'Coverage', 'Sparsification', 'The alarm',
                 'Reliability of depth', 'Separation from nominal drives'):
        assert f'{what}: not measured' in words
    assert words.count('– not measured') == len(bare['goals'])


def test_delays_of_slow_fades_are_told_and_do_not_squeeze_the_drawing_of_the_others() -> None:
    records = [nominal_record('a', [.5] * 8), changing_record('c', [.5] * 4, [2.] * 8),
               changing_record('s', [.5] * 4, [.5] * 40 + [2.] * 8, fade_s=12.)]
    made = to_json_values(evaluation_results(records, EvaluationContext('test', fake_calibration(), IDENTITY)))
    words = str(alarm_section(made))
    assert 'from 1.0 to 1.0 s; 0 drives were missed' in words
    assert "'test_changes: dense_fog, fading in over 12 s', '12.000'" in words


def test_an_error_of_the_slow_alarm_is_drawn_and_told_beside_fast_evidence() -> None:
    records = [nominal_record('a', [.95] * 40), night_record('n', [2.] * 8)]
    words = str(alarm_section(to_json_values(evaluation_results(records, EvaluationContext(
        'test', fake_calibration(slow_limit=1.), IDENTITY)))))
    assert re.search(r'a: fast at most -0\.\d+ of its limit, slow at most 1\.\d+ of its limit, '
                     r'first ERROR at \d\.\d s by slow evidence', words)
    assert 'slow evidence above 1.00' in words
    assert "'each drive by itself', '1 in 1 of 1 drives', '0', '1', '0'" in words


@pytest.mark.parametrize('level', [.5, .8, .9, .95])
def test_intervals_of_every_level_are_told_for_every_range(
        full: dict[str, Any], level: float) -> None:
    given = full['sets']['test']['intervals']
    caption = f'Coverage of {level * 100:.0f} % intervals in each range'
    table, = (block for block in coverage_section(full).blocks
              if getattr(block, 'caption', '') == caption)
    assert table.header[2:] == tuple(given['pixels']) == (
        '0-5 m', '5-10 m', '10-20 m', '20-40 m', '40- m')
    total, = (row[2:] for row in table.rows if row[:2] == ['test', 'aleatoric + epistemic'])
    for told, shares in zip(total, given['total']['by_range'].values(), strict=True):
        share = shares[f'{level:g}']
        assert told == '-' if share is None else float(told) == pytest.approx(share, abs=.0005)


def test_it_is_told_when_intervals_were_made_of_the_drives_that_they_are_judged_on(
        full: dict[str, Any]) -> None:
    for seen in ([], ['test_0003', 'test_0004']):
        words = str(coverage_section({**full, 'calibrated_intervals': {'seen_in_calibration': seen}}))
        assert ('Warning: 2 of the nominal drives' in words) == bool(seen)


def test_the_same_numbers_make_the_same_drawing(full: dict[str, Any]) -> None:
    assert depth_section(full) == depth_section(full)


@pytest.mark.skipif(CHROMIUM is None, reason='no Chromium: apt-get install chromium')
@pytest.mark.parametrize('kind', ['full', 'bare'])
def test_a_browser_draws_every_plot_and_complains_of_nothing(
        kind: str, tmp_path: Path, pages: dict[str, str]) -> None:
    path = tmp_path / 'report.html'
    path.write_text(pages[kind], encoding='utf-8')
    seen = look(path, WIDTHS, tmp_path)
    assert seen.complaints == []
    for told, width in zip(seen.broadcast, WIDTHS, strict=True):
        assert told['undrawn'] == told['unnamed'] == told['uncaptioned'] == 0
        assert told['twice'] == told['broken'] == []
        assert told['needed'] <= told['width'] <= width  # tables scroll by themselves
        assert [one[:2] for one in told['headings']] == ['H1'] + ['H2'] * len(SECTIONS)
        if kind == 'full':
            assert told['pictures'] > 20
            assert told['smallest'] >= 7  # px of any word in a plot
