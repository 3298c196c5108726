# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
from dataclasses import replace
import json

from bdl_perception.experiments import runner
from bdl_perception.experiments.data import load_data
from bdl_perception.experiments.network_variants import N_MASKS
from bdl_perception.experiments.plan import KINDS, plan_runs
from bdl_perception.experiments.runner import run_all, select_runs
from bdl_perception.experiments.scores import ANALYTIC_SCORES, SAMPLED_SCORES
from bdl_perception.network.model import Network
from micro_experiment import make_micro_drives, MICRO
import pytest

SPECS = plan_runs(MICRO, 1)
TWO = 'both_[25]*_seed1'  # a quarter and a half


@pytest.fixture(scope='module')
def data(tmp_path_factory):
    return load_data(make_micro_drives(tmp_path_factory.mktemp('data')), MICRO)


@pytest.fixture(scope='module')
def finished(data, tmp_path_factory):
    folder = tmp_path_factory.mktemp('runs')
    assert run_all(SPECS, data, folder, TWO) == ['both_25_seed1', 'both_50_seed1']
    return folder


def test_a_finished_run_leaves_a_json_and_no_checkpoint(finished):
    assert sorted(path.name for path in finished.iterdir()) == [
        'both_25_seed1.json', 'both_50_seed1.json']
    result = json.loads((finished / 'both_25_seed1.json').read_text())
    assert result['training']['images'] == SPECS[0].images == 16
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
    assert run_all(SPECS, data, tmp_path, TWO) == ['both_50_seed1']


def test_a_run_killed_in_evaluation_is_not_trained_again(data, tmp_path, monkeypatch):
    def killed(*_):
        raise KeyboardInterrupt
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(runner, 'evaluate_network', killed)
        run_all(SPECS, data, tmp_path, 'both_25_seed1')
    checkpoint, = tmp_path.glob('*/checkpoint.pt')
    before = checkpoint.stat().st_mtime_ns
    run_all(SPECS, data, tmp_path, 'both_25_seed1', keep_checkpoints=True)
    assert checkpoint.stat().st_mtime_ns == before
    assert (tmp_path / 'both_25_seed1.json').is_file()


def test_a_changed_configuration_starts_again(finished, data, monkeypatch):
    begun = []
    monkeypatch.setattr(runner, 'run_one', lambda spec, *_: begun.append(spec.name))
    run_all(plan_runs(replace(MICRO, samples=4), 1), data, finished, 'both_25_seed1')
    run_all(SPECS, replace(data, digest='other'), finished, 'both_25_seed1')
    assert begun == ['both_25_seed1'] * 2


def test_the_result_of_another_plan_is_archived(data, tmp_path):
    old = '{"hash": "h", "data_hash": "d"}'
    (tmp_path / 'both_25_seed1.json').write_text(old)
    run_all(SPECS, data, tmp_path, 'both_25_seed1')
    assert (tmp_path / 'old' / 'both_25_seed1.h.d.json').read_text() == old
    assert json.loads((tmp_path / 'both_25_seed1.json').read_text())['hash'] == SPECS[0].digest


def test_without_imagenet_its_network_is_left_out(data, tmp_path, monkeypatch):
    monkeypatch.setattr(runner, 'find_imagenet_weights', lambda: None)
    specs = plan_runs(replace(MICRO, variants=('efficientnet_lite0',)), 1)
    assert run_all(specs, data, tmp_path, 'efficientnet*') == []


@pytest.mark.parametrize(('kind', 'samples'), [
    ('masksembles', N_MASKS), ('randomised_prior', N_MASKS), ('spectral', MICRO.samples)])
def test_a_network_variant_is_trained_resumed_and_evaluated(
        data, tmp_path, monkeypatch, kind, samples):
    specs = plan_runs(replace(MICRO, variants=(kind,)), 1)
    evaluated = []

    def killed(network, *_):
        evaluated.append(network)
        raise KeyboardInterrupt
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(runner, 'evaluate_network', killed)
        run_all(specs, data, tmp_path, f'{kind}*')
    assert type(evaluated[0]) is KINDS[kind].build is not Network
    assert run_all(specs, data, tmp_path, f'{kind}*') == [f'{kind}_100_seed1']
    result = json.loads((tmp_path / f'{kind}_100_seed1.json').read_text())
    assert result['samples'] == samples and result['training']['images'] == 16
    for condition in result['conditions'].values():
        assert {*SAMPLED_SCORES, *ANALYTIC_SCORES} <= set(condition['scores'])


@pytest.mark.parametrize(('kind', 'images'), [('deep_encoder', 16), ('longer', 3 * 16)])
def test_a_changed_configuration_is_trained_and_evaluated(data, tmp_path, kind, images):
    run_all(plan_runs(replace(MICRO, variants=(kind,)), 1), data, tmp_path, f'{kind}*')
    result = json.loads((tmp_path / f'{kind}_100_seed1.json').read_text())
    assert result['training']['images'] == images
    for condition in result['conditions'].values():
        assert {*SAMPLED_SCORES, *ANALYTIC_SCORES} <= set(condition['scores'])


def test_a_pattern_without_a_run_is_rejected_with_the_names():
    with pytest.raises(ValueError, match=r"no run has a name like 'bth_\*'; .*both_25_seed1, "):
        select_runs(SPECS, 'bth_*')
    assert [spec.name for spec in select_runs(SPECS, TWO)] == ['both_25_seed1', 'both_50_seed1']


def test_results_of_other_frames_are_reported_before_the_runs(
        finished, data, monkeypatch, capsys):
    monkeypatch.setattr(runner, 'run_one', lambda *_: None)
    run_all(SPECS, data, finished, TWO)
    assert 'done again' not in capsys.readouterr().out
    run_all(SPECS, replace(data, digest='other'), finished, TWO)
    assert '2 results in' in capsys.readouterr().out.splitlines()[0]
