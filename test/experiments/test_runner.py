# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
from dataclasses import replace
import json

from bdl_perception.experiments import runner
from bdl_perception.experiments.data import load_data
from bdl_perception.experiments.plan import plan_runs
from bdl_perception.experiments.runner import (
    find_obstacle,
    load_weights,
    read_finished,
    run_all,
    run_plan,
    select_runs,
    weights_path,
)
from bdl_perception.training.checkpoint import read_checkpoint
from micro_experiment import make_micro_camvid, make_micro_drives, MICRO
import pytest
import torch

SPECS = plan_runs(MICRO, 'faithful', 1)
TWO = 'depth_faithful_[25]*_seed1'  # a half and a quarter
NAMES = ['depth_faithful_50_seed1', 'depth_faithful_25_seed1']


@pytest.fixture(scope='module')
def data(tmp_path_factory):
    path = tmp_path_factory.mktemp('data')
    return load_data(make_micro_drives(path / 'drives'), MICRO, make_micro_camvid(path / 'camvid'))


@pytest.fixture(scope='module')
def finished(data, tmp_path_factory):
    folder = tmp_path_factory.mktemp('runs')
    assert run_all(SPECS, data, folder, TWO) == NAMES
    return folder


def other(data):
    return {**data, 'depth': replace(data['depth'], digest='other')}


def test_a_finished_run_leaves_a_small_json_and_no_checkpoint(finished):
    assert sorted(path.name for path in finished.iterdir()) == sorted(
        f'{name}.json' for name in NAMES)
    path = finished / 'depth_faithful_25_seed1.json'
    result = json.loads(path.read_text())
    assert path.stat().st_size < 40_000
    assert result['training']['images'] == 16
    assert result['training']['different_images'] == 2
    assert result['data']['train'] == [4, 8]


def test_a_finished_run_is_not_trained_again(finished, data, monkeypatch):
    monkeypatch.setattr(runner, 'run_one', lambda *_: pytest.fail('trained again'))
    assert run_all(SPECS, data, finished, TWO) == []


def test_after_a_kill_only_the_other_runs_are_done(data, tmp_path, monkeypatch):
    real, begun = runner.run_one, []

    def killed_at_the_second(spec, *rest):
        begun.append(spec.name)
        if len(begun) == 2:
            raise KeyboardInterrupt
        real(spec, *rest)
    monkeypatch.setattr(runner, 'run_one', killed_at_the_second)
    with pytest.raises(KeyboardInterrupt):
        run_all(SPECS, data, tmp_path, TWO)
    assert run_all(SPECS, data, tmp_path, TWO) == NAMES[1:]


def test_a_run_killed_in_evaluation_is_not_trained_again(data, tmp_path, monkeypatch):
    def killed(*_):
        raise KeyboardInterrupt
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(runner, 'evaluate_network', killed)
        run_all(SPECS, data, tmp_path, NAMES[1])
    checkpoint, = tmp_path.glob('*/checkpoint.pt')
    before = checkpoint.stat().st_mtime_ns
    run_all(SPECS, data, tmp_path, NAMES[1], keep_checkpoints=True)
    assert checkpoint.stat().st_mtime_ns == before
    assert (tmp_path / f'{NAMES[1]}.json').is_file()


def test_a_changed_configuration_starts_again(finished, data, monkeypatch):
    begun = []
    monkeypatch.setattr(runner, 'run_one', lambda spec, *_: begun.append(spec.name))
    run_all(plan_runs(replace(MICRO, samples=4), 'faithful', 1), data, finished, NAMES[1])
    run_all(SPECS, other(data), finished, NAMES[1])
    assert begun == [NAMES[1]] * 2


def test_the_result_of_another_plan_is_archived(data, tmp_path):
    old = '{"hash": "h", "data_hash": "d"}'
    (tmp_path / f'{NAMES[1]}.json').write_text(old)
    run_all(SPECS, data, tmp_path, NAMES[1])
    assert (tmp_path / 'old' / f'{NAMES[1]}.h.d.json').read_text() == old
    digest, = (spec.digest for spec in SPECS if spec.name == NAMES[1])
    assert json.loads((tmp_path / f'{NAMES[1]}.json').read_text())['hash'] == digest


def test_what_a_run_lacks_is_reported(data, tmp_path, monkeypatch):
    spec = next(spec for spec in SPECS if spec.task == 'classes')
    assert find_obstacle(spec, data, tmp_path) == ''
    assert '--camvid' in find_obstacle(spec, {'depth': data['depth']}, tmp_path)
    monkeypatch.setattr(runner, 'find_imagenet_weights', lambda: None)
    large = plan_runs(replace(MICRO, class_encoder='efficientnet_lite0'), 'faithful', 1)
    spec = next(spec for spec in large if spec.task == 'classes')
    assert 'not installed' in find_obstacle(spec, data, tmp_path)


def test_recipes_are_followed_by_the_runs_of_the_winner_and_their_ensemble(data, tmp_path):
    tier = replace(MICRO, seeds=(1, 2), height=32, width=64)
    assert find_obstacle(next(spec for spec in plan_runs(tier, 'gaussian', 1) if spec.members),
                         data, tmp_path).endswith('are missing')
    run_plan(tier, data, tmp_path, 1, 'depth_*_100_seed1')
    winner = read_finished(tier, tmp_path, 1).winner
    results = run_plan(tier, data, tmp_path, 1, f'depth_{winner}_100_*')
    results = run_plan(tier, data, tmp_path, 1, 'depth_ensemble_*')
    ensemble = results.by_name['depth_ensemble_100_seed1']
    assert ensemble['samples'] == 2 and ensemble['test']['epistemic_variance'] > 0
    samples = results.by_name['depth_laplace_samples_100_seed1']  # of the same weights
    assert samples['test']['single'] == results.by_name[f'depth_{winner}_100_seed1'][
        'test']['single'] != samples['test']['average']
    assert set(samples['test']['scores']) == set(ensemble['test']['scores']) == {
        'aleatoric', 'epistemic_log_depth', 'epistemic_inverse_depth'}


def test_stored_weights_are_those_of_the_network(data, tmp_path):
    spec = SPECS[0]
    assert spec.keeps_weights is False  # one seed
    stored = replace(spec, keeps_weights=True)
    run_all([stored], data, tmp_path, keep_checkpoints=True)
    network = load_weights(stored, weights_path(tmp_path, stored.name, data['depth'].digest))
    checkpoint = read_checkpoint(next(tmp_path.glob('*/checkpoint.pt')))
    assert torch.equal(network.decoder.heads.weight, checkpoint.network['decoder.heads.weight'])


def test_a_pattern_without_a_run_is_rejected_with_the_names():
    with pytest.raises(ValueError, match=r"no run has a name like 'bth_\*'; .*_faithful_25_seed1"):
        select_runs(SPECS, 'bth_*')
    assert [spec.name for spec in select_runs(SPECS, TWO)] == NAMES


def test_results_of_other_frames_are_reported_before_the_runs(
        finished, data, monkeypatch, capsys):
    monkeypatch.setattr(runner, 'run_one', lambda *_: None)
    run_all(SPECS, data, finished, TWO)
    assert 'done again' not in capsys.readouterr().out
    run_all(SPECS, other(data), finished, TWO)
    assert '2 results in' in capsys.readouterr().out.splitlines()[0]
