# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""
Reliability of class probabilities: whether a class of probability p is correct in a share p.

ECE = sum_b n_b / n |hits_b / n_b - mean confidence_b| over 15 equal bins of the top label's
probability (Guo et al. 2017): one bin, confidence .9, 8 of 10 correct: .1. Brier = mean of
sum_k (p_k - y_k)^2 (Brier 1950): p = (.8, .2), the first is true: .08. NLL = mean -log p of the
true class: .223. Calibration MSE = mean over the filled bins of width .1 of
(share correct - mean p)^2, of all classes' probabilities (Kendall & Gal 2017, fig. 3); each bin
counts the same.
"""
from typing import NamedTuple

from bdl_perception.metrics.pixels import (
    Array,
    class_pixels,
    ClassPixels,
    LabelledPrediction,
    StateDict,
    valid_classes,
)
from bdl_perception.perception.image_geometry import resize_map
import numpy as np
from numpy.typing import NDArray

ECE_BINS = 15
CURVE_BINS = 10  # of width .1
MIN_PROBABILITY = 1e-12  # a probability of zero would have an infinite NLL


class ReliabilityCurve(NamedTuple):
    """Bins of confidence, ascending; NaN where a bin is empty."""

    probability: tuple[float, ...]  # mean
    correct: tuple[float, ...]  # share
    counts: tuple[float, ...]


class ReliabilityQuality(NamedTuple):
    """Reliability over all labelled pixels; NaN without labels or samples."""

    ece: float  # of the samples' mean, top label
    brier: float
    nll: float  # nat
    calibration_mse: float  # all classes' probabilities
    ece_single: float  # of the single pass, top label
    calibration_mse_single: float  # top label
    curve: ReliabilityCurve  # all classes' probabilities
    curve_single: ReliabilityCurve


class ReliabilityMetricState:
    """Bins of confidence with count, sum and hits; sums of Brier score and NLL."""

    def __init__(self, temperature: float = 1.) -> None:
        """Start with empty sums; the temperature applies to the samples' mean only."""
        if not 0 < temperature < np.inf:
            raise ValueError(f'temperature is {temperature}, must be positive and finite')
        self._temperature = temperature
        self._scores = np.zeros(3)  # pixels, Brier, NLL
        self._bins = {'top': np.zeros((3, ECE_BINS)), 'all': np.zeros((3, CURVE_BINS)),
                      'single': np.zeros((3, ECE_BINS)),
                      'single_curve': np.zeros((3, CURVE_BINS))}

    def update(self, labelled: LabelledPrediction) -> None:
        """Add a frame; one without labels adds nothing."""
        pixels = class_pixels(labelled)
        self._update_samples(pixels._replace(
            probability=apply_temperature(pixels.probability, self._temperature)))
        truth, predicted = labelled.classes, labelled.prediction.classes
        if truth is None or truth.shape != predicted.shape:
            return  # the maps of the single pass need labels of their own size
        mask = valid_classes(truth)
        largest = resize_map(labelled.prediction.max_probability, mask.shape)
        confidence = np.asarray(largest[mask], np.float64)
        correct = predicted[mask] == truth[mask]
        finite = np.isfinite(confidence)
        for name in ('single', 'single_curve'):
            self._bins[name] += bin_confidence(confidence[finite], correct[finite],
                                               self._bins[name].shape[1])

    def state(self) -> StateDict:
        """Return a copy of the sums."""
        return {'scores': self._scores.copy(),
                **{name: values.copy() for name, values in self._bins.items()}}

    def _update_samples(self, pixels: ClassPixels) -> None:
        probability, truth = pixels
        true = np.zeros(probability.shape, np.bool_)  # (N, K)
        rows = np.arange(len(truth))
        true[rows, truth] = True
        top = probability.argmax(1)
        self._bins['top'] += bin_confidence(probability[rows, top], top == truth, ECE_BINS)
        self._bins['all'] += bin_confidence(probability.ravel(), true.ravel(), CURVE_BINS)
        of_truth = np.maximum(probability[rows, truth], MIN_PROBABILITY)
        self._scores += len(truth), ((probability - true) ** 2).sum(), -np.log(of_truth).sum()


def apply_temperature(probability: Array, temperature: float) -> Array:
    """Return p^(1/T) of rows (N, K), renormalised; T = .5 makes (.8, .2) to (.941, .059)."""
    logits = np.log(np.maximum(probability, MIN_PROBABILITY)) / temperature
    powers = np.exp(logits - logits.max(1, keepdims=True))
    return np.asarray(powers / powers.sum(1, keepdims=True))


def bin_confidence(confidence: Array, correct: NDArray[np.bool_], bins: int) -> Array:
    """Return count, sum of confidence, and hits (3, bins) of equal bins of [0, 1]."""
    index = np.clip((confidence * bins).astype(np.intp), 0, bins - 1)
    return np.array([np.bincount(index, weights, bins)
                     for weights in (np.ones(len(index)), confidence, correct)])


def reliability_quality(state: StateDict) -> ReliabilityQuality | None:
    """Compute the shares of a ReliabilityMetricState; None without any label."""
    if not (state['top'][0].any() or state['single'][0].any()):
        return None
    count, brier, nll = map(float, state['scores'])
    count = count or np.nan
    return ReliabilityQuality(
        _ece(state['top']), brier / count, nll / count, _calibration_mse(state['all']),
        _ece(state['single']), _calibration_mse(state['single_curve']),
        _reliability_curve(state['all']), _reliability_curve(state['single_curve']))


def _ece(bins: Array) -> float:
    count, confidence, hits = bins
    return float(np.abs(hits - confidence).sum() / (count.sum() or np.nan))


def _calibration_mse(bins: Array) -> float:
    count, confidence, hits = bins[:, bins[0] > 0]
    return float(((hits - confidence) ** 2 / count ** 2).mean()) if count.size else np.nan


def _reliability_curve(bins: Array) -> ReliabilityCurve:
    count, confidence, hits = bins
    filled = np.where(count > 0, count, np.nan)
    return ReliabilityCurve(*(tuple(row.tolist())
                              for row in (confidence / filled, hits / filled, count)))
