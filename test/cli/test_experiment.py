# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
from dataclasses import asdict, replace

from bdl_perception.cli.experiment import render_missing_drives
from bdl_perception.cli.main import main
from bdl_perception.experiments.data import CORRUPTIONS, load_data
from bdl_perception.experiments.plots import PLOTS
from micro_experiment import make_micro_camvid, make_micro_drives, MICRO
import pytest
import yaml


@pytest.fixture(scope='module')
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp('experiment')
    make_micro_drives(path / 'data')
    make_micro_camvid(path / 'camvid')
    tier = replace(MICRO, images=8, class_images=8, recipes=('faithful',), shares=(.5, 1.))
    values = {name: list(value) if isinstance(value, tuple) else value
              for name, value in asdict(tier).items()}
    (path / 'tier.yaml').write_text(yaml.safe_dump(values))
    (path / 'text.yaml').write_text('height: abc')
    return path


def experiment(folder, *words):
    return main(['experiment', 'safety', '--quick', '--runs', str(folder / 'runs'),
                 '--config', str(folder / 'tier.yaml'), '--threads', '1', *words])


@pytest.mark.slow
@pytest.mark.timeout(600)  # fourteen trainings, on a machine that may be busy
def test_drives_become_runs_tables_and_plots(folder, capsys):
    words = ['--data', str(folder / 'data'), '--out', str(folder / 'out'),
             '--camvid', str(folder / 'camvid'), '--idd', str(folder / 'camvid')]
    assert experiment(folder, *words, '--only', 'depth_*') == 0
    assert '6 of 14 runs' in capsys.readouterr().out
    assert 'classes_none_100_seed1' in (folder / 'out' / 'README.md').read_text()
    assert experiment(folder, *words) == 0
    assert '14 of 14 runs' in capsys.readouterr().out
    page = (folder / 'out' / 'README.md').read_text()
    assert 'Not run:' not in page and '4 drives, 8 frames' in page
    assert {path.stem for path in (folder / 'out').glob('*.png')} == set(PLOTS)
    assert experiment(folder, '--out', str(folder / 'again'), '--tables-only') == 0
    again = (folder / 'again' / 'README.md').read_text()
    assert again.split('\n| command')[0] == page.split('\n| command')[0]


@pytest.mark.slow
def test_an_empty_folder_is_rendered_into(tmp_path):
    pytest.importorskip('moderngl')
    tier = replace(MICRO, height=48, width=80, train_drives=1, train_frames=1, nominal_drives=1,
                   nominal_frames=1, condition_frames=1, conditions=('night',))
    try:
        render_missing_drives(tmp_path, tier, 1)
    except RuntimeError as error:
        if 'EGL' in str(error):
            pytest.skip(str(error))
        raise
    assert load_data(tmp_path, tier)['depth'].counts() == {
        name: [1, 1] for name in ('train', 'validation', 'test', 'validation_night', 'test_night',
                                  *CORRUPTIONS)}


@pytest.mark.parametrize(('words', 'message'), [
    (['--data', '{0}/tier.yaml/x'], 'tier.yaml'),
    (['--data', '{0}/data', '--config', '{0}/none.yaml'], 'none.yaml'),
    (['--data', '{0}/data', '--config', '{0}/text.yaml'], "height is 'abc', must be numbers"),
    (['--data', '{0}/no', '--only', 'zzz*'], "no run has a name like 'zzz*'"),
    (['--data', '{0}/no', '--camvid', '{0}/nowhere'], 'nowhere')])
def test_a_mistake_is_one_line_and_exit_code_2(folder, capsys, words, message):
    given = [word.format(folder) for word in words]
    assert experiment(folder, '--out', str(folder / 'no'), *given) == 2
    error = capsys.readouterr().err
    assert message in error and 'Traceback' not in error
    assert not (folder / 'no').exists()
