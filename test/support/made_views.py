# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""Views of made-up maps, with absurd values wherever the truth says not to look."""
from types import SimpleNamespace
from typing import Any

from bdl_perception.metrics.pixels import LabelledPrediction
from bdl_perception.perception.types import CLASS_NAMES, IGNORE
import numpy as np

ABSURD = (np.nan, np.inf, -np.inf, 1e30, -1e30, 0.)


def view_of(**maps: Any) -> LabelledPrediction:
    """Make a view of maps (h, w) by name; what is not given is dull and the truth unknown."""
    shape = np.shape(next(iter(maps.values())))[-2:]

    def of(name: str, value: float) -> Any:
        return np.asarray(maps.get(name, np.full(shape, value)), np.float32)

    with np.errstate(all='ignore'):  # nonsense times nonsense
        aleatoric_std = of('depth', 10) * of('aleatoric', .1)  # m
    prediction = SimpleNamespace(
        depth=of('depth', 10), aleatoric_std=aleatoric_std, entropy=of('entropy', 1),
        classes=np.asarray(maps.get('classes', np.zeros(shape)), np.uint8),
        max_probability=of('max_probability', .5))
    epistemic = SimpleNamespace(log_depth_std=of('epistemic', .1),
                                mutual_information=of('information', .1))
    truth, label = maps.get('truth'), maps.get('label')
    return LabelledPrediction('a', np.zeros((*shape, 3), np.uint8), prediction, epistemic,
                None if truth is None else np.asarray(truth, np.float32),
                None if label is None else np.asarray(label, np.uint8),
                maps.get('probability'))


def random_view(seed: int, masked: bool = True) -> LabelledPrediction:
    """Make a view of 12 x 16 px; masked: a fifth has no truth, and nonsense is said of it."""
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
    return view_of(**maps, truth=truth, label=label, classes=classes,
                   probability=np.moveaxis(probability, -1, 0).astype(np.float32))


def add_all(tally: Any, *views: LabelledPrediction) -> Any:
    """Give the tally after some views."""
    for view in views:
        tally.update(view)
    return tally


def assert_halves_add_up(make: Any) -> None:
    """Check that the sums of two halves are those of the whole, and stay as they were given."""
    from bdl_perception.metrics.pixels import merge_states
    views = [random_view(seed) for seed in range(4)]
    first, second = add_all(make(), *views[:1]), add_all(make(), *views[1:])
    joined = merge_states(first.state(), second.state())
    whole = add_all(make(), *views).state()
    given = first.state()
    before = {name: values.copy() for name, values in given.items()}
    first.update(views[0])
    assert joined.keys() == whole.keys()
    for name, values in whole.items():
        assert values.dtype == np.float64 and values.shape == make().state()[name].shape
        np.testing.assert_allclose(joined[name], values, rtol=1e-12)
        np.testing.assert_array_equal(given[name], before[name])
        assert np.isfinite(values).all()


def depth_rows(view: LabelledPrediction) -> list[tuple[float, float, float, float]]:
    """Give (depth, truth, aleatoric, epistemic) of each judged pixel, slowly; log-depth."""
    rows = []
    for y, x in np.ndindex(view.depth.shape):
        row = (view.prediction.depth, view.depth, view.prediction.aleatoric_std,
               view.epistemic.log_depth_std)
        depth, truth, aleatoric, epistemic = (float(each[y, x]) for each in row)
        if 0 < truth <= 80 and np.isfinite(depth):
            rows.append((depth, truth, aleatoric / depth, epistemic))
    return rows
