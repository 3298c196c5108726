# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""Evaluation of one trained network or ensemble: accuracy, variances, curves and scores."""
from dataclasses import dataclass, field
from typing import Any, Callable, Mapping, NamedTuple

from bdl_perception.experiments.curves import ClassCalibration, coverage_mse, mean_over_recall
from bdl_perception.experiments.data import ExperimentData, Split
from bdl_perception.experiments.mc_sampling import entropy, McOutput, MIN_PROBABILITY
from bdl_perception.experiments.plan import CLASSES, DEPTH
from bdl_perception.experiments.scores import compare_scores, Floats, frame_scores, FrameScores
from bdl_perception.metrics.accuracy import confusion_matrix, mean_iou
from bdl_perception.metrics.gaussian import gaussian_nll, interval_coverage, Reals
from bdl_perception.metrics.recalibration import fit_sigma_factor
from bdl_perception.network.model import NetworkConfig
from bdl_perception.perception.data_types import IGNORE
from bdl_perception.training.batches import Batch, ordered_batches
from bdl_perception.training.validation import labelled_pairs
import numpy as np
import torch
from torch import Tensor

BATCH_SIZE = 8  # frames; T samples of each are held in memory
RELIABILITY_LEVELS = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99)
MIN_VARIANCE = 1e-12  # a variance of zero would have an infinite likelihood
SIGNIFICANT_DIGITS = 6  # of a number in a result

Forward = Callable[[Tensor], McOutput]  # rgb (B, 3, H, W)


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
    reliability = [interval_coverage(error, sigma, level) for level in RELIABILITY_LEVELS]
    return {f'coverage_{suffix}': interval_coverage(error, sigma),
            f'nll_{suffix}': float(gaussian_nll(error / sigma64, sigma64).mean()),
            f'reliability_{suffix}': reliability,
            f'mse_{suffix}': coverage_mse(RELIABILITY_LEVELS, reliability)}


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


class Evaluation(NamedTuple):
    """How a network or an ensemble is evaluated."""

    forward: Forward
    fitted: Callable[[McOutput], dict[str, Tensor]]  # scores beside those of the heads
    config: NetworkConfig
    task: str  # whose heads were trained


@dataclass
class SplitPredictions:
    """Predictions of a network for one split, accumulated over batches."""

    task: str
    single: AccuracyState
    average: AccuracyState
    calibration: ClassCalibration = field(default_factory=ClassCalibration)
    scores: dict[str, list[Tensor]] = field(default_factory=dict)  # (B,) each
    pixels: dict[str, list[Tensor]] = field(default_factory=dict)  # (N,) each

    def update(self, output: McOutput, batch: Batch, scores: Mapping[str, Tensor]) -> None:
        """Add a batch; scores: (B,) each."""
        self.single.update(output.single.log_depth, output.single.probabilities, batch)
        self.average.update(output.mean_log_depth, output.mean_probabilities, batch)
        if self.task != CLASSES:
            self._add_depth(output, batch.log_depth)
        if self.task != DEPTH:
            self._add_classes(output, batch.classes)
        for name, values in scores.items():
            self.scores.setdefault(name, []).append(values)

    def _add_depth(self, output: McOutput, truth: Tensor) -> None:
        self._add_pixels(torch.isfinite(truth), {
            'error': output.mean_log_depth - truth, 'depth': truth.exp(),
            'aleatoric': output.aleatoric, 'epistemic': output.epistemic,
            'epistemic_inverse': output.epistemic_inverse})

    def _add_classes(self, output: McOutput, truth: Tensor) -> None:
        labelled = truth != IGNORE
        probabilities = output.mean_probabilities
        variance = output.single.logit_variance
        self._add_pixels(labelled, {
            'correct': (probabilities.argmax(1) == truth).float(),
            'entropy': entropy(probabilities), 'mutual_information': output.mutual_information,
            'logit_variance': None if variance is None else variance.squeeze(1)})
        self.calibration.update(probabilities.movedim(1, -1)[labelled].numpy(),
                                truth[labelled].long().numpy())

    def _add_pixels(self, chosen: Tensor, maps: Mapping[str, Tensor | None]) -> None:
        """Keep the chosen pixels (B, h, w) of the maps that this network predicts."""
        for name, map_ in maps.items():
            if map_ is not None:
                self.pixels.setdefault(name, []).append(map_[chosen])

    def pixel_values(self, name: str) -> Any:
        """Return (N,) of all pixels with ground truth; None if the network does not predict it."""
        found = self.pixels.get(name)
        return None if found is None else torch.cat(found).numpy()

    def frame_values(self) -> dict[str, Floats]:
        """Return (frames,) of each score."""
        return {name: torch.cat(values).double().numpy() for name, values in self.scores.items()}

    def interval_pixels(self) -> PixelErrors:
        """Return the errors and variances by which intervals are evaluated."""
        return PixelErrors(self.pixel_values('error'), self.pixel_values('aleatoric'),
                           self.pixel_values('epistemic'))


def evaluate(evaluation: Evaluation, data: ExperimentData) -> dict[str, Any]:
    """
    Evaluate the nominal splits and every other one; plain values for JSON.

    Intervals are scaled on the nominal validation frames, with which the validation conditions
    are compared.
    """
    nominal = {part: predict_split(evaluation, data.splits[part])
               for part in ('validation', 'test')}
    report: dict[str, Any] = {part: nominal_results(found) for part, found in nominal.items()}
    if evaluation.task != CLASSES:
        report['intervals'] = interval_report(*(found.interval_pixels()
                                                for found in nominal.values()))
    report['conditions'] = {
        name: _condition_results(predict_split(evaluation, split), name, split,
                                 nominal[part], data.splits[part])
        for name, split in data.splits.items() for part in [name.partition('_')[0]]
        if '_' in name}
    rounded: dict[str, Any] = to_json_values(report)
    return rounded


def predict_split(evaluation: Evaluation, split: Split) -> SplitPredictions:
    """Run the network on all frames of a split."""
    config, task = evaluation.config, evaluation.task
    found = SplitPredictions(task, AccuracyState(config.classes), AccuracyState(config.classes))
    frames = split.frames
    for batch in ordered_batches(frames, BATCH_SIZE, range(len(frames)), config):
        output = evaluation.forward(batch.rgb)
        found.update(output, batch, {**frame_scores(output, task), **evaluation.fitted(output)})
    return found


def nominal_results(found: SplitPredictions) -> dict[str, Any]:
    """Return accuracy, mean variances over the pixels with ground truth, and curves."""
    means = {f'{name}_variance' if name in ('aleatoric', 'epistemic', 'epistemic_inverse')
             else name: float(np.mean(found.pixel_values(name), dtype=np.float64))
             for name in found.pixels if name not in ('error', 'depth', 'correct')}
    scores = {name: float(values.mean()) for name, values in found.frame_values().items()}
    return {'single': _of_task(found.single.compute(), found.task),
            'average': _of_task(found.average.compute(), found.task), **means, 'scores': scores,
            'calibration': found.calibration.compute()._asdict() if found.task != DEPTH else None,
            'recall_curves': _recall_curves(found)}


def _of_task(quality: Mapping[str, float | None], task: str) -> dict[str, float | None]:
    """Leave out the numbers of a head that was not trained."""
    others = {DEPTH: ('mean_iou', 'class_nll'), CLASSES: ('abs_rel', 'rms_m')}.get(task, ())
    return {name: None if name in others else value for name, value in quality.items()}


def _recall_curves(found: SplitPredictions) -> dict[str, dict[str, list[float]]]:
    """Compute RMS in m and the share of correct classes over recall, by each uncertainty."""
    curves: dict[str, dict[str, list[float]]] = {}
    if found.task != CLASSES:
        truth, error = found.pixel_values('depth'), found.pixel_values('error')
        predicted = truth * np.exp(error)  # (N,) m; sigma of depth is depth x that of log-depth
        curves['rms_m'] = {
            name: np.sqrt(mean_over_recall(variance * predicted ** 2,
                                           np.square(predicted - truth))).tolist()
            for name, variance in found.interval_pixels().variances().items()}
    if found.task != DEPTH:
        correct = found.pixel_values('correct')
        curves['correct'] = {name: mean_over_recall(found.pixel_values(name), correct)
                             for name in ('entropy', 'mutual_information') if name in found.pixels}
    return curves


def _condition_results(found: SplitPredictions, name: str, split: Split,
                       nominal: SplitPredictions, nominal_split: Split) -> dict[str, Any]:
    bases, part = nominal.frame_values(), name.partition('_')[0]
    return {'average': _of_task(found.average.compute(), found.task),
            'scores': {score: compare_scores(
                FrameScores(name, values, split.lengths),
                FrameScores(part, bases[score], nominal_split.lengths))
                for score, values in found.frame_values().items()}}


def to_json_values(values: Any) -> Any:
    """Round numbers; those that are not finite become None, as JSON has no NaN."""
    if isinstance(values, Mapping):
        return {name: to_json_values(value) for name, value in values.items()}
    if isinstance(values, (list, tuple)):
        return [to_json_values(value) for value in values]
    if isinstance(values, (float, np.floating)):
        return float(f'{values:.{SIGNIFICANT_DIGITS}g}') if np.isfinite(values) else None
    return values
