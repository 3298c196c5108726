# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""
Concrete dropout: a learned probability for each mask (Gal, Hron & Kendall 2017).

In training a mask is a smooth function of its probability p, so that the likelihood has a
gradient in p. The divergence of the dropout distribution from the prior of the weights pulls p
towards 1/2. It is divided by the number of training frames: more data, smaller p.
"""
from typing import Sequence

import torch
from torch import Tensor
from torch.nn.functional import logsigmoid

TEMPERATURE = 0.1  # t, as in the paper; at 0 the mask is that of plain dropout
PRIOR_LENGTH = 1e-2  # l; the prior of each weight is normal with a standard deviation of 1 / l


def relaxed_mask(logit: Tensor, samples: int, channels: int) -> Tensor:
    """
    Draw (samples, channels, 1, 1) of (1 - z) / (1 - p), with a gradient in logit = log p/(1-p).

    z = sigmoid((logit + log u - log(1 - u)) / t), u uniform from torch's generator of the CPU.
    """
    uniform = torch.rand(samples, channels, 1, 1).to(logit.device)
    dropped = ((logit + uniform.logit()) / TEMPERATURE).sigmoid()
    return (1 - dropped) / (-logit).sigmoid()


def kl_divergence(logits: Tensor, kernels: Sequence[Tensor]) -> Tensor:
    """
    Compute the divergence from the prior up to a constant, nat, summed over the masks (eq. 3, 4).

    KL = sum_k l^2 |W_k|^2 / (2 (1 - p_k)) - C_k H(p_k), H(p) = -p log p - (1 - p) log(1 - p).
    logits: (masks,) of p; kernels: W_k of the layer behind each mask, (outputs, C_k, ...). The
    paper's M_k is W_k / (1 - p_k), because masks are divided by 1 - p here. Worked: p = 1/2 and
    two channels with weights of 0: -2 log 2 = -1.39.
    """
    total = torch.zeros((), device=logits.device)
    for logit, kernel in zip(logits, kernels, strict=True):
        p, keep = logit.sigmoid(), (-logit).sigmoid()
        entropy = -p * logsigmoid(logit) - keep * logsigmoid(-logit)
        weights = 0.5 * PRIOR_LENGTH**2 * kernel.square().sum() / keep
        total = total + weights - kernel.shape[1] * entropy
    return total
