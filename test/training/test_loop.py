# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
import csv
from dataclasses import replace
import math

from bdl_perception.datasets.rendered import WorldDataset
from bdl_perception.training import loop
from bdl_perception.training.augment import AugmentConfig
from bdl_perception.training.checkpoint import read_checkpoint
from bdl_perception.training.config import TrainConfig
from bdl_perception.training.loop import TrainingRun
from bdl_perception.training.validation import ValidationMetrics
import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tiny_drives import make_tiny_drives
from tiny_network import TINY
import torch

CONFIG = TrainConfig(epochs=2, batch=2, threads=1, validation_frames=3, network=TINY,
                     augment=AugmentConfig(jpeg=0))


@pytest.fixture(scope='module')
def data(tmp_path_factory):
    root = make_tiny_drives(tmp_path_factory.mktemp('drives'), drives=2, frames=3)
    return WorldDataset(root, 'train', TINY.height, TINY.width)


@pytest.fixture(autouse=True)
def plots(monkeypatch):
    """Record the plots instead of drawing them, which takes longer than a tiny epoch."""
    drawn = []
    monkeypatch.setattr(loop, 'plot_curves', lambda path, history: drawn.append((path, history)))
    return drawn


def _weights(run):
    return {name: value.clone() for name, value in run.learner.network.state_dict().items()}


def _same(first, second):
    return all(torch.equal(first[name], second[name]) for name in first)


def _stop_after(run, epochs):
    """End the run after some epochs, as if it was killed after its checkpoint."""
    done = run._completed_fraction
    run._completed_fraction = lambda share: 1 if run.progress.epoch >= epochs else done(share)


def test_the_same_seed_gives_the_same_network(data, tmp_path):
    runs = [TrainingRun(CONFIG, tmp_path / name) for name in ('a', 'b')]
    for run in runs:
        run.train(data, None)
    assert _same(_weights(runs[0]), _weights(runs[1]))


def test_another_seed_gives_another_network(data, tmp_path):
    runs = [TrainingRun(replace(CONFIG, seed=seed, epochs=1), tmp_path / str(seed))
            for seed in (1, 2)]
    for run in runs:
        run.train(data, None)
    assert not _same(_weights(runs[0]), _weights(runs[1]))


@pytest.mark.parametrize('config', [CONFIG, replace(
    CONFIG, likelihood='laplace', faithful=True, variance_warm_up=.6,
    network=replace(TINY, concrete=True))])
def test_a_killed_run_resumes_to_the_same_network(data, tmp_path, config):
    whole = TrainingRun(config, tmp_path / 'whole')
    whole.train(data, data)
    killed = TrainingRun(config, tmp_path / 'killed')
    _stop_after(killed, 1)
    killed.train(data, data)
    resumed = TrainingRun(config, tmp_path / 'killed')
    assert resumed.progress.epoch == 1 and not resumed.progress.finished
    resumed.train(data, data)
    assert _same(_weights(whole), _weights(resumed))
    for name in ('loss', 'validation_abs_rel'):
        assert [row[name] for row in whole.progress.history] == [
            row[name] for row in resumed.progress.history]


def test_a_finished_run_does_not_train_again(data, tmp_path):
    TrainingRun(CONFIG, tmp_path).train(data, None)
    again = TrainingRun(CONFIG, tmp_path)
    before = _weights(again)
    assert again.train(data, None).epoch == 2
    assert _same(before, _weights(again))


def test_a_finished_run_can_be_extended(data, tmp_path):
    TrainingRun(CONFIG, tmp_path).train(data, None)
    assert TrainingRun(replace(CONFIG, epochs=3), tmp_path).train(data, None).epoch == 3


@pytest.mark.parametrize('change', [{'learning_rate': 1e-4}, {'clip': .5}])
def test_a_resume_may_change_learning_rate_and_clip(data, tmp_path, change):
    TrainingRun(replace(CONFIG, epochs=1), tmp_path).train(data, None)
    rows = TrainingRun(replace(CONFIG, epochs=2, **change), tmp_path).train(data, None).history
    assert len(rows) == 2 and ('clip' in change or rows[1]['learning_rate'] <= 1e-4)


def test_a_run_of_another_network_is_not_resumed(data, tmp_path):
    TrainingRun(replace(CONFIG, epochs=1), tmp_path).train(data, None)
    other = replace(CONFIG, network=replace(TINY, dropout_probability=.4))
    with pytest.raises(ValueError, match='another network'):
        TrainingRun(other, tmp_path)


def test_every_parameter_changes(data, tmp_path):
    run = TrainingRun(replace(CONFIG, epochs=1), tmp_path)
    named = [*run.learner.network.named_parameters(), *run.learner.task_weights.named_parameters()]
    before = {name: value.detach().clone() for name, value in named}
    run.train(data, None)
    still = [name for name, value in named if torch.equal(value, before[name])]
    assert not still


def test_weight_decay_applies_to_kernels_only(tmp_path):
    for group in TrainingRun(CONFIG, tmp_path).learner.optimizer.param_groups:
        dimensions = {value.ndim for value in group['params']}
        assert dimensions == ({4} if group['weight_decay'] else {1})


def test_the_encoder_has_its_share_of_the_learning_rate(data, tmp_path):
    run = TrainingRun(replace(CONFIG, encoder_rate=.25), tmp_path)
    run.train(data, None)
    encoder = {id(parameter) for parameter in run.learner.network.encoder.parameters()}
    rates = {id(parameter): group['lr'] for group in run.learner.optimizer.param_groups
             for parameter in group['params']}
    inside = {rates[key] for key in encoder}
    outside = {rate for key, rate in rates.items() if key not in encoder}
    assert len(inside) == len(outside) == 1 and inside.pop() == pytest.approx(.25 * outside.pop())


def test_fixed_task_weights_stay_fixed(data, tmp_path):
    row = TrainingRun(replace(CONFIG, depth_weight=.3), tmp_path).train(data, None).history[-1]
    assert row['log_variance_depth'] == row['log_variance_classes'] == 0
    assert row['loss'] == pytest.approx(.3 * row['regression'] + .7 * row['classification'])


def test_without_aleatoric_the_variance_is_not_trained(data, tmp_path):
    run = TrainingRun(replace(CONFIG, aleatoric=False), tmp_path)
    before = run.learner.network.decoder.heads.bias[1:3].clone()
    run.train(data, None)
    torch.testing.assert_close(run.learner.network.decoder.heads.bias[1:3], before)


def test_a_few_epochs_reduce_the_loss_on_the_tiny_street(data, tmp_path):
    run = TrainingRun(replace(CONFIG, epochs=25, learning_rate=.02), tmp_path)
    history = run.train(data, data).history
    assert history[-1]['loss'] < .6 * history[0]['loss']
    assert history[-1]['validation_mean_iou'] > .4 > history[0]['validation_mean_iou']


@pytest.fixture
def scores(monkeypatch):
    """Give each epoch the validation score of a list, whatever the network does."""
    def validate(scores):
        def measure(network, batches, tasks):
            return ValidationMetrics(scores[runs.pop()], math.nan, math.nan)
        runs = list(range(len(scores)))[::-1]
        monkeypatch.setattr(loop, 'compute_metrics', measure)
    return validate


def test_a_run_ends_when_its_patience_is_exhausted(data, tmp_path, scores):
    scores([.5, .3, .4, .3, .1])
    progress = TrainingRun(replace(CONFIG, epochs=9, patience=2), tmp_path).train(data, data)
    assert (progress.epoch, progress.best_epoch, progress.finished) == (4, 2, True)


def test_patience_survives_a_kill_and_can_be_raised(data, tmp_path, scores):
    scores([.5, .3, .4, .3, .1, .2])
    config = replace(CONFIG, epochs=6, patience=2)
    killed = TrainingRun(config, tmp_path)
    _stop_after(killed, 3)
    killed.train(data, data)
    assert TrainingRun(config, tmp_path).train(data, data).epoch == 4
    progress = TrainingRun(replace(config, patience=3), tmp_path).train(data, data)
    assert (progress.epoch, progress.best_epoch) == (6, 5)


def test_the_best_network_is_stored_beside_the_last(data, tmp_path, scores):
    scores([.5, .3, .4])
    run = TrainingRun(replace(CONFIG, epochs=3), tmp_path)
    weights = []
    save = run._save_epoch
    run._save_epoch = lambda log: (weights.append(_weights(run)), save(log))
    run.train(data, data)
    best, last = (read_checkpoint(tmp_path / name) for name in ('best.pt', 'checkpoint.pt'))
    assert (best.progress.epoch, last.progress.epoch) == (2, 3)
    assert _same(best.network, weights[1]) and not _same(best.network, last.network)
    assert _same(last.network, weights[2])


def test_patience_without_validation_is_rejected(data, tmp_path):
    with pytest.raises(ValueError, match='patience is 3.*no validation frames'):
        TrainingRun(replace(CONFIG, patience=3), tmp_path).train(data, None)


def test_without_validation_there_is_no_best_network(data, tmp_path):
    TrainingRun(replace(CONFIG, epochs=1), tmp_path).train(data, None)
    assert not (tmp_path / 'best.pt').exists()


class Clock:
    """Advances by a second at every reading."""

    def __init__(self):
        self.now_s = 0.

    def __call__(self):
        self.now_s += 1
        return self.now_s


def test_with_minutes_the_clock_sets_length_and_learning_rate(data, tmp_path):
    run = TrainingRun(replace(CONFIG, minutes=.2, epochs=1), tmp_path, Clock())
    progress = run.train(data, None)
    assert progress.finished and progress.elapsed_s == pytest.approx(12, abs=2)
    rates = [row['learning_rate'] for row in progress.history]
    assert len(rates) > 1 and rates[-1] < .2 * max(rates)


def test_a_resume_counts_the_minutes_of_the_killed_run(data, tmp_path):
    config = replace(CONFIG, minutes=.2)
    killed = TrainingRun(config, tmp_path, Clock())
    _stop_after(killed, 1)
    killed.train(data, None)
    spent_s = killed.progress.elapsed_s
    resumed = TrainingRun(config, tmp_path, Clock())
    assert resumed.progress.elapsed_s == spent_s > 0
    assert resumed.train(data, None).elapsed_s == pytest.approx(12, abs=2)


def test_a_nan_loss_stops_the_run_with_a_remedy(data, tmp_path):
    run = TrainingRun(CONFIG, tmp_path)
    with torch.no_grad():
        run.learner.network.decoder.heads.bias[0] = float('nan')
    with pytest.raises(RuntimeError, match='loss became nan.*learning_rate'):
        run.train(data, None)
    assert not (tmp_path / 'checkpoint.pt').exists()


def test_the_curves_have_a_row_for_each_epoch(data, tmp_path):
    TrainingRun(CONFIG, tmp_path).train(data, data)
    with (tmp_path / 'curves.csv').open() as file:
        rows = list(csv.DictReader(file))
    assert [row['epoch'] for row in rows] == ['1', '2']
    assert float(rows[1]['validation_mean_iou']) >= 0
    assert read_checkpoint(tmp_path / 'checkpoint.pt').progress.history[0]['images'] == 6


def _logged(folder, tag):
    events = EventAccumulator(str(folder / 'tensorboard'))
    return [(event.step, event.value) for event in events.Reload().Scalars(tag)]


def test_tensorboard_shows_every_epoch_of_a_resumed_run_once(data, tmp_path):
    killed = TrainingRun(CONFIG, tmp_path)
    _stop_after(killed, 1)
    killed.train(data, None)
    history = TrainingRun(CONFIG, tmp_path).train(data, None).history
    logged = _logged(tmp_path, 'train/loss')
    assert [step for step, _ in logged] == [1, 2]
    assert [value for _, value in logged] == pytest.approx([row['loss'] for row in history])


def test_the_curves_are_plotted_after_each_epoch(data, tmp_path, plots):
    history = TrainingRun(CONFIG, tmp_path).train(data, None).history
    assert plots == [(tmp_path / 'curves.png', history)] * 2


def test_fewer_frames_than_a_batch_are_one_batch(data, tmp_path):
    progress = TrainingRun(replace(CONFIG, batch=50, epochs=1), tmp_path).train(data, None)
    assert progress.images == len(data)


@pytest.mark.parametrize('change', [{'seed': 9}, {'beta': .25}, {'depth_weight': .5}])
def test_a_resume_with_another_configuration_is_rejected(
        data, tmp_path, change):
    TrainingRun(CONFIG, tmp_path).train(data, None)
    with pytest.raises(ValueError, match=f'another {next(iter(change))}'):
        TrainingRun(replace(CONFIG, **change), tmp_path)


def test_a_resume_may_be_longer_and_use_more_threads(data, tmp_path):
    TrainingRun(CONFIG, tmp_path).train(data, None)
    longer = TrainingRun(replace(CONFIG, epochs=3, threads=2), tmp_path)
    assert longer.train(data, None).epoch == 3


def _training_set(**changes):
    return {'kind': 'world', 'frames': 6, 'stride': 1, 'repeat': 1, **changes}


@pytest.mark.parametrize('other', [
    [_training_set(kind='camvid')], [_training_set(frames=7)], [_training_set(repeat=2)],
    [_training_set(stride=2)], [_training_set(), _training_set(kind='camvid')]])
def test_a_resume_on_other_data_is_rejected(data, tmp_path, other):
    first = TrainingRun(replace(CONFIG, epochs=1), tmp_path)
    first.record_training_sets([_training_set()])
    first.train(data, None)
    again = TrainingRun(CONFIG, tmp_path)
    again.record_training_sets([_training_set()])
    kind, frames = other[-1]['kind'], other[-1]['frames']
    with pytest.raises(ValueError, match=rf'on world \(6 frames, stride 1, repeat 1\), '
                                         rf'not on .*{kind} \({frames} frames'):
        again.record_training_sets(other)


def test_a_run_without_recorded_data_accepts_any(data, tmp_path):
    TrainingRun(replace(CONFIG, epochs=1), tmp_path).train(data, None)
    old = TrainingRun(CONFIG, tmp_path)
    old.record_training_sets([_training_set()])
    assert old.progress.data == [_training_set()]
