# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""The scripts in examples/ run as their docstrings say."""
import json
import os
from pathlib import Path
import re
import subprocess
import sys
import time

from bdl_perception.demo.processes import private_domain
from bdl_perception.drives import BUNDLED_VIDEO
import cv2
import numpy as np
import pytest
from source_tree import ROOT

EXAMPLES = ROOT / 'examples'


def run(name: str, *arguments: object, cwd: Path = ROOT) -> str:
    done = subprocess.run([sys.executable, EXAMPLES / name, *map(str, arguments)], cwd=cwd,
                          capture_output=True, text=True,
                          env={**os.environ, 'PYTHONPATH': str(ROOT)})
    assert done.returncode == 0, done.stderr
    return done.stdout


def write_clip(path: Path, first: int, count: int, step: int) -> Path:
    """Copy frames of the bundled drive into a folder of images."""
    path.mkdir()
    video = cv2.VideoCapture(str(BUNDLED_VIDEO))
    video.set(cv2.CAP_PROP_POS_FRAMES, first)
    for index in range(count * step):
        read, image = video.read()
        assert read
        if index % step == 0:
            cv2.imwrite(str(path / f'{index:06}.png'), image)
    return path


def test_every_example_is_run_here() -> None:
    text = Path(__file__).read_text(encoding='utf-8')
    assert [path.name for path in (*EXAMPLES.glob('*.py'), *EXAMPLES.glob('*.ipynb'))
            if f"'{path.name}'" not in text] == []


@pytest.mark.parametrize('name', ['one_image.py', 'video_alerts.py', 'plot_alert.py',
                                  'calibrate_and_evaluate.py'])
def test_an_example_without_arguments_prints_its_usage(name: str) -> None:
    done = subprocess.run([sys.executable, EXAMPLES / name], cwd=ROOT, text=True,
                          capture_output=True, env={**os.environ, 'PYTHONPATH': str(ROOT)})
    assert done.returncode == 1
    [line] = done.stderr.splitlines()
    assert line.startswith(f'usage: python examples/{name} ')


def test_one_image_gives_depth_and_both_uncertainties(tmp_path: Path) -> None:
    image = next(write_clip(tmp_path / 'clip', 20, 1, 1).iterdir())
    medians = dict(re.findall(r'^(\w+).* median ([\d.]+) m$', run('one_image.py', image), re.M))
    assert medians.keys() == {'depth', 'aleatoric', 'epistemic'}
    assert 2 < float(medians['depth']) < 100
    assert 0 < float(medians['epistemic']) < float(medians['depth'])


def notebook() -> tuple[list[str], list[object]]:
    """Return the code of each cell, and the outputs that are stored."""
    cells = [cell for cell in json.loads((EXAMPLES / 'uncertainty.ipynb').read_text())['cells']
             if cell['cell_type'] == 'code']
    return ([''.join(cell['source']) for cell in cells],
            [output for cell in cells for output in cell['outputs']])


def test_the_notebook_is_short_and_has_no_outputs() -> None:
    codes, outputs = notebook()
    assert sum(len(code.splitlines()) for code in codes) < 60 and outputs == []


def test_the_notebook_shows_epistemic_uncertainty_that_rises_in_fog(
        tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
        capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv('MPLBACKEND', 'agg')
    names: dict[str, object] = {}
    for code in notebook()[0]:
        exec(code, names)
    ratios = dict(re.findall(r'^(\w+).* ([\d.]+) times$', capsys.readouterr().out, re.M))
    assert float(ratios['epistemic']) > 2 > 1.5 > float(ratios['aleatoric'])
    assert cv2.imread(str(tmp_path / 'uncertainty.png')).shape[1] > 1000


@pytest.mark.slow
@pytest.mark.timeout(600)  # 1 minute without other load
def test_a_drive_into_fog_goes_from_ok_to_error() -> None:
    levels = re.findall(r's  (\w+)', run('video_alerts.py', BUNDLED_VIDEO))
    assert levels.index('OK') < levels.index('ERROR')


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_calibrate_and_evaluate_from_python(tmp_path: Path) -> None:
    calibration = tmp_path / 'calibration'
    calibration.mkdir()
    for index in range(9):  # clips of the nominal first 15 s
        write_clip(calibration / f'drive_{index}', 14 * index, 14, 1)
    clear, fog = (write_clip(tmp_path / name, first, 8, 2)
                  for name, first in (('clear', 130), ('fog', 200)))
    printed = run('calibrate_and_evaluate.py', calibration, clear, fog, cwd=tmp_path)
    assert '9 drives, thresholds' in printed
    assert re.search(r"^fog .*'mutual_information': [\d.]+", printed, re.M)
    assert (tmp_path / 'my_camera.json').is_file()


@pytest.mark.slow
def test_the_listener_degrades_without_an_alert() -> None:
    pytest.importorskip('rclpy')
    with private_domain() as domain, subprocess.Popen(
            [sys.executable, EXAMPLES / 'alert_listener_node.py'], text=True,
            stderr=subprocess.PIPE,
            env={**os.environ, **domain, 'PYTHONPATH': str(ROOT)}) as node:
        assert node.stderr is not None
        try:
            end_s, line = time.monotonic() + 60, ''
            while 'STALE: degrade' not in line and time.monotonic() < end_s:
                line = node.stderr.readline()
            assert 'STALE: degrade' in line
        finally:
            node.terminate()
            node.wait(60)


def stored_scores(folder: Path, kind: str, index: int, shift: float) -> Path:
    """Store scores as compare_alarm_rules.py does; returns the path of the drive, not there."""
    draw = np.random.default_rng([index, len(kind)])
    rows = [[frame * 100_000_000, {name: draw.normal() + shift for name in (
        'entropy', 'energy_corridor', 'mutual_information', 'brightness')}]
        for frame in range(60)]
    (folder / f'{kind}__{kind}_{index}.json').write_text(json.dumps({'observations': rows}))
    return Path(f'{kind}_{index}.mp4')


def test_alarm_rules_are_compared_on_scores_that_are_stored(tmp_path: Path) -> None:
    nominal = [stored_scores(tmp_path, 'nominal', index, 0) for index in range(16)]
    ood = [stored_scores(tmp_path, 'ood', index, 6) for index in range(4)]
    sources = tmp_path / 'manifest.csv'
    sources.write_text('file,repo\n' + ''.join(
        f'{path},{"abcdefgh"[index % 8]}\n' for index, path in enumerate([*nominal, *ood])))
    printed = run('compare_alarm_rules.py', tmp_path, '--nominal', *nominal, '--ood', *ood,
                  '--sources', sources, '--watch', 'mutual_information')
    assert '| `mutual_information` | 1.00 | 1.00 to 1.00 |' in printed
    assert '`brightness`' not in printed
    rules = re.findall(r'^\| (?:CUSUM|Shiryaev|more than)[^|]*\| \d+ of 16 .*\| (\d) of 4 \| \d',
                       printed, re.M)
    assert len(rules) == 9 and set(rules) == {'4'}
    first, second = re.findall(r'^fold \d: nominal (.*); OOD', printed, re.M)
    folds = [{int(name.split('_')[1]) % 8 % 2 for name in fold.split(', ')}
             for fold in (first, second)]
    assert folds == [{0}, {1}]  # every other repo


@pytest.mark.slow
def test_an_alert_is_drawn(tmp_path: Path) -> None:
    printed = run('plot_alert.py', BUNDLED_VIDEO, tmp_path / 'alert.png', 2)
    assert printed.startswith('OK: ')
    assert cv2.imread(str(tmp_path / 'alert.png')).shape[0] > 400


@pytest.mark.slow
def test_both_uncertainties_of_an_image_and_a_drive_are_drawn_and_printed(tmp_path: Path) -> None:
    grey = tmp_path / 'grey.png'
    cv2.imwrite(str(grey), np.full((48, 80, 3), 128, np.uint8))
    clip = write_clip(tmp_path / 'clip', 0, 3, 10)
    printed = run('uncertainty_sheet.py', tmp_path / 'sheet.png', grey, clip, '--at', '99')
    assert re.findall(r'^\| (\w+) \| \.?\d', printed, re.M) == ['grey', 'clip']
    rows, columns = cv2.imread(str(tmp_path / 'sheet.png')).shape[:2]
    assert rows > 300 and columns > 3 * rows
