# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
import math

from bdl_perception.network.losses import (
    classification_loss,
    LIKELIHOODS,
    log_mean_probability,
    outlier_loss,
    regression_loss,
    TaskWeights,
)
from bdl_perception.perception.data_types import IGNORE
from hypothesis import given
from hypothesis import strategies as st
import numpy as np
import pytest
from scipy import stats
import torch

SHAPE = (2, 3, 4)  # B, h, w


def _maps(seed):
    rng = np.random.default_rng(seed)
    mean, log_variance, target = rng.normal(0, 1.5, (3, *SHAPE))
    target[0, 0, :2] = np.nan, np.inf
    return mean, log_variance, target


def _regression_by_loop(mean, log_variance, target, beta):
    terms, weights = [], []
    for m, s, y in zip(mean.ravel(), log_variance.ravel(), target.ravel(), strict=True):
        if math.isfinite(y):
            weights.append(math.sqrt(math.exp(s))**(2 * beta))
            terms.append(weights[-1] * (.5 * (y - m)**2 / math.exp(s) + .5 * s))
    return sum(terms) / sum(weights)


def _slope(function, values, index, step=1e-6):
    up, down = values.copy(), values.copy()
    up[index] += step
    down[index] -= step
    return (function(up) - function(down)) / (2 * step)


@given(st.integers(0, 1000), st.sampled_from([0., .5, 1.]))
def test_regression_is_the_formula_pixel_by_pixel(seed, beta):
    maps = _maps(seed)
    loss = regression_loss(*map(torch.from_numpy, maps), beta)
    assert float(loss) == pytest.approx(_regression_by_loop(*maps, beta), rel=1e-9)


def test_regression_gives_the_number_worked_in_its_docstring():
    one = torch.ones(1, 1, 1)
    assert float(regression_loss(one, 0 * one, 3 * one)) == pytest.approx(2)


@pytest.mark.parametrize('which', [0, 1])
def test_regression_gradient_is_the_finite_difference(which):
    maps = _maps(3)
    tensors = [torch.from_numpy(value).requires_grad_() for value in maps[:2]]
    regression_loss(*tensors, torch.from_numpy(maps[2])).backward()

    def loss(values):
        changed = [*maps]
        changed[which] = values
        return _regression_by_loop(*changed, 0)

    for index in [(0, 1, 0), (1, 2, 3), (0, 0, 2)]:
        slope = _slope(loss, maps[which], index)
        assert float(tensors[which].grad[index]) == pytest.approx(slope, rel=1e-6, abs=1e-9)


def test_beta_weights_the_gradient_by_sigma():
    mean, log_variance, target = (torch.from_numpy(value) for value in _maps(4))
    grads = []
    for beta in (0., .5):
        leaves = mean.clone().requires_grad_(), log_variance.clone().requires_grad_()
        regression_loss(*leaves, target, beta).backward()
        grads.append([leaf.grad for leaf in leaves])
    sigma = (.5 * log_variance).exp()
    share = sigma / sigma[torch.isfinite(target)].mean()
    for plain, scaled in zip(*grads, strict=True):
        torch.testing.assert_close(scaled, plain * share)


@pytest.mark.parametrize('beta', [0., .5, 1.])
def test_beta_does_not_change_the_loss_of_one_sigma_for_all(beta):
    mean, _, target = (torch.from_numpy(value) for value in _maps(6))
    same = torch.full_like(mean, -3.)
    found = regression_loss(mean, same, target, beta)
    torch.testing.assert_close(found, regression_loss(mean, same, target))


@pytest.mark.parametrize('likelihood', LIKELIHOODS)
def test_the_loss_is_the_density_of_scipy_with_the_predicted_variance(likelihood):
    mean, log_variance, target = _maps(12)
    known = np.isfinite(target)
    if likelihood == 'laplace':
        density = stats.laplace(mean, np.exp(log_variance / 2) / math.sqrt(2))
        constant = math.log(2)
    else:
        density, constant = stats.norm(mean, np.exp(log_variance / 2)), .5 * math.log(2 * math.pi)
    np.testing.assert_allclose(density.var(), np.exp(log_variance))
    expected = -density.logpdf(np.where(known, target, 0))[known].mean() - constant
    maps = map(torch.from_numpy, (mean, log_variance, target))
    assert float(regression_loss(*maps, 0, likelihood)) == pytest.approx(expected, rel=1e-9)


def test_the_laplace_loss_gives_the_number_worked_in_its_docstring():
    one = torch.ones(1, 1, 1)
    found = regression_loss(one, 0 * one, 3 * one, likelihood='laplace')
    assert float(found) == pytest.approx(2.48, abs=.005)


def test_without_a_variance_the_laplace_loss_is_the_mean_absolute_error():
    mean, _, target = _maps(7)
    loss = regression_loss(torch.from_numpy(mean), None, torch.from_numpy(target), 0, 'laplace')
    expected = np.abs(target - mean)[np.isfinite(target)].mean()
    assert float(loss) == pytest.approx(expected, rel=1e-9)


def test_with_beta_one_half_every_pixel_pulls_the_laplace_mean_equally():
    mean, log_variance, target = (torch.from_numpy(value) for value in _maps(13))
    leaf = mean.requires_grad_()
    regression_loss(leaf, log_variance, target, .5, 'laplace').backward()
    known = torch.isfinite(target)
    pull = math.sqrt(2) / (.5 * log_variance).exp()[known].sum()
    torch.testing.assert_close(leaf.grad[known], (pull * (mean - target).sign()).detach()[known])


@pytest.mark.parametrize('likelihood', LIKELIHOODS)
def test_the_best_variance_is_that_of_the_distribution_fitted_to_the_errors(likelihood):
    _, _, errors = _maps(14)
    errors = torch.from_numpy(np.nan_to_num(errors, posinf=0))
    s = torch.zeros(1, dtype=torch.float64, requires_grad=True)
    optimizer = torch.optim.LBFGS([s], line_search_fn='strong_wolfe')

    def slope():
        optimizer.zero_grad()
        loss = regression_loss(0 * errors, s.expand(SHAPE[1:])[None].expand(SHAPE), errors,
                               likelihood=likelihood)
        loss.backward()
        return loss

    optimizer.step(slope)
    family = {'gaussian': stats.norm, 'laplace': stats.laplace}[likelihood]
    fitted = family(*family.fit(errors.numpy().ravel(), floc=0))
    assert float(s.detach().exp()) == pytest.approx(fitted.var(), rel=1e-3)


@pytest.mark.parametrize('likelihood', LIKELIHOODS)
def test_pixels_without_depth_do_not_change_the_loss(likelihood):
    mean, log_variance, target = (torch.from_numpy(value) for value in _maps(5))
    clean = regression_loss(mean, log_variance, target, likelihood=likelihood)
    mean[0, 0, :2] = torch.tensor([math.nan, 1e30])
    log_variance[0, 0, :2] = torch.tensor([math.inf, -1e30])
    leaf = mean.requires_grad_()
    loss = regression_loss(leaf, log_variance, target, likelihood=likelihood)
    loss.backward()
    assert loss.item() == clean.item()
    assert torch.equal(leaf.grad[0, 0, :2], torch.zeros(2, dtype=torch.float64))
    assert torch.isfinite(leaf.grad).all()


def test_a_frame_without_depth_has_no_depth_gradient():
    leaf = torch.ones(SHAPE, requires_grad=True)
    loss = regression_loss(leaf, leaf, torch.full(SHAPE, math.nan))
    loss.backward()
    assert loss.item() == 0 and not leaf.grad.any()


def _logits(seed, classes=5):
    rng = np.random.default_rng(seed)
    logits = rng.normal(0, 2, (SHAPE[0], classes, *SHAPE[1:]))
    log_variance = rng.normal(0, 1, (SHAPE[0], 1, *SHAPE[1:]))
    target = rng.integers(0, classes, SHAPE).astype(np.uint8)
    target[1, 0, :2] = IGNORE
    return logits, log_variance, target


def _log_softmax(x):
    return x - x.max() - math.log(sum(math.exp(value - x.max()) for value in x))


def _classification_by_loop(logits, log_variance, target, noise):
    """noise: (T, N, K) of the labelled pixels, in row-major order."""
    terms, n = [], 0
    for b, i, j in np.ndindex(*SHAPE):
        if target[b, i, j] == IGNORE:
            continue
        sigma = math.exp(.5 * log_variance[b, 0, i, j])
        probabilities = [math.exp(_log_softmax(logits[b, :, i, j] + sigma * e)[target[b, i, j]])
                         for e in noise[:, n]]
        terms.append(-math.log(sum(probabilities) / len(probabilities)))
        n += 1
    return sum(terms) / len(terms)


def _noise(target, samples, classes=5):
    torch.manual_seed(11)
    labelled = int((target != IGNORE).sum())
    return torch.randn(samples, labelled, classes, dtype=torch.float64)


def _fixed_noise(monkeypatch, noise):
    monkeypatch.setattr(torch, 'randn', lambda shape, device: noise.reshape(shape))


@pytest.mark.parametrize('samples', [1, 4, 50])
def test_classification_is_the_log_of_the_average_probability(monkeypatch, samples):
    maps = _logits(samples)
    noise = _noise(maps[2], samples)
    _fixed_noise(monkeypatch, noise)
    loss = classification_loss(*map(torch.from_numpy, maps), samples)
    assert float(loss) == pytest.approx(_classification_by_loop(*maps, noise.numpy()), rel=1e-9)


@pytest.mark.parametrize('which', [0, 1])
def test_classification_gradient_is_the_finite_difference(monkeypatch, which):
    maps = _logits(8)
    noise = _noise(maps[2], 3)
    _fixed_noise(monkeypatch, noise)
    leaves = [torch.from_numpy(value).requires_grad_() for value in maps[:2]]
    classification_loss(*leaves, torch.from_numpy(maps[2]), 3).backward()

    def loss(values):
        changed = [*maps]
        changed[which] = values
        return _classification_by_loop(*changed, noise.numpy())

    for index in [(0, 0, 1, 1), (1, 0, 2, 3), (1, 0, 0, 0)]:
        slope = _slope(loss, maps[which], index)
        assert float(leaves[which].grad[index]) == pytest.approx(slope, rel=1e-5, abs=1e-9)


def test_the_log_of_the_average_is_above_the_average_of_the_logs():
    # Jensen; the thesis' text has the second, the paper's equation 12 the first.
    log_probability = torch.log(torch.tensor([[.9, .2], [.1, .2]], dtype=torch.float64))
    found = log_mean_probability(log_probability)
    torch.testing.assert_close(found.exp(), torch.tensor([.5, .2], dtype=torch.float64))
    averaged_logs = log_probability.mean(0)
    assert found[0] > averaged_logs[0] + .4
    assert found[1] == pytest.approx(float(averaged_logs[1]))


def test_without_noise_the_classification_loss_is_cross_entropy():
    logits, _, target = (torch.from_numpy(value) for value in _logits(9))
    silent = torch.full((SHAPE[0], 1, *SHAPE[1:]), -200., dtype=torch.float64)
    wanted = torch.nn.functional.cross_entropy(logits, target.long(), ignore_index=IGNORE)
    assert float(classification_loss(logits, silent, target)) == pytest.approx(float(wanted))


def test_a_frame_without_labels_has_no_class_gradient():
    leaf = torch.ones(SHAPE[0], 5, *SHAPE[1:], requires_grad=True)
    nothing = torch.full(SHAPE, IGNORE, dtype=torch.uint8)
    loss = classification_loss(leaf, leaf[:, :1], nothing)
    loss.backward()
    assert loss.item() == 0 and not leaf.grad.any()


@given(st.floats(.01, 9), st.floats(.01, 9), st.floats(-3, 3), st.floats(-3, 3))
def test_task_weights_are_the_formula_and_its_slope(square, classes, s_depth, s_classes):
    tasks = TaskWeights().double()
    with torch.no_grad():
        tasks.log_variances[:] = torch.tensor([s_depth, s_classes])
    loss = tasks(*torch.tensor([square / 2, classes], dtype=torch.float64))
    loss.backward()

    def by_hand(s):
        # Kendall, Gal & Cipolla 2018, eq. 10, with log sigma = s / 2
        return (square / (2 * math.exp(s[0])) + classes / math.exp(s[1]) + s[0] / 2 + s[1] / 2)

    s = tasks.log_variances.detach().numpy().copy()
    assert loss.item() == pytest.approx(by_hand(s), rel=1e-6)
    for index in (0, 1):
        slope = _slope(by_hand, s, index)
        assert float(tasks.log_variances.grad[index]) == pytest.approx(slope, rel=1e-4, abs=1e-6)


def _optimised(tasks, *losses, **kinds):
    optimizer = torch.optim.Adam(tasks.parameters(), .05)
    for _ in range(400):
        optimizer.zero_grad()
        tasks(*map(torch.tensor, losses), **kinds).backward()
        optimizer.step()
    return tasks.log_variances.tolist()


def test_each_task_weight_converges_to_its_optimum():
    mean_square, surprise = 3., .2
    assert _optimised(TaskWeights(), mean_square / 2, surprise) == pytest.approx(
        [math.log(mean_square), math.log(2 * surprise)], abs=1e-3)


def test_a_regression_with_predicted_sigma_has_weight_one():
    tasks = TaskWeights()
    assert _optimised(tasks, -1.7, .2, sigma_predicted=True) == pytest.approx(
        [0, math.log(.4)], abs=1e-3)
    loss = tasks(torch.tensor(-1.7), torch.tensor(.2), sigma_predicted=True)
    assert loss.item() == pytest.approx(-1.7 + .5 + .5 * math.log(.4), abs=1e-3)


def test_both_kinds_of_sigma_give_the_same_gradient_of_depth():
    # where sigma is what the error is, both are the likelihood of one Gaussian
    mean, _, target = (torch.from_numpy(value) for value in _maps(11))
    square = (mean - target)[torch.isfinite(target)].square().mean()
    slopes = []
    for variance in (None, torch.full_like(mean, square.log())):
        tasks = TaskWeights()
        with torch.no_grad():
            tasks.log_variances[0] = square.log()
        leaf = mean.clone().requires_grad_()
        tasks(regression_loss(leaf, variance, target, .5), torch.tensor(1.),
              sigma_predicted=variance is not None).backward()
        slopes.append(leaf.grad)
    torch.testing.assert_close(*slopes, rtol=1e-5, atol=1e-8)


@pytest.mark.parametrize('missing', ['has_depth', 'has_classes'])
def test_a_task_without_truth_moves_no_weight(missing):
    losses = {'has_depth': (0., .5), 'has_classes': (.5, 0.)}[missing]
    found = _optimised(TaskWeights(), *losses, **{missing: False})
    assert found[['has_depth', 'has_classes'].index(missing)] == 0
    assert sum(found) == pytest.approx(0, abs=1e-3)  # log(2 * .5) of the other


def test_without_a_variance_regression_is_half_the_mean_square():
    mean, _, target = _maps(7)
    known = np.isfinite(target)
    expected = .5 * np.mean((target - mean)[known]**2)
    loss = regression_loss(torch.from_numpy(mean), None, torch.from_numpy(target))
    assert float(loss) == pytest.approx(expected, rel=1e-9)


def test_without_a_variance_classification_is_the_cross_entropy():
    rng = np.random.default_rng(8)
    logits, target = rng.normal(0, 2, (1, 3, 2, 2)), np.array([[[0, 2], [IGNORE, 1]]])
    terms = []
    for row, column in ((0, 0), (0, 1), (1, 1)):
        at = logits[0, :, row, column]
        terms.append(np.log(np.exp(at).sum()) - at[target[0, row, column]])
    loss = classification_loss(torch.from_numpy(logits), None, torch.from_numpy(target))
    assert float(loss) == pytest.approx(np.mean(terms), rel=1e-9)


def test_fixed_task_weights_are_a_plain_sum():
    tasks = TaskWeights(.25)
    loss = tasks(torch.tensor(4.), torch.tensor(8.))
    assert float(loss) == pytest.approx(.25 * 4 + .75 * 8)


@pytest.mark.parametrize('noisy', [True, False])
def test_class_weights_weight_the_pixels_of_the_mean(noisy):
    rng = np.random.default_rng(9)
    logits = torch.from_numpy(rng.normal(0, 2, (1, 3, 2, 2)))
    target = torch.tensor([[[0, 2], [IGNORE, 1]]], dtype=torch.uint8)
    variance = torch.full((1, 1, 2, 2), -1.).double() if noisy else None
    noise = torch.from_numpy(rng.normal(0, 1, (4, 3, 3)))  # T, labelled pixels, K

    def loss(weights):
        return float(classification_loss(logits, variance, target, noise=noise, weights=weights))

    def alone(pixel):
        row, column = ((0, 0), (0, 1), (1, 1))[pixel]
        only = torch.full_like(target, IGNORE)
        only[0, row, column] = target[0, row, column]
        return float(classification_loss(logits, variance, only,
                                         noise=noise[:, pixel:pixel + 1]))

    weights = torch.tensor([1., 2., 5.]).double()
    expected = (1 * alone(0) + 5 * alone(1) + 2 * alone(2)) / 8
    assert loss(weights) == pytest.approx(expected, rel=1e-9)
    assert loss(torch.ones(3).double()) == pytest.approx(loss(None), rel=1e-9)


def test_the_loss_at_unknown_objects_is_the_cross_entropy_against_equal_probabilities():
    logits = torch.randn(2, 5, 3, 4, generator=torch.Generator().manual_seed(0))
    outliers = torch.zeros(2, 3, 4, dtype=torch.bool)
    outliers[0, 1, 2] = outliers[1, 0, 0] = True
    chosen = np.stack([logits[0, :, 1, 2], logits[1, :, 0, 0]]).astype(float)  # (2, K)
    probability = np.exp(chosen) / np.exp(chosen).sum(1, keepdims=True)
    expected = np.mean([stats.entropy(np.full(5, .2)) + stats.entropy(np.full(5, .2), row)
                        for row in probability])  # entropy + divergence
    assert outlier_loss(logits, outliers).item() == pytest.approx(expected, rel=1e-5)


def test_the_loss_at_unknown_objects_is_log_k_for_equal_logits_and_0_without_any():
    logits = torch.full((1, 11, 2, 2), 3., requires_grad=True)
    everywhere = torch.ones(1, 2, 2, dtype=torch.bool)
    assert outlier_loss(logits, everywhere).item() == pytest.approx(math.log(11))
    none = outlier_loss(logits, ~everywhere)
    none.backward()
    assert none.item() == 0 and not logits.grad.any()
