# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""Evaluation of one trained network: accuracy, variances, intervals and scores."""
from dataclasses import dataclass, field
from typing import Any, Mapping, NamedTuple

from bdl_perception.datasets.base import Dataset
from bdl_perception.experiments.data import ExperimentData
from bdl_perception.experiments.mc_sampling import mc_forward, mc_masks, McOutput, MIN_PROBABILITY
from bdl_perception.experiments.scores import compare_scores, FittedScores, Floats, frame_scores
from bdl_perception.metrics.accuracy import confusion_matrix, mean_iou
from bdl_perception.metrics.gaussian import gaussian_nll, interval_coverage, Reals
from bdl_perception.metrics.recalibration import fit_sigma_factor
from bdl_perception.network.model import Network
from bdl_perception.perception.data_types import IGNORE
from bdl_perception.training.batches import Batch, ordered_batches
from bdl_perception.training.validation import labelled_pairs
import numpy as np
import torch
from torch import Tensor

BATCH_SIZE = 8  # frames; T samples of each are held in memory
RELIABILITY_LEVELS = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99)
MIN_VARIANCE = 1e-12  # a variance of zero would have an infinite likelihood


class PixelErrors(NamedTuple):
    """Every pixel of a split with a known depth."""

    error: Reals  # (N,) predicted minus true log-depth
    aleatoric: Reals | None  # (N,) variance of log-depth
    epistemic: Reals | None  # (N,)

    def variances(self) -> dict[str, Reals]:
        """Return each variance (N,) that this network predicts, and their sum."""
        found = {name: np.maximum(values, np.float32(MIN_VARIANCE))
                 for name, values in (('aleatoric', self.aleatoric), ('epistemic', self.epistemic))
                 if values is not None}
        if found:
            found['total'] = sum(list(found.values())[1:], next(iter(found.values())))
        return found


def interval_report(fitting: PixelErrors, held_out: PixelErrors) -> dict[str, dict[str, Any]]:
    """Fit a factor of each kind of sigma on one split, and evaluate it on another."""
    held_out_variances = held_out.variances()
    report = {}
    for name, variance in fitting.variances().items():
        factor = fit_sigma_factor(fitting.error, np.sqrt(variance))
        sigma = np.sqrt(held_out_variances[name])
        report[name] = {'scale': factor,
                        **_interval_quality(held_out.error, sigma, 'before'),
                        **_interval_quality(held_out.error, factor * sigma, 'after')}
    return report


def _interval_quality(error: Reals, sigma: Reals, suffix: str) -> dict[str, Any]:
    sigma64 = sigma.astype(np.float64)
    return {f'coverage_{suffix}': interval_coverage(error, sigma),
            f'nll_{suffix}': float(gaussian_nll(error / sigma64, sigma64).mean()),
            f'reliability_{suffix}': [interval_coverage(error, sigma, level)
                                      for level in RELIABILITY_LEVELS]}


class AccuracyState:
    """Accuracy of one kind of prediction, accumulated over batches."""

    def __init__(self, classes: int) -> None:
        """classes: K, number of classes."""
        self._confusion = np.zeros((classes, classes))
        self._relative, self._square, self._pixels = 0.0, 0.0, 0
        self._nll, self._labelled = 0.0, 0

    def update(self, log_depth: Tensor, probabilities: Tensor, batch: Batch) -> None:
        """log_depth: (B, h, w); probabilities: (B, K, h, w)."""
        known = torch.isfinite(batch.log_depth)
        depth, truth = log_depth[known].exp(), batch.log_depth[known].exp()  # (N,) m
        self._relative += float(((depth - truth).abs() / truth).double().sum())
        self._square += float((depth - truth).double().square().sum())
        self._pixels += len(truth)
        self._confusion += confusion_matrix(
            *labelled_pairs(probabilities.argmax(1), batch.classes), len(self._confusion))
        labelled = batch.classes != IGNORE
        at_truth = probabilities.movedim(1, -1)[labelled].gather(
            1, batch.classes[labelled].long()[:, None])  # (N, 1)
        self._nll -= float(at_truth.clamp_min(MIN_PROBABILITY).log().double().sum())
        self._labelled += len(at_truth)

    def compute(self) -> dict[str, float | None]:
        """Return abs_rel, RMS in m of the canonical camera, mean IoU and class NLL in nat."""
        depth, classes = self._pixels, self._labelled
        return {
            'abs_rel': self._relative / depth if depth else None,
            'rms_m': (self._square / depth) ** 0.5 if depth else None,
            'mean_iou': mean_iou(self._confusion) if classes else None,
            'class_nll': self._nll / classes if classes else None}


@dataclass
class SplitPredictions:
    """Predictions of a network for one split, accumulated over batches."""

    single: AccuracyState
    average: AccuracyState
    scores: dict[str, list[Tensor]] = field(default_factory=dict)  # (B,) each
    pixels: dict[str, list[Tensor]] = field(default_factory=dict)  # (N,) each

    def update(self, output: McOutput, batch: Batch, scores: Mapping[str, Tensor]) -> None:
        """Add a batch; scores: (B,) each."""
        self.single.update(output.single.log_depth, output.single.probabilities, batch)
        self.average.update(output.mean_log_depth, output.mean_probabilities, batch)
        known = torch.isfinite(batch.log_depth)
        maps = {'error': output.mean_log_depth - batch.log_depth, 'aleatoric': output.aleatoric,
                'epistemic': output.epistemic, 'epistemic_inverse': output.epistemic_inverse}
        for name, map_ in maps.items():
            if map_ is not None:
                self.pixels.setdefault(name, []).append(map_[known])
        for name, values in scores.items():
            self.scores.setdefault(name, []).append(values)

    def pixel_values(self, name: str) -> Any:
        """Return (N,) of all pixels with known depth; None if the network does not predict it."""
        found = self.pixels.get(name)
        return None if found is None else torch.cat(found).numpy()

    def frame_values(self) -> dict[str, Floats]:
        """Return (frames,) of each score."""
        return {name: torch.cat(values).double().numpy() for name, values in self.scores.items()}

    def interval_pixels(self) -> PixelErrors:
        """Return the errors and variances by which intervals are evaluated."""
        return PixelErrors(self.pixel_values('error'), self.pixel_values('aleatoric'),
                           self.pixel_values('epistemic'))


def evaluate_network(network: Network, data: ExperimentData, fitted: FittedScores, samples: int,
                     learned_variance: bool) -> dict[str, Any]:
    """
    Evaluate the nominal test drives and every held-out condition; plain values for JSON.

    samples: T; learned_variance: the variances of the network were trained. Intervals are scaled
    on the nominal validation drives, with which the validation conditions are compared.
    """
    def predict(split: str) -> SplitPredictions:
        return predict_split(network, data.splits[split].frames, fitted, samples, learned_variance)

    nominal = {part: predict(part) for part in ('validation', 'test')}
    nominal_scores = {part: found.frame_values() for part, found in nominal.items()}
    conditions = {}
    for split in data.splits:
        part, _, condition = split.partition('_')
        if condition:
            conditions[split] = _condition_results(predict(split), nominal_scores[part])
    report: dict[str, Any] = to_json_values({
        'nominal': _nominal_results(nominal['test'], nominal_scores['test']),
        'intervals': interval_report(*(nominal[part].interval_pixels()
                                       for part in ('validation', 'test'))),
        'scores': {part: {name: values.mean() for name, values in scores.items()}
                   for part, scores in nominal_scores.items()},
        'conditions': conditions})
    return report


def predict_split(network: Network, frames: Dataset, fitted: FittedScores, samples: int,
                  learned_variance: bool) -> SplitPredictions:
    """Run the network on all frames of a split; arguments as of evaluate_network."""
    classes = network.config.classes
    found = SplitPredictions(AccuracyState(classes), AccuracyState(classes))
    masks = mc_masks(network, samples)
    for batch in ordered_batches(frames, BATCH_SIZE, range(len(frames)), network.config):
        output = mc_forward(network, batch.rgb, masks, learned_variance)
        found.update(output, batch, frame_scores(network, output, fitted))
    return found


def _nominal_results(found: SplitPredictions, scores: Mapping[str, Floats]) -> dict[str, Any]:
    """Return accuracy, and mean variances over the pixels with known depth."""
    variances = {f'{name}_variance': None if values is None else values.mean(dtype=np.float64)
                 for name in ('aleatoric', 'epistemic', 'epistemic_inverse')
                 for values in (found.pixel_values(name),)}
    information = scores.get('mutual_information')
    return {'single': found.single.compute(), 'average': found.average.compute(), **variances,
            'mutual_information': None if information is None else information.mean()}


def _condition_results(found: SplitPredictions, nominal: Mapping[str, Floats]) -> dict[str, Any]:
    return {'single': found.single.compute(), 'average': found.average.compute(),
            'scores': {name: compare_scores(values, nominal[name])
                       for name, values in found.frame_values().items()}}


def to_json_values(values: Any) -> Any:
    """Convert numbers to Python's, and those that are not finite to None: JSON has no NaN."""
    if isinstance(values, Mapping):
        return {name: to_json_values(value) for name, value in values.items()}
    if isinstance(values, (list, tuple)):
        return [to_json_values(value) for value in values]
    if isinstance(values, (float, np.floating)):
        return float(values) if np.isfinite(values) else None
    return values
