# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""From a map to a few numbers: its mean, or what its strangest tenth exceeds, of each region."""
from typing import Mapping

from bdl_perception.alarm.regions import region_mask
from bdl_perception.alarm.regions import Regions
from bdl_perception.perception.values import CELL_PX
from bdl_perception.perception.values import Floats
import numpy as np
from numpy.typing import NDArray

HIGH = .9  # quantile of cells


def suffixes(regions: Regions) -> tuple[str, ...]:
    """Give what is appended to a score's name, in the order of pooled()."""
    return ('', *(f'_{region.name}' for region in regions))


def pooled(values: Floats, valid: NDArray[np.bool_] | None = None,
           regions: Regions = ()) -> Mapping[str, float]:
    """
    Average a map (h, w) over the pixels where valid (h, w) is true, all by default.

    The mean is NaN when a valid pixel is. Pixels 1, 2, 3 and an invalid NaN: 2. It comes for each
    region too. What has no valid pixel at all is left out: there is nothing to be right or wrong
    about.
    """
    kept = values if valid is None else values[valid]
    found = {'': _mean(kept)}
    for region in regions:
        mask = region_mask(region, *values.shape)
        found[f'_{region.name}'] = _mean(values[mask if valid is None else mask & valid])
    return {name: value for name, value in found.items() if value is not None}


def high(values: Floats, regions: Regions = ()) -> Mapping[str, float]:
    """
    Give the value that a tenth of the cells (h, w) exceed, of all and of each region.

    An unknown object fills a part of a region, and its mean hides it; the largest of many cells is
    a matter of chance. NaN when a cell is. By hand: of 0, 1, ..., 10 it is 9.
    """
    found = {'': float(np.quantile(values, HIGH))}
    for region in regions:
        mask = region_mask(region, *values.shape)
        found[f'_{region.name}'] = float(np.quantile(values[mask], HIGH))
    return found


def prepare(regions: Regions, height: int, width: int) -> None:
    """Make what pooling maps of that picture takes; ValueError: a region holds no cell of them."""
    for region in regions:
        region_mask(region, height, width)
        region_mask(region, height // CELL_PX, width // CELL_PX)


def _mean(values: Floats) -> float | None:
    return float(values.mean(dtype=np.float64)) if values.size else None
