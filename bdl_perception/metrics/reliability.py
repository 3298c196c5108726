# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""
Whether a class of probability p is right in a share p of cases.

ECE = sum_b n_b / n |hits_b / n_b - mean confidence_b| over 15 equal bins of the top label's
probability (Guo et al. 2017): one bin, confidence .9, 8 of 10 right: .1. Brier = mean of
sum_k (p_k - y_k)^2 (Brier 1950): p = (.8, .2), the first is true: .08. NLL = mean -log p of the
truth: .223. Calibration MSE = mean over the filled bins of width .1 of (share right - mean p)^2,
of all classes' probabilities (Kendall & Gal 2017, fig. 3), each bin counting the same.
"""
from typing import Mapping, NamedTuple

from bdl_perception.metrics.pixels import (
    Array,
    class_pixels,
    ClassPixels,
    LabelledPrediction,
    resize_map,
    StateDict,
    valid_classes,
)
import numpy as np
from numpy.typing import NDArray

ECE_BINS = 15
CURVE_BINS = 10  # of width .1
MIN_PROBABILITY = 1e-12  # a probability of nothing would cost infinitely much


class ReliabilityQuality(NamedTuple):
    """NaN where nothing was labelled, or no samples were kept."""

    ece: float  # of the samples' mean, top label
    brier: float
    nll: float  # nat
    calibration_mse: float  # all classes' probabilities
    ece_single: float  # of the single pass, top label
    calibration_mse_single: float  # top label
    curve: Mapping[str, tuple[float, ...]]  # of all classes: mean p, share right, count
    curve_single: Mapping[str, tuple[float, ...]]


class ReliabilityMetricState:
    """Counts probabilities by size, and how many of them were of the true class."""

    def __init__(self, temperature: float = 1.) -> None:
        """Start with nothing; a temperature changes the samples' mean, not the single pass."""
        if not 0 < temperature < np.inf:
            raise ValueError(f'temperature is {temperature}, must be positive and finite')
        self._temperature = temperature
        self._scores = np.zeros(3)  # pixels, Brier, NLL
        self._sums = {'top': np.zeros((3, ECE_BINS)), 'all': np.zeros((3, CURVE_BINS)),
                      'single': np.zeros((3, ECE_BINS)),
                      'single_curve': np.zeros((3, CURVE_BINS))}

    def update(self, view: LabelledPrediction) -> None:
        """Take a frame; one without labels adds nothing."""
        found = class_pixels(view)
        self._update_samples(found._replace(
            probability=apply_temperature(found.probability, self._temperature)))
        if view.classes is None or view.classes.shape != view.prediction.classes.shape:
            return  # a truth of another size is no judge of the single pass's maps
        mask = valid_classes(view.classes)
        largest = resize_map(view.prediction.max_probability, mask.shape)
        confidence = np.asarray(largest[mask], np.float64)
        right = view.prediction.classes[mask] == view.classes[mask]
        finite = np.isfinite(confidence)
        for name in ('single', 'single_curve'):
            self._sums[name] += bin_confidence(confidence[finite], right[finite],
                                       self._sums[name].shape[1])

    def state(self) -> StateDict:
        """Give what was added up so far."""
        return {'scores': self._scores.copy(),
                **{name: values.copy() for name, values in self._sums.items()}}

    def _update_samples(self, found: ClassPixels) -> None:
        probability, truth = found
        true = np.zeros(probability.shape, np.bool_)  # (N, K)
        rows = np.arange(len(truth))
        true[rows, truth] = True
        top = probability.argmax(1)
        self._sums['top'] += bin_confidence(probability[rows, top], top == truth, ECE_BINS)
        self._sums['all'] += bin_confidence(probability.ravel(), true.ravel(), CURVE_BINS)
        of_truth = np.maximum(probability[rows, truth], MIN_PROBABILITY)
        self._scores += len(truth), ((probability - true) ** 2).sum(), -np.log(of_truth).sum()


def apply_temperature(probability: Array, temperature: float) -> Array:
    """Give p^(1/T) of rows (N, K), renormalised; T = .5 makes (.8, .2) to (.941, .059)."""
    logits = np.log(np.maximum(probability, MIN_PROBABILITY)) / temperature
    powers = np.exp(logits - logits.max(1, keepdims=True))
    return np.asarray(powers / powers.sum(1, keepdims=True))


def bin_confidence(confidence: Array, right: NDArray[np.bool_], bins: int) -> Array:
    """Give count, sum of confidence, and hits (3, bins) of equal bins of [0, 1]."""
    where = np.clip((confidence * bins).astype(np.intp), 0, bins - 1)
    return np.array([np.bincount(where, weights, bins)
                     for weights in (np.ones(len(where)), confidence, right)])


def reliability_quality(state: StateDict) -> ReliabilityQuality | None:
    """Turn the sums of a ReliabilityTally into shares; None without any label."""
    if not (state['top'][0].any() or state['single'][0].any()):
        return None
    count, brier, nll = map(float, state['scores'])
    count = count or np.nan
    return ReliabilityQuality(_ece(state['top']), brier / count, nll / count, _calibration_mse(state['all']),
                              _ece(state['single']), _calibration_mse(state['single_curve']),
                              _reliability_curve(state['all']), _reliability_curve(state['single_curve']))


def _ece(bins: Array) -> float:
    count, confidence, hits = bins
    return float(np.abs(hits - confidence).sum() / (count.sum() or np.nan))


def _calibration_mse(bins: Array) -> float:
    count, confidence, hits = bins[:, bins[0] > 0]
    return float(((hits - confidence) ** 2 / count ** 2).mean()) if count.size else np.nan


def _reliability_curve(bins: Array) -> dict[str, tuple[float, ...]]:
    count = np.where(bins[0] > 0, bins[0], np.nan)
    rows = {'probability': bins[1] / count, 'right': bins[2] / count, 'count': bins[0]}
    return {name: tuple(map(float, row)) for name, row in rows.items()}
