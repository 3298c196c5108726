# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""
From a map to a few numbers: its mean, and the mean where it is highest, here and in each region.

An unknown object covers about one hundredth of a picture and drowns in the mean of it. The peak is
the highest mean over 3 x 3 blocks of 8 x 8 px: small enough for a person at 20 m, large enough
that the noise of a single pixel is averaged away.
"""
from functools import cache
from typing import Mapping, NamedTuple

from bdl_perception.alarm.regions import Region
from bdl_perception.alarm.regions import region_mask
from bdl_perception.alarm.regions import Regions
from bdl_perception.perception.values import Floats
import numpy as np
from numpy.typing import NDArray

BLOCK_PX = 8
HIGH = .9  # quantile of cells
ENOUGH = .5  # of the best filled window: a sliver at the edge of the sky is no window

Doubles = NDArray[np.float64]


class Blocks(NamedTuple):
    """Sums over blocks of a map, and how many valid pixels each holds; (h / 8, w / 8)."""

    sums: Doubles
    counts: Doubles


def suffixes(regions: Regions) -> tuple[str, ...]:
    """Give what is appended to a score's name, in the order of pooled()."""
    return ('', '_peak', *(f'_{region.name}{end}' for region in regions for end in ('', '_peak')))


def pooled(values: Floats, valid: NDArray[np.bool_] | None = None,
           regions: Regions = ()) -> Mapping[str, float]:
    """
    Pool a map (h, w) over the pixels where valid (h, w) is true, all by default.

    The mean is NaN when a valid pixel is. Pixels 1, 2, 3 and an invalid NaN: 2. The peak is
    explained below, and both come for each region too. What has no valid pixel at all is left out:
    there is nothing to be right or wrong about.
    """
    kept = values if valid is None else np.where(valid, values, np.float32(0))  # (h, w)
    blocks = Blocks(_block_sums(kept), _full_counts(*values.shape) if valid is None
                    else _block_sums(valid.astype(np.float32)))
    found = {'': _ratio(blocks.sums.sum(), blocks.counts.sum()), '_peak': peak(blocks)}
    for region in regions:
        mask = _weights(region, *values.shape)  # (h * w,)
        count = float(mask.sum()) if valid is None else float(np.dot(mask, valid.ravel()))
        found[f'_{region.name}'] = _ratio(float(np.dot(mask, kept.ravel())), count)
        inside = _inside(region, *values.shape)
        found[f'_{region.name}_peak'] = peak(Blocks(np.where(inside, blocks.sums, 0),
                                                    blocks.counts * inside))
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


def peak(blocks: Blocks) -> float | None:
    """
    Give the highest mean over windows of 3 x 3 blocks that are at least half full.

    None when there is no valid pixel, NaN with a NaN among the valid ones. By hand: one block of
    sum 9, all others 0, each of one pixel, in 3 x 3 blocks: 1.
    """
    sums, counts = _window(blocks.sums), _window(blocks.counts)
    full = counts >= max(ENOUGH * counts.max(), 1)
    means = sums[full] / counts[full]
    return float(means.max()) if means.size else None


def _block_sums(values: Floats) -> Doubles:
    height, width = values.shape
    down, right = -height % BLOCK_PX, -width % BLOCK_PX
    if down or right:
        values = np.pad(values, ((0, down), (0, right)))
    rows = np.ascontiguousarray(values).reshape(-1, BLOCK_PX, width + right).sum(1)
    sums = rows.reshape(len(rows), -1, BLOCK_PX).sum(2, dtype=np.float64)
    return np.asarray(sums, np.float64)  # (ceil(h / 8), ceil(w / 8))


def prepare(regions: Regions, height: int, width: int) -> None:
    """Make what pooling maps of that size takes; ValueError: a region holds no pixel of them."""
    for region in regions:
        _weights(region, height, width)
        _inside(region, height, width)


@cache
def _full_counts(height: int, width: int) -> Doubles:
    return _block_sums(np.ones((height, width), np.float32))


@cache
def _weights(region: Region, height: int, width: int) -> Floats:
    return region_mask(region, height, width).ravel().astype(np.float32)


@cache
def _inside(region: Region, height: int, width: int) -> NDArray[np.bool_]:
    """Tell which blocks lie mostly inside; of a thin region those that do most."""
    share = (_block_sums(region_mask(region, height, width).astype(np.float32))
             / _full_counts(height, width))
    return np.asarray(share >= .5 * share.max())


def _window(blocks: Doubles) -> Doubles:
    """Sum 3 x 3 blocks, or as many as there are, wherever they fit."""
    for _ in range(2):  # once down, once to the right
        if len(blocks) >= 3:
            blocks = blocks[:-2] + blocks[1:-1] + blocks[2:]
        else:
            blocks = blocks.sum(0, keepdims=True)
        blocks = blocks.T
    return blocks


def _ratio(total: float, count: float) -> float | None:
    return float(total / count) if count else None
