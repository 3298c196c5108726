# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""Synthetic labelled predictions, with absurd values at every pixel without ground truth."""
from types import SimpleNamespace
from typing import Any

from bdl_perception.metrics.pixels import LabelledPrediction, merge_states
from bdl_perception.perception.data_types import CLASS_NAMES, IGNORE
import numpy as np

ABSURD = (np.nan, np.inf, -np.inf, 1e30, -1e30, 0.)


def labelled_prediction(**maps: Any) -> LabelledPrediction:
    """Make a prediction of maps (h, w) by name; other maps are constant, the truth unknown."""
    shape = np.shape(next(iter(maps.values())))[-2:]

    def of(name: str, value: float) -> Any:
        return np.asarray(maps.get(name, np.full(shape, value)), np.float32)

    with np.errstate(all='ignore'):  # products of absurd values
        aleatoric_std = of('depth', 10) * of('aleatoric', .1)  # m
    prediction = SimpleNamespace(
        depth=of('depth', 10), aleatoric_std=aleatoric_std, entropy=of('entropy', 1),
        classes=np.asarray(maps.get('classes', np.zeros(shape)), np.uint8),
        max_probability=of('max_probability', .5))
    epistemic = SimpleNamespace(log_depth_std=of('epistemic', .1),
                                mutual_information=of('information', .1),
                                probability=maps.get('probability'))
    truth, label = maps.get('truth'), maps.get('label')
    return LabelledPrediction('a', np.zeros((*shape, 3), np.uint8), prediction, epistemic,
                              None if truth is None else np.asarray(truth, np.float32),
                              None if label is None else np.asarray(label, np.uint8))


def random_prediction(seed: int, masked: bool = True) -> LabelledPrediction:
    """Make 12 x 16 px; masked: a fifth has no truth and absurd predictions."""
    draw = np.random.default_rng(seed)
    shape = (12, 16)
    aleatoric, epistemic = draw.uniform(.05, .3, shape), draw.uniform(.02, .2, shape)
    truth = np.exp(draw.uniform(np.log(2), np.log(79), shape))
    depth = truth * np.exp(draw.normal(0, 1.3, shape) * np.hypot(aleatoric, epistemic))
    probability = draw.dirichlet(np.full(len(CLASS_NAMES), .3), shape)  # (h, w, K)
    label = (probability.cumsum(-1) < draw.random(shape)[..., None] * .999).sum(-1)
    single = draw.dirichlet(np.full(len(CLASS_NAMES), .3), shape)
    classes = np.where(draw.random(shape) < .6, label, single.argmax(-1))
    maps = {'depth': depth, 'aleatoric': aleatoric, 'epistemic': epistemic,
            'max_probability': single.max(-1), 'entropy': draw.uniform(.01, 2, shape),
            'information': draw.uniform(.001, .5, shape)}
    if masked:
        hidden = draw.random(shape) < .2
        truth[hidden] = draw.choice([np.nan, np.inf, 80.5, 1e30, 0, -1], hidden.sum())
        label[hidden] = IGNORE
        for values in (*maps.values(), *np.moveaxis(probability, -1, 0)):
            values[hidden] = draw.choice(ABSURD, hidden.sum())
    return labelled_prediction(**maps, truth=truth, label=label, classes=classes,
                               probability=np.moveaxis(probability, -1, 0).astype(np.float32))


def update_all(metric: Any, *frames: LabelledPrediction) -> Any:
    """Return the metric state after some frames."""
    for labelled in frames:
        metric.update(labelled)
    return metric


def assert_states_merge(create: Any) -> None:
    """Check that two halves merge into the whole, and that a returned state never changes."""
    frames = [random_prediction(seed) for seed in range(4)]
    first, second = update_all(create(), *frames[:1]), update_all(create(), *frames[1:])
    merged = merge_states(first.state(), second.state())
    whole = update_all(create(), *frames).state()
    returned = first.state()
    before = {name: values.copy() for name, values in returned.items()}
    first.update(frames[0])
    assert merged.keys() == whole.keys()
    for name, values in whole.items():
        assert values.dtype == np.float64 and values.shape == create().state()[name].shape
        np.testing.assert_allclose(merged[name], values, rtol=1e-12)
        np.testing.assert_array_equal(returned[name], before[name])
        assert np.isfinite(values).all()


def valid_depth_rows(labelled: LabelledPrediction) -> list[tuple[float, float, float, float]]:
    """Return (depth, truth, aleatoric, epistemic) of each valid pixel by a plain loop."""
    rows = []
    for y, x in np.ndindex(labelled.depth.shape):
        row = (labelled.prediction.depth, labelled.depth, labelled.prediction.aleatoric_std,
               labelled.epistemic.log_depth_std)
        depth, truth, aleatoric, epistemic = (float(each[y, x]) for each in row)
        if 0 < truth <= 80 and np.isfinite(depth):
            rows.append((depth, truth, aleatoric / depth, epistemic))
    return rows
