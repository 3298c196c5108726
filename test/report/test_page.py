# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""The page in a real browser: all plots are drawn, nothing overflows, no console message."""
from pathlib import Path
import re
from typing import Any

from bdl_perception.datasets.base import LabelledFrame
from bdl_perception.evaluation.evaluator import Evaluator
from bdl_perception.evaluation.results import evaluation_results, EvaluationContext
from bdl_perception.perception.data_types import CameraFrame
from bdl_perception.report.accuracy import depth_section
from bdl_perception.report.alarm import alarm_section
from bdl_perception.report.blocks import plot_figure, Table
from bdl_perception.report.calibration import coverage_section
from bdl_perception.report.labelled_sets import labelled_sets_section
from bdl_perception.report.markdown import to_json_values
from bdl_perception.report.page import render_page, SECTIONS
from browser import CHROMIUM, inspect_page
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
    'model': 'fake <b>', 'model_terms': 'research use', 'software_version': '0',
    'perceive_sha256': 'a' * 64, 'sample_sha256': 'b' * 64,
    'parameters': {'perceive': 1000, 'sample': 10},
    'command': 'bdl evaluate fake data --out out', 'versions': {'numpy': '2'},
    'stride': 1, 'quality_every': 1,
    'samples': 8, 'seed': 0, 'backend': 'fake', 'precision': 'fp32', 'threads': 1,
    'fit_mode': 'crop', 'input': {'width': 40, 'height': 24}, 'terms': {'test': 'research use'},
    'ms': {'perceive': 1., 'samples': 2.}}


def labelled_record(seed: int) -> Any:
    """Evaluate random frames with a random ground truth, so that every metric has data."""
    rng = np.random.default_rng(seed)
    frames = [LabelledFrame(
        'x', CameraFrame(rng.integers(0, 256, (24, 40, 3), np.uint8), stamp, 'c'),
        rng.uniform(2, 30, (24, 40)).astype(np.float32), rng.integers(0, 11, (24, 40), np.uint8))
        for stamp in range(0, 8 * 250_000_000, 250_000_000)]
    origin = nominal_record(f'd{seed}', [.5] * 8).origin
    return Evaluator(FakeBackend(), 8, 0).evaluate_drive(origin, frames)


def json_results(records: list[Any], context: EvaluationContext,
                 failed: dict[str, str]) -> dict[str, Any]:
    """Give the results as the page gets them."""
    results = evaluation_results(records, context).to_dict()
    values: dict[str, Any] = to_json_values({**IDENTIFIED, 'failed': failed, **results})
    return values


@pytest.fixture(scope='module')
def pages(full: dict[str, Any], bare: dict[str, Any]) -> dict[str, str]:
    return {'full': render_page(full), 'bare': render_page(bare)}


@pytest.fixture(scope='module')
def full() -> dict[str, Any]:
    records = [labelled_record(0), labelled_record(1), night_record('n', [2.] * 12),
               night_record('m', [.5] * 8),
               changing_record('c', [.5] * 8, [2.] * 8, [.5] * 20, .5),
               fake_record('mine', 'mine', [.9] * 4)]
    return json_results(records, EvaluationContext('test', fake_calibration(), IDENTITY),
                        {'test/bad': 'broken'})


@pytest.fixture(scope='module')
def bare() -> dict[str, Any]:
    return json_results([fake_record('mine', 'mine', [.9])],
                        EvaluationContext(None, None, IDENTITY), {})


def text_of(text: str) -> str:
    return re.sub(r'\s+', ' ', re.sub(r'<svg.*?</svg>|<style.*?</style>|<[^>]*>', ' ', text,
                                      flags=re.DOTALL))


def test_the_page_needs_no_other_file_and_no_script(pages: dict[str, str]) -> None:
    text = pages['full']
    assert '<script' not in text
    assert all(found.startswith(('#', 'data:'))
               for found in re.findall(r'(?:src|href)="([^"]*)"', text))
    assert not re.search(r'@import|url\((?!#)', text)


def test_names_are_escaped_in_html(pages: dict[str, str]) -> None:
    assert 'fake &lt;b&gt;' in pages['full'] and 'fake <b>' not in pages['full']


@pytest.mark.parametrize('name', ['$\\frac{1}{$', '$a$', '$', '\\$x_$', '%s{0}', 'ä\U0001f600'])
def test_a_plot_shows_any_name(name: str) -> None:
    with plot_figure('alt', 'caption') as drawing:
        drawing.axes.plot([1, 2], label=name)
        drawing.axes.legend()
    assert f'>{name}</text>' in drawing.plot.svg


def test_frames_within_a_fade_are_reported(pages: dict[str, str]) -> None:
    text = text_of(pages['full'])
    assert '4 frames lie within the fade of a change' in text
    assert 'strength at ERROR test_changes: dense_fog .500 .000 .000' in text


def test_a_drive_with_an_error_is_reported(pages: dict[str, str]) -> None:
    words = text_of(pages['full'])
    assert 'Drives with errors: 1.' in words
    assert 'test/bad broken' in words


def test_a_missing_result_is_marked_and_has_no_plot(
        bare: dict[str, Any], pages: dict[str, str]) -> None:
    words = text_of(pages['bare'])
    assert '<figure' not in pages['bare']
    for subject in ('Depth', 'Segmentation', 'Coverage', 'Sparsification', 'The alarm',
                    'Reliability of depth', 'Separation from nominal drives'):
        assert f'{subject}: not measured' in words
    assert words.count('– not measured') == len(bare['goals'])


def test_slow_fades_are_in_the_table_and_not_in_the_delay_plot() -> None:
    records = [nominal_record('a', [.5] * 8), changing_record('c', [.5] * 4, [2.] * 8),
               changing_record('s', [.5] * 4, [.5] * 40 + [2.] * 8, fade_s=12.)]
    words = str(alarm_section(json_results(
        records, EvaluationContext('test', fake_calibration(), IDENTITY), {})))
    assert 'from 1.0 to 1.0 s; 0 drives were missed' in words
    assert "'test_changes: dense_fog, fading in over 12 s', '12.000'" in words


def test_an_error_of_the_slow_alarm_is_reported_as_such() -> None:
    records = [nominal_record('a', [.95] * 40), night_record('n', [2.] * 8)]
    words = str(alarm_section(to_json_values(evaluation_results(records, EvaluationContext(
        'test', fake_calibration(slow=1.), IDENTITY)).to_dict())))
    assert re.search(r'a: fast at most -0\.\d+ of its limit, slow at most 1\.\d+ of its limit, '
                     r'first ERROR at \d\.\d s by slow evidence', words)
    assert 'slow evidence above 1.00' in words
    assert "'each drive separately', '1 in 1 of 1 drives', '0', '1', '0'" in words


@pytest.mark.parametrize('level', [.5, .8, .9, .95])
def test_coverage_is_reported_by_level_and_range(
        full: dict[str, Any], level: float) -> None:
    intervals = full['sets']['test']['intervals']
    caption = f'Coverage of {level * 100:.0f} % intervals in each range'
    table, = (block for block in coverage_section(full).blocks
              if getattr(block, 'caption', '') == caption)
    assert table.head[2:] == tuple(intervals['pixels']) == (
        '0-5 m', '5-10 m', '10-20 m', '20-40 m', '40- m')
    total, = (row[2:] for row in table.rows if row[:2] == ['test', 'aleatoric + epistemic'])
    for cell, shares in zip(total, intervals['total']['by_range'].values(), strict=True):
        share = shares[f'{level:g}']
        assert cell == '-' if share is None else float(cell) == pytest.approx(share, abs=.0005)


def test_intervals_that_are_fitted_to_other_recordings_are_beside_the_predicted_ones(
        full: dict[str, Any]) -> None:
    fitted = full['sets']['test']['cross_validated_coverage']
    tables = {block.caption: block.rows for section in (coverage_section(full),
                                                        labelled_sets_section(full))
              for block in section.blocks if isinstance(block, Table)}
    title = 'fitted to the other recordings'
    rows = [row for row in tables['Coverage of 90 % intervals in each range'] if row[1] == title]
    short = [row for row in tables['Coverage of 90 % intervals by predicted depth, and pixels of '
                                   'each range'] if row[1] == title]
    expected = [shares['0.9'] for shares in fitted['by_range'].values()]
    for row in (*rows, *short):
        assert [None if cell == '-' else float(cell) for cell in row[2:]] == [
            share if share is None else pytest.approx(share, abs=.0005) for share in expected]
    assert len(rows) == len(short) == 1
    cells, = tables['90 % intervals that are fitted to the other recordings of a set '
                    '(cross-validation)']
    first, second = sorted(fitted['by_recording'].values())
    assert cells[:2] == ['test', '2'] and first < second
    assert list(map(float, cells[2:])) == pytest.approx(
        [fitted['coverage']['0.9'], first, second], abs=.0005)


def test_drives_used_for_the_calibration_give_a_warning(
        full: dict[str, Any]) -> None:
    for shared in ([], ['test_0003', 'test_0004']):
        words = str(coverage_section({
            **full, 'calibrated_intervals': {'drives_in_calibration': shared}}))
        assert ('Warning: 2 of the nominal drives' in words) == bool(shared)


def test_the_same_results_give_the_same_page(full: dict[str, Any]) -> None:
    assert depth_section(full) == depth_section(full)


@pytest.mark.skipif(CHROMIUM is None, reason='no Chromium: apt-get install chromium')
@pytest.mark.parametrize('kind', ['full', 'bare'])
def test_a_browser_draws_every_plot_without_messages(
        kind: str, tmp_path: Path, pages: dict[str, str]) -> None:
    path = tmp_path / 'report.html'
    path.write_text(pages[kind], encoding='utf-8')
    report = inspect_page(path, WIDTHS, tmp_path)
    assert report.messages == []
    for layout, width in zip(report.layouts, WIDTHS, strict=True):
        assert layout['undrawn'] == layout['unnamed'] == layout['uncaptioned'] == 0
        assert layout['duplicates'] == layout['broken'] == []
        assert layout['needed'] <= layout['width'] <= width  # tables scroll separately
        assert [heading[:2] for heading in layout['headings']] == ['H1'] + ['H2'] * len(SECTIONS)
        if kind == 'full':
            assert layout['images'] > 20
            assert layout['smallest'] >= 7  # px of any word in a plot
