# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""The numbers of a picture sheet: which maps a row shows, and one range for each column."""
from typing import Any, Mapping, Sequence

from bdl_perception.evaluation.view import View
from bdl_perception.perception.classes import IGNORE
from bdl_perception.perception.colouring import DEPTH_RANGE_M
from bdl_perception.perception.colouring import Range
from bdl_perception.perception.values import Bytes
from bdl_perception.perception.values import Floats
import numpy as np
from numpy.typing import NDArray

COLUMNS: Mapping[str, str] = {  # title -> unit of its colour bar; empty: it has none
    'input': '', 'depth': 'm', 'truth depth': 'm', 'classes': '', 'truth classes': '',
    'aleatoric std': 'm', 'epistemic std': 'm', 'mutual information': 'nat',
    'error': '|depth - truth| / truth, or 1: wrong class'}
FAR_M = DEPTH_RANGE_M[1]
ERROR_RANGE: Range = (0., 1.)
STRETCHED = ('aleatoric std', 'epistemic std', 'mutual information')
SHARE = 99.  # percent of a column's pixels that its range holds: a few must not darken all others

Cells = Mapping[str, NDArray[Any] | None]  # None: no truth


def cells(view: View) -> Cells:
    """Give the map (h, w) of each column, rgb (h, w, 3) of the input."""
    return {
        'input': view.rgb, 'depth': view.prediction.depth, 'truth depth': view.depth,
        'classes': view.prediction.classes, 'truth classes': view.classes,
        'aleatoric std': view.prediction.aleatoric_std,
        'epistemic std': view.epistemic.depth_std,
        'mutual information': view.epistemic.mutual_information, 'error': error(view)}


def error(view: View) -> Floats | None:
    """Give the error of depth, or of the classes where no depth is true; None without truth."""
    if view.depth is not None:
        return depth_error(view.prediction.depth, view.depth)
    if view.classes is None:
        return None
    return class_error(view.prediction.classes, view.classes)


def depth_error(depth: Floats, truth: Floats) -> Floats:
    """
    Give |depth - truth| / truth, (h, w).

    Nothing seen (+Inf) where something is: +Inf. Something seen in the sky: 1, the limit for a
    truth ever farther away. Unknown truth is NaN, and so is what both call far: no error.
    """
    finite = np.isfinite(depth) & np.isfinite(truth)  # (h, w)
    found = np.full(depth.shape, np.nan, np.float32)
    found[finite] = np.abs(depth[finite] - truth[finite]) / truth[finite]
    found[np.isinf(depth) & (truth <= FAR_M)] = np.inf
    found[np.isfinite(depth) & np.isinf(truth)] = 1
    return found


def class_error(classes: Bytes, truth: Bytes) -> Floats:
    """Give 1 for a wrong class, 0 for a right one, NaN without label, (h, w)."""
    found = (classes != truth).astype(np.float32)
    found[truth == IGNORE] = np.nan
    return found


def ranges(rows: Sequence[Cells]) -> dict[str, Range]:
    """Give one range for each column with a colour bar, the same for every row."""
    found = {'depth': DEPTH_RANGE_M, 'truth depth': DEPTH_RANGE_M, 'error': ERROR_RANGE}
    return {**found, **{name: (0., _highest(name, rows)) for name in STRETCHED}}


def _highest(name: str, rows: Sequence[Cells]) -> float:
    maps = [np.asarray(row[name]).ravel() for row in rows]
    values = np.concatenate(maps)
    finite = values[np.isfinite(values)]
    highest = float(np.percentile(finite, SHARE)) if finite.size else 0.
    return highest if highest > 0 else 1.
