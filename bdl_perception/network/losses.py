# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""Training losses: two heteroscedastic likelihoods and the weights of the tasks."""
import math

from bdl_perception.perception.data_types import IGNORE
import torch
from torch import nn, Tensor
from torch.nn import functional

LIKELIHOODS = ('gaussian', 'laplace')


def regression_loss(mean: Tensor, log_variance: Tensor | None, target: Tensor,
                    beta: float = 0.0, likelihood: str = 'gaussian') -> Tensor:
    """
    Gaussian or Laplace likelihood of log-depth with a predicted variance.

    L = mean over finite targets of 1/2 ((y - mean)^2 / sigma^2 + s), s = log sigma^2 (Kendall &
    Gal 2017, eq. 8). The mean is weighted by sigma^(2 beta), which has no gradient and raises the
    weight of pixels of large variance (Seitzer et al. 2022; divided by its sum here, so that
    sigma does not change the weight of depth against the classes); beta = 0 is the plain
    likelihood. Worked: mean 1, target 3, s = 0: (4 + 0) / 2 = 2. Without log_variance the loss is
    1/2 (y - mean)^2: one sigma for all pixels, which the weight of the task represents.

    'laplace': |y - mean| / b + log b, the likelihood of the paper's depth experiments. s remains
    the logarithm of the variance, which is 2 b^2: b = sigma / sqrt(2). With the numbers above
    2 sqrt(2) - 1/2 log 2 = 2.48. Without log_variance the loss is |y - mean|.
    All (B, h, w); a target of NaN or infinity is ignored; none finite: 0.
    """
    valid = torch.isfinite(target)
    if not valid.any():
        return (mean * 0.0).sum()
    error = (target - mean)[valid]  # (N,)
    if log_variance is None:
        return error.abs().mean() if likelihood == 'laplace' else 0.5 * error.square().mean()
    weights, log_variance = regression_weights(log_variance, target, beta), log_variance[valid]
    if likelihood == 'laplace':
        log_scale = 0.5 * (log_variance - math.log(2.0))  # log b
        loss = error.abs() * (-log_scale).exp() + log_scale
    else:
        loss = 0.5 * (error.square() * (-log_variance).exp() + log_variance)
    return (weights * loss).sum() / weights.sum()


def regression_weights(log_variance: Tensor | None, target: Tensor, beta: float) -> Tensor:
    """Compute the weight of each finite target in regression_loss, (N,), without gradient."""
    valid = torch.isfinite(target)
    if log_variance is None:
        return torch.ones_like(target[valid])
    return (beta * log_variance[valid]).exp().detach()


def classification_loss(logits: Tensor, log_variance: Tensor | None, target: Tensor,
                        samples: int = 4, noise: Tensor | None = None,
                        weights: Tensor | None = None) -> Tensor:
    """
    Cross-entropy with Gaussian noise on the logits (Kendall & Gal 2017, eq. 12).

    L = - mean over labelled pixels of log 1/T sum_t softmax(logits + sigma e_t)_target: the log
    of the average probability, as in the paper; the average of the logs (the thesis' text) is an
    upper bound of it. e_t is noise, (T, N, K) for the N labelled pixels, or drawn from torch's
    generator.
    logits: (B, K, h, w), log_variance: (B, 1, h, w), one sigma for all logits of a pixel,
    target: (B, h, w) ids, IGNORE is left out; none labelled: 0. Without log_variance the loss is
    the plain cross-entropy. weights: (K,) of the pixels of each class in the mean.
    """
    labelled = target != IGNORE
    if not labelled.any():
        return (logits * 0.0).sum()
    means = logits.permute(0, 2, 3, 1)[labelled]  # (N, K)
    ids = target[labelled].long()  # (N,)
    if log_variance is None:
        return functional.cross_entropy(means, ids, weights)
    sigma = (0.5 * log_variance.squeeze(1)[labelled]).exp()  # (N,)
    if noise is None:
        noise = torch.randn((samples, *means.shape), device=means.device)
    noisy = means + sigma[:, None] * noise  # (T, N, K)
    at_target = noisy.gather(2, ids.expand(len(noise), -1).unsqueeze(2)).squeeze(2)  # (T, N)
    surprise = -log_mean_probability(at_target - noisy.logsumexp(2))  # (N,)
    if weights is None:
        return surprise.mean()
    return (weights[ids] * surprise).sum() / weights[ids].sum()


def outlier_loss(logits: Tensor, outliers: Tensor) -> Tensor:
    """
    Cross-entropy against equal probabilities at the pixels of unknown objects.

    L = - mean over these pixels of 1/K sum_k log p_k (Hendrycks et al. 2019, outlier exposure). It
    is at least log K, which it reaches where all p_k are equal.
    logits: (B, K, h, w), outliers: (B, h, w) bool; none true: 0.
    """
    if not outliers.any():
        return (logits * 0.0).sum()
    return -logits.permute(0, 2, 3, 1)[outliers].log_softmax(1).mean()


def log_mean_probability(log_probability: Tensor) -> Tensor:
    """Average T log-probabilities as probabilities: logsumexp - log T; (T, N) to (N,)."""
    return log_probability.logsumexp(0) - math.log(len(log_probability))


class TaskWeights(nn.Module):
    """
    Learned weight of each task: exp(-s) L + s/2, s = log sigma^2 (Kendall et al. 2018, eq. 10).

    L of the regression is 1/2 of the squared error, L of the classification the cross-entropy.
    The best s is log(2 L): the weight of a task is inversely proportional to its loss, also where
    L of the regression is the absolute error. A
    regression that predicts the sigma of each pixel is such a likelihood already and has weight 1:
    a second sigma would count it twice, and has no best value where L < 0.
    """

    def __init__(self, depth_weight: float = 0.0) -> None:
        """Start with sigma = 1 for both tasks; or fix the weights: depth_weight, 1 - it."""
        super().__init__()
        self.log_variances = nn.Parameter(torch.zeros(2))
        self.depth_weight = depth_weight

    def forward(self, regression: Tensor, classification: Tensor, has_depth: bool = True,
                has_classes: bool = True, sigma_predicted: bool = False) -> Tensor:
        """
        Sum the weighted losses; a task without ground truth moves no weight.

        sigma_predicted: the regression is a likelihood with a sigma for each pixel.
        """
        if self.depth_weight:
            return self.depth_weight * regression + (1 - self.depth_weight) * classification
        depth, classes = self.log_variances
        loss: Tensor = (-classes).exp() * classification + 0.5 * has_classes * classes
        if sigma_predicted:
            loss = loss + regression
        else:
            loss = loss + (-depth).exp() * regression + 0.5 * has_depth * depth
        return loss
