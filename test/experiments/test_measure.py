# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""Against numpy, frame by frame and mask by mask, from the raw maps of the network."""
from dataclasses import replace
import json
import math

from bdl_perception.experiments.data import CORRUPTIONS, load_data
from bdl_perception.experiments.mc_sampling import ensemble_forward, mc_forward, mc_masks
from bdl_perception.experiments.measure import (
    evaluate,
    Evaluation,
    interval_report,
    PixelErrors,
    predict_split,
    to_json_values,
)
from bdl_perception.experiments.scores import fit_scores, fitted_scores
from bdl_perception.network.model import Network
from bdl_perception.perception.data_types import IGNORE
from bdl_perception.training.batches import ordered_batches
from micro_experiment import make_micro_drives, MICRO
import numpy as np
import pytest
from tiny_network import draw_frames, make_tiny_network, TINY
import torch

T = 4


@pytest.fixture(scope='module')
def data(tmp_path_factory):
    return load_data(make_micro_drives(tmp_path_factory.mktemp('data')), MICRO)['both']


@pytest.fixture(scope='module')
def batch(data):
    return next(ordered_batches(data.splits['test'].frames, 4, range(4), TINY))


@pytest.fixture(scope='module')
def network(batch):
    """Return a network that classifies about half of the pixels as sky."""
    network = make_tiny_network()
    with torch.no_grad():
        logits = network(batch.rgb).logits
        network.decoder.heads.bias[3] += (logits[:, 1:].amax(1) - logits[:, 0]).quantile(.5)
    return network


def fit(network, data):
    frames = data.splits['train'].frames
    return fit_scores(network, (one.rgb for one in ordered_batches(frames, 4, range(8), TINY)))


def evaluation_of(network, data, task='both', learned_variance=True):
    fitted, masks = fit(network, data), mc_masks(network, T)
    return Evaluation(lambda rgb: mc_forward(network, rgb, masks, learned_variance),
                      lambda output: fitted_scores(network, output, fitted), network.config, task)


def softmax(logits):
    weights = np.exp(logits - logits.max(0))
    return weights / weights.sum(0)


def entropy(p):
    return -(p * np.log(p)).sum(0)


def one_pass(network, rgb, masks=None):
    """Return log-depth, its variance, logits and probabilities of one frame, float64."""
    with torch.no_grad():
        maps = network(rgb[None], masks)
    depth, variance, logits, noise = (map_[0].double().numpy() for map_ in maps)
    return depth, np.exp(variance), logits, softmax(
        logits / np.sqrt(1 + math.pi / 8 * np.exp(noise)))


def samples_of(network, rgb):
    masks = mc_masks(network, T)
    return [one_pass(network, rgb, [mask[t:t + 1] for mask in masks]) for t in range(T)]


@pytest.mark.parametrize('dropout', ['deep', 'decoder', 'deep_encoder', 'everywhere'])
def test_samples_and_moments_match_each_mask_and_frame(batch, dropout):
    torch.manual_seed(0)
    network = Network(replace(TINY, dropout=dropout)).eval()
    output = mc_forward(network, batch.rgb, mc_masks(network, T), True)
    for index, rgb in enumerate(batch.rgb):
        samples = samples_of(network, rgb)
        depths = np.stack([sample[0] for sample in samples])  # (T, h, w)
        p = np.stack([sample[3] for sample in samples])  # (T, K, h, w)
        information = entropy(p.mean(0)) - np.mean([entropy(one) for one in p], axis=0)
        for found, wanted in (
                (output.mean_log_depth, depths.mean(0)), (output.epistemic, depths.var(0, ddof=1)),
                (output.epistemic_inverse, (1 / np.exp(depths)).var(0, ddof=1)),
                (output.aleatoric, np.mean([sample[1] for sample in samples], axis=0)),
                (output.mutual_information, information), (output.mean_probabilities, p.mean(0))):
            np.testing.assert_allclose(found[index].numpy(), wanted, rtol=2e-3, atol=2e-6)
    assert (output.epistemic > 0).any()


def test_every_score_matches_its_formula(network, data, batch):
    found = predict_split(evaluation_of(network, data), data.splits['test']).frame_values()
    train = data.splits['train'].frames
    features = np.concatenate([network.encode(one.rgb).pooled.detach().numpy()
                               for one in ordered_batches(train, 8, range(8), TINY)]).astype(float)
    covariance = np.cov(features.T, bias=True)
    covariance = .95 * covariance + .05 * np.trace(covariance) / len(covariance) * np.eye(
        len(covariance))
    for index, rgb in enumerate(batch.rgb):
        depth, variance, logits, p = one_pass(network, rgb)
        samples = samples_of(network, rgb)
        ground = logits.argmax(0) != 0
        assert ground.any() and not ground.all()
        depths = np.stack([sample[0] for sample in samples])
        deviation = network.encode(rgb[None]).pooled[0].detach().numpy() - features.mean(0)
        wanted = {
            'entropy': entropy(p).mean(), 'softmax': (1 - p.max(0)).mean(),
            'energy': -np.log(np.exp(logits).sum(0)).mean(),
            'aleatoric': variance[ground].mean(),
            'feature': np.sqrt(deviation @ np.linalg.inv(covariance) @ deviation),
            'epistemic_log_depth': depths.var(0, ddof=1)[ground].mean(),
            'epistemic_inverse_depth': (1 / np.exp(depths)).var(0, ddof=1)[ground].mean()}
        for name, value in wanted.items():
            assert found[name][index] == pytest.approx(value, rel=5e-3), name
    assert (found['mutual_information'] > 0).all()


def test_accuracy_and_variances_use_pixels_with_ground_truth(network, data, batch):
    report = evaluate(evaluation_of(network, data), data)['test']
    passes = [one_pass(network, rgb) for rgb in batch.rgb]
    truth, classes = batch.log_depth.double().numpy(), batch.classes.numpy()
    depth = np.exp(np.stack([one[0] for one in passes]))
    known = np.isfinite(truth)
    error = depth[known] - np.exp(truth[known])
    assert report['single']['abs_rel'] == pytest.approx(
        np.mean(np.abs(error) / np.exp(truth[known])), rel=1e-4)
    assert report['single']['rms_m'] == pytest.approx(np.sqrt(np.mean(error**2)), rel=1e-4)
    predicted = np.stack([one[3] for one in passes]).argmax(1)
    predicted[classes == IGNORE] = IGNORE
    ious = [np.sum((predicted == k) & (classes == k)) / np.sum((predicted == k) | (classes == k))
            for k in range(11) if ((predicted == k) | (classes == k)).any()]
    assert report['single']['mean_iou'] == pytest.approx(np.mean(ious), rel=1e-5)
    p = np.stack([one[3] for one in passes])
    surprise = [-np.log(p[b, classes[b, y, x], y, x])
                for b, y, x in np.argwhere(classes != IGNORE)]
    assert report['single']['class_nll'] == pytest.approx(np.mean(surprise), rel=1e-4)
    spread = np.stack([np.stack([sample[0] for sample in samples_of(network, rgb)]).var(0, ddof=1)
                       for rgb in batch.rgb])
    assert report['epistemic_variance'] == pytest.approx(spread[known].mean(), rel=2e-3)


def test_the_report_is_json_and_names_every_condition(network, data):
    report = evaluate(evaluation_of(network, data), data)
    assert set(report['conditions']) == {*CORRUPTIONS, *(
        f'{part}_{name}' for part in ('validation', 'test') for name in ('night', 'lens_dirt'))}
    assert 'NaN' not in json.dumps(report, allow_nan=False)
    night = report['conditions']['test_night']['scores']['epistemic_log_depth']
    assert night['ratio'] == pytest.approx(
        night['mean'] / report['test']['scores']['epistemic_log_depth'], rel=1e-4)
    assert 0 <= night['auroc_interval'][0] <= night['auroc'] <= night['auroc_interval'][1] <= 1


def test_a_network_without_uncertainty_reports_none(data):
    torch.manual_seed(0)
    network = Network(replace(TINY, dropout='none')).eval()
    report = evaluate(evaluation_of(network, data, learned_variance=False), data)
    assert report['intervals'] == {} and 'epistemic_variance' not in report['test']
    assert set(report['test']['scores']) == {'entropy', 'energy', 'softmax', 'feature', 'laplace'}
    assert report['test']['single'] == report['test']['average']


@pytest.mark.parametrize(('task', 'missing'), [('depth', 'mean_iou'), ('classes', 'rms_m')])
def test_the_head_that_was_not_trained_is_not_reported(network, data, task, missing):
    report = evaluate(evaluation_of(network, data, task), data)
    assert report['test']['average'][missing] is None
    known = {'mean_iou': 'rms_m', 'rms_m': 'mean_iou'}[missing]
    assert report['test']['average'][known] > 0
    assert ('intervals' in report) == (task == 'depth')
    assert list(report['test']['recall_curves']) == [
        'rms_m' if task == 'depth' else 'correct']


def test_curves_end_at_the_accuracy_of_all_pixels(network, data):
    report = evaluate(evaluation_of(network, data), data)['test']
    for curve in report['recall_curves']['rms_m'].values():
        assert curve[-1] == pytest.approx(report['average']['rms_m'], rel=1e-3)
    found = predict_split(evaluation_of(network, data), data.splits['test'])
    assert report['recall_curves']['correct']['entropy'][-1] == pytest.approx(
        found.pixel_values('correct').mean(), rel=1e-4)


def test_an_ensemble_averages_the_deterministic_passes(batch):
    networks = [make_tiny_network(seed) for seed in (1, 2, 3)]
    output = ensemble_forward(networks, batch.rgb, True)
    passes = [one_pass(network, batch.rgb[0]) for network in networks]
    depths = np.stack([one[0] for one in passes])
    np.testing.assert_allclose(output.epistemic[0], depths.var(0, ddof=1), rtol=1e-3, atol=1e-6)
    p = np.mean([one[3] for one in passes], axis=0)
    np.testing.assert_allclose(output.mean_probabilities[0], p, rtol=1e-3)


def test_numbers_of_a_result_have_six_digits():
    assert to_json_values({'a': (1.23456789, float('nan'), 3)}) == {'a': [1.23457, None, 3]}


def test_the_masks_are_the_same_every_time(network):
    for first, second in zip(mc_masks(network, T), mc_masks(network, T), strict=True):
        assert torch.equal(first, second) and first.shape[0] == T


def test_masks_have_the_learned_probability_of_their_level():
    network = Network(replace(TINY, concrete=True, decoder_channels=(400, 300, 5, 4)))
    with torch.no_grad():
        network.dropout_logits[:2] = torch.tensor([.5, .1]).logit()
    shares = [float((mask == 0).float().mean()) for mask in mc_masks(network, 20)[:2]]
    assert shares == pytest.approx([.5, .1], abs=.03)


def test_forward_passes_run_in_evaluation_mode(network):
    rgb = draw_frames(2).permute(0, 3, 1, 2).float()
    network.train()
    first = mc_forward(network, rgb, [], True).single.log_depth
    network.eval()
    assert torch.equal(first, mc_forward(network, rgb, [], True).single.log_depth)


def test_the_factor_is_fitted_and_evaluated_on_different_splits():
    rng = np.random.default_rng(1)
    fitting = PixelErrors(2 * rng.standard_normal(4000), np.full(4000, .5), np.full(4000, .5))
    held_out = PixelErrors(6 * rng.standard_normal(4000), np.full(4000, .5), np.full(4000, .5))
    report = interval_report(fitting, held_out)
    assert set(report) == {'aleatoric', 'epistemic', 'total'}
    assert report['total']['scale'] == pytest.approx(2, rel=.05)
    inside = np.mean(np.abs(held_out.error) <= 1.6449 * report['total']['scale'])
    assert inside < .5
    assert report['total']['coverage_after'] == pytest.approx(inside, abs=1e-3)


def test_the_total_of_one_kind_of_variance_is_that_kind():
    pixels = PixelErrors(np.ones(10), None, np.full(10, .25))
    report = interval_report(pixels, pixels)
    assert set(report) == {'epistemic', 'total'} and report['total'] == report['epistemic']
    blind = PixelErrors(np.ones(9), None, None)
    assert interval_report(blind, blind) == {}
