# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""What each of the options of the loss teaches, and what it leaves alone."""
from dataclasses import replace
import math

from bdl_perception.datasets.rendered import WorldDataset
from bdl_perception.network.model import Network
from bdl_perception.training import loop
from bdl_perception.training.augment import AugmentConfig
from bdl_perception.training.batches import CORNERS, make_batch
from bdl_perception.training.config import TrainConfig
from bdl_perception.training.learner import Learner
from bdl_perception.training.loop import TrainingRun
from bdl_perception.training.validation import untrained_tasks
import pytest
from tiny_drives import make_tiny_drives
from tiny_network import draw_frames, TINY
import torch

CONFIG = TrainConfig(epochs=2, batch=2, threads=1, validation_frames=3, network=TINY, clip=1e9,
                     augment=AugmentConfig(jpeg=0))
DEPTH, CLASSES = replace(CONFIG, tasks='depth'), replace(CONFIG, tasks='classes')
HEADS = 'decoder.heads.'
DEPTH_ROW, VARIANCE_ROWS, LOGIT_ROWS = [0], [1, 2], [*range(3, 3 + TINY.classes)]


@pytest.fixture(scope='module')
def data(tmp_path_factory):
    root = make_tiny_drives(tmp_path_factory.mktemp('drives'), drives=2, frames=3)
    return WorldDataset(root, 'train', TINY.height, TINY.width)


@pytest.fixture(autouse=True)
def no_plots(monkeypatch):
    monkeypatch.setattr(loop, 'plot_curves', lambda path, history: None)


def _trained(config, folder, data, validation=None):
    run = TrainingRun(config, folder)
    run.train(data, validation)
    return run


def _step(config, folder, data, completed=1.):
    """Make one step on the first frames, with the masks and the noise of a seed."""
    run = TrainingRun(config, folder)
    torch.manual_seed(3)
    batch = make_batch([data[0], data[1]], TINY, CORNERS[:2])
    run.learner.step(batch, .01, completed)
    return run


def _state(run):
    return {name: value.clone() for name, value in run.learner.network.state_dict().items()}


def _gradient_rows(run):
    """Return the rows of the heads that have a gradient."""
    gradient = run.learner.network.decoder.heads.weight.grad.flatten(1)
    return torch.nonzero(gradient.abs().sum(1)).flatten().tolist()


def _without_rows(state, rows):
    """Leave out rows of the heads."""
    others = [row for row in range(3 + TINY.classes) if row not in rows]
    return {name: value[others] if name.startswith(HEADS) else value
            for name, value in state.items()}


def _same(first, second, leave_out=()):
    first, second = (_without_rows(state, leave_out) for state in (first, second))
    return all(torch.equal(first[name], second[name]) for name in first)


def test_the_variances_of_a_faithful_run_have_no_gradient_in_the_features():
    network = Network(TINY).train()
    rgb = draw_frames(2).permute(0, 3, 1, 2).float()
    for detach in (False, True):
        network.decoder.detach_variances = detach
        network.zero_grad()
        maps = network(rgb, network.draw_masks(2))
        (maps.depth_log_variance.sum() + maps.logit_log_variance.sum()).backward()
        shared = [value.grad for name, value in network.named_parameters()
                  if not name.startswith(HEADS) and value.grad is not None and value.grad.any()]
        assert bool(shared) != detach
        assert network.decoder.heads.weight.grad[VARIANCE_ROWS].abs().sum(1).min() > 0


def test_detached_variances_change_no_output():
    torch.manual_seed(0)
    network = Network(TINY)
    rgb, masks = draw_frames(2).permute(0, 3, 1, 2).float(), network.draw_masks(2)
    for mode in (True, False):
        network.train(mode)
        network.decoder.detach_variances = False
        plain = network(rgb, masks)
        network.decoder.detach_variances = True
        for found, expected in zip(network(rgb, masks), plain, strict=True):
            assert torch.equal(found, expected)


@pytest.mark.parametrize('likelihood', ['gaussian', 'laplace'])
def test_a_faithful_run_teaches_the_mean_as_a_run_without_variances(data, tmp_path, likelihood):
    states = {}
    for name, changes in {'none': {'aleatoric': False}, 'faithful': {'faithful': True},
                          'joint': {}}.items():
        config = replace(DEPTH, likelihood=likelihood, **changes)
        states[name] = _state(_trained(config, tmp_path / name, data))
    assert _same(states['faithful'], states['none'], VARIANCE_ROWS)
    assert not _same(states['faithful'], states['none'])
    assert not _same(states['joint'], states['none'], VARIANCE_ROWS)


def test_a_faithful_step_teaches_the_logits_as_a_step_without_variances(data, tmp_path):
    states = {}
    for name, changes in {'none': {'aleatoric': False}, 'faithful': {'faithful': True},
                          'joint': {}}.items():
        states[name] = _state(_step(replace(CLASSES, **changes), tmp_path / name, data))
    assert _same(states['faithful'], states['none'], VARIANCE_ROWS)
    assert not _same(states['joint'], states['none'], VARIANCE_ROWS)
    biases = [states[name][f'{HEADS}bias'][VARIANCE_ROWS] for name in ('faithful', 'none')]
    assert biases[0][0] == biases[1][0] and biases[0][1] != biases[1][1]


@pytest.mark.parametrize('config, rows', [
    (DEPTH, [*DEPTH_ROW, 1]), (CLASSES, [2, *LOGIT_ROWS]),
    (CONFIG, [*DEPTH_ROW, *VARIANCE_ROWS, *LOGIT_ROWS]),
    (replace(DEPTH, faithful=True), [*DEPTH_ROW, 1]),
    (replace(DEPTH, aleatoric=False, faithful=True), DEPTH_ROW)])
def test_only_the_heads_of_the_trained_tasks_have_gradients(data, tmp_path, config, rows):
    assert _gradient_rows(_step(config, tmp_path, data)) == rows


@pytest.mark.parametrize('config, column, other, metric', [
    (DEPTH, 'regression', 'classes', 'abs_rel'), (CLASSES, 'classification', 'depth', 'mean_iou')])
@pytest.mark.parametrize('faithful', [False, True])
def test_a_run_of_one_task_is_scored_by_it_alone(data, tmp_path, config, column, other, metric,
                                                 faithful):
    run = _trained(replace(config, faithful=faithful), tmp_path, data, data)
    row = run.progress.history[-1]
    assert row['loss'] == pytest.approx(row[column], rel=1e-6)
    assert row['log_variance_depth'] == row['log_variance_classes'] == 0
    value = row[f'validation_{metric}']
    assert row['validation_score'] == (value if metric == 'abs_rel' else 1 - value)
    missing = {'abs_rel': 'mean_iou', 'mean_iou': 'abs_rel'}[metric]
    assert math.isnan(row[f'validation_{missing}'])
    assert untrained_tasks(run.progress.history) == [other]


def test_the_learned_probabilities_fall_with_more_frames_and_are_in_the_history(data, tmp_path):
    found = []
    for frames in (1, 100_000):
        config = replace(CONFIG, network=replace(TINY, concrete=True), data_frames=frames,
                         learning_rate=.05, epochs=4)
        row = _trained(config, tmp_path / str(frames), data).progress.history[-1]
        found.append([row[f'dropout_probability_{index}'] for index in range(4)])
    assert min(found[0]) > .2 and all(many < few for few, many in zip(*found, strict=True))


def test_the_divergence_is_divided_by_the_frames_of_the_sets_counted_once(data, tmp_path,
                                                                          monkeypatch):
    config = replace(CONFIG, network=replace(TINY, concrete=True), epochs=1)
    counts = []
    monkeypatch.setattr(Learner, 'step', lambda self, batch, rate, completed, frames: (
        counts.append(frames) or [0., 0., 0.]))
    _trained(config, tmp_path / 'dataset', data)
    _trained(replace(config, data_frames=77), tmp_path / 'given', data)
    recorded = TrainingRun(config, tmp_path / 'recorded')
    recorded.record_training_sets([{'kind': 'world', 'frames': 4, 'stride': 1, 'repeat': 9},
                                   {'kind': 'camvid', 'frames': 5, 'stride': 1, 'repeat': 1}])
    recorded.train(data, None)
    assert sorted(set(counts)) == [len(data), 9, 77] and len(data) == 6


@pytest.mark.parametrize('changes, factor', [
    ({}, None), ({'faithful': True}, 2), ({'faithful': True, 'likelihood': 'laplace'}, 1),
    ({'aleatoric': False}, 2)])
def test_the_divergence_beside_a_plain_error_is_multiplied_by_its_noise(
        data, tmp_path, changes, factor):
    """As the maximum of the likelihood over a constant noise would weight it."""
    run = TrainingRun(replace(DEPTH, network=replace(TINY, concrete=True), **changes), tmp_path)
    divergence = float(run.learner.network.dropout_divergence().detach())
    recorded = []
    losses = run.learner._losses
    run.learner._losses = lambda *given: recorded.append(losses(*given)) or recorded[-1]
    batch = make_batch([data[0], data[1]], TINY, CORNERS[:2])
    total = run.learner.step(batch, .01, 1., 50)[0]
    noise = 1. if factor is None else factor * float(recorded[0].regression.detach())
    parts = sum(float(each.detach()) for each in recorded[0])
    assert total == pytest.approx(parts + noise * divergence / 50, rel=1e-5)


def test_a_step_without_the_number_of_frames_is_rejected(data, tmp_path):
    with pytest.raises(ValueError, match='data_frames is 0'):
        _step(replace(CONFIG, network=replace(TINY, concrete=True)), tmp_path, data)


def test_the_means_are_trained_first_during_the_warm_up(data, tmp_path):
    warm = replace(CONFIG, variance_warm_up=.5)
    assert _gradient_rows(_step(warm, tmp_path / 'before', data, .49)) == [
        *DEPTH_ROW, *LOGIT_ROWS]
    assert len(_gradient_rows(_step(warm, tmp_path / 'after', data, .5))) == 3 + TINY.classes


def test_a_run_in_its_warm_up_is_one_without_variances_and_then_learns_them(data, tmp_path):
    states = {}
    for name, changes in {'none': {'aleatoric': False}, 'warm': {'variance_warm_up': .5}}.items():
        run, snapshots = TrainingRun(replace(DEPTH, **changes), tmp_path / name), []
        save = run._save_epoch
        run._save_epoch = lambda log, run=run, recorded=snapshots, save=save: (
            recorded.append(_state(run)), save(log))
        run.train(data, None)
        states[name] = snapshots
    assert _same(states['warm'][0], states['none'][0])
    assert not _same(states['warm'][1], states['none'][1], VARIANCE_ROWS)
    assert states['warm'][1][f'{HEADS}bias'][1] != states['warm'][0][f'{HEADS}bias'][1]


def test_outlier_exposure_makes_the_classes_uncertain_at_unknown_objects(tmp_path, data):
    batch = make_batch([data[0], data[1]], TINY, CORNERS[:2])
    outliers = torch.zeros_like(batch.outliers)
    outliers[:, :2] = True
    batch = replace(batch, outliers=outliers)
    entropy = {}
    for weight in (0., 20.):
        config = replace(CONFIG, outlier_weight=weight,
                         augment=AugmentConfig(jpeg=0, outliers=1.))
        run = TrainingRun(config, tmp_path / str(weight))
        for _ in range(25):
            run.learner.step(batch, .01)
        with torch.no_grad():
            logits = run.learner.network.eval()(batch.rgb).logits.permute(0, 2, 3, 1)
        entropy[weight] = torch.distributions.Categorical(logits=logits).entropy()
    assert entropy[20.][outliers].mean() > entropy[0.][outliers].mean() + .05
